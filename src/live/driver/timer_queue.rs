//! What is to happen when: one entry for each thing, replaced when it is put down anew.

use std::collections::BTreeSet;

use crate::time::Time;

/// Moments by thing. Things are small numbers.
#[derive(Debug, Default)]
pub(super) struct TimerQueue {
    by_time: BTreeSet<(Time, u32)>,
    by_timer: Vec<Option<Time>>,
}

impl TimerQueue {
    /// Puts a thing down for a moment, and nowhere else.
    pub(super) fn set(&mut self, timer: u32, at: Time) {
        self.cancel(timer);
        if self.by_timer.len() <= timer as usize {
            self.by_timer.resize(timer as usize + 1, None);
        }
        self.by_timer[timer as usize] = Some(at);
        self.by_time.insert((at, timer));
    }

    /// Takes a thing off.
    pub(super) fn cancel(&mut self, timer: u32) {
        if let Some(at) = self.by_timer.get_mut(timer as usize).and_then(Option::take) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// When something is next.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes off the first thing that is due, with its moment.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<(Time, u32)> {
        let (at, timer) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.cancel(timer);
        Some((at, timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_of_time_and_once() {
        let at = Time::from_micros;
        let mut queue = TimerQueue::default();
        queue.set(7, at(30));
        queue.set(1, at(20));
        queue.set(7, at(10));
        queue.set(3, at(15));
        queue.cancel(3);
        queue.cancel(99);
        assert_eq!(queue.next_at(), Some(at(10)));
        assert_eq!(queue.pop_due(at(9)), None);
        let pop_due: Vec<_> = std::iter::from_fn(|| queue.pop_due(at(25))).collect();
        assert_eq!(pop_due, [(at(10), 7), (at(20), 1)]);
        assert_eq!(queue.next_at(), None);
    }
}
