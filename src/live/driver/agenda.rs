//! What is to happen when: one entry for each thing, replaced when it is put down anew.

use std::collections::BTreeSet;

use crate::time::Time;

/// Moments by thing. Things are small numbers.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    by_time: BTreeSet<(Time, u32)>,
    by_thing: Vec<Option<Time>>,
}

impl Agenda {
    /// Puts a thing down for a moment, and nowhere else.
    pub(super) fn set(&mut self, thing: u32, at: Time) {
        self.cancel(thing);
        if self.by_thing.len() <= thing as usize {
            self.by_thing.resize(thing as usize + 1, None);
        }
        self.by_thing[thing as usize] = Some(at);
        self.by_time.insert((at, thing));
    }

    /// Takes a thing off.
    pub(super) fn cancel(&mut self, thing: u32) {
        if let Some(at) = self.by_thing.get_mut(thing as usize).and_then(Option::take) {
            self.by_time.remove(&(at, thing));
        }
    }

    /// When something is next.
    pub(super) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes off the first thing that is due, with its moment.
    pub(super) fn due(&mut self, now: Time) -> Option<(Time, u32)> {
        let (at, thing) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.cancel(thing);
        Some((at, thing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_in_the_order_of_their_times_and_once() {
        let at = Time::from_micros;
        let mut agenda = Agenda::default();
        agenda.set(7, at(30));
        agenda.set(1, at(20));
        agenda.set(7, at(10));
        agenda.set(3, at(15));
        agenda.cancel(3);
        agenda.cancel(99);
        assert_eq!(agenda.next(), Some(at(10)));
        assert_eq!(agenda.due(at(9)), None);
        let due: Vec<_> = std::iter::from_fn(|| agenda.due(at(25))).collect();
        assert_eq!(due, [(at(10), 7), (at(20), 1)]);
        assert_eq!(agenda.next(), None);
    }
}
