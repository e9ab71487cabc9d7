//! The event queue: a tournament of sixteen-byte keys. (A binary heap, two compares at each of its levels where here is
//! one, and each waiting for the one before, took twice as long.)
//!
//! Everything that can have an event pending has a *slot* with a number, and at most one event at a time: scheduling
//! anew replaces what was scheduled before. Events of the same moment come in the order in which they were scheduled.

use crate::time::Time;

/// Events to come.
#[derive(Debug)]
pub(super) struct EventQueue {
    /// A binary tree without its place 0: the second half are the slots' keys, every other place is the earlier of the
    /// two below it, and place 1 is the next event.
    tree: Vec<Key>,
    /// The slot whose event has come. Its key stays until the slot is scheduled anew, as it mostly is at once, or
    /// until the next event is wanted: one match less for most events.
    spent: Option<u32>,
    scheduled: u64,
    now: Time,
}

/// When (the upper half), and in which order; the order's lowest bits are the slot. One number, so that two keys are
/// compared at a stroke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

/// Bits of the order that hold the slot: sixteen million slots, and a million million events.
const SLOT_BITS: u32 = 24;

impl Key {
    /// The key of a slot with nothing to come.
    const NOTHING: Self = Self(u128::MAX);

    fn new(at: Time, order: u64) -> Self {
        Self(u128::from(at.as_micros()) << 64 | u128::from(order))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    const fn parts(self) -> (Time, u64) {
        (Time::from_micros((self.0 >> 64) as u64), self.0 as u64)
    }
}

impl Default for EventQueue {
    fn default() -> Self {
        Self { tree: vec![Key::NOTHING; 2], spent: None, scheduled: 0, now: Time::ZERO }
    }
}

impl EventQueue {
    /// Schedules the event of `slot` for `at`, which is not before the last event that came.
    pub(super) fn schedule(&mut self, slot: u32, at: Time) {
        assert!(slot < 1 << SLOT_BITS, "slots are numbered below 2^24");
        assert!(at >= self.now, "nothing happens in the past");
        if slot as usize >= self.slots() {
            self.grow(slot as usize + 1);
        }
        if self.spent == Some(slot) {
            self.spent = None;
        }
        self.scheduled += 1;
        self.enter(slot, Key::new(at, self.scheduled << SLOT_BITS | u64::from(slot)));
    }

    /// Takes back the event of `slot`, if one is pending.
    pub(super) fn cancel(&mut self, slot: u32) {
        if self.spent != Some(slot) && (slot as usize) < self.slots() {
            self.enter(slot, Key::NOTHING);
        }
    }

    /// The next event: its moment and its slot.
    pub(super) fn pop(&mut self) -> Option<(Time, u32)> {
        if let Some(slot) = self.spent.take() {
            self.enter(slot, Key::NOTHING);
        }
        let first = self.tree[1];
        if first == Key::NOTHING {
            return None;
        }
        let (at, order) = first.parts();
        let slot = (order & ((1 << SLOT_BITS) - 1)) as u32;
        (self.spent, self.now) = (Some(slot), at);
        Some((at, slot))
    }

    fn slots(&self) -> usize {
        self.tree.len() / 2
    }

    /// A slot has another key: it plays its matches anew, from the bottom up.
    fn enter(&mut self, slot: u32, key: Key) {
        let (mut place, mut winner) = (self.slots() + slot as usize, key);
        self.tree[place] = key;
        while place > 1 {
            winner = winner.min(self.tree[place ^ 1]);
            place /= 2;
            self.tree[place] = winner;
        }
    }

    /// Makes room for at least so many slots.
    #[cold]
    fn grow(&mut self, slots: usize) {
        let slots = slots.next_power_of_two();
        let mut tree = vec![Key::NOTHING; slots];
        tree.extend_from_slice(&self.tree[self.slots()..]);
        tree.resize(2 * slots, Key::NOTHING);
        for place in (1..slots).rev() {
            tree[place] = tree[2 * place].min(tree[2 * place + 1]);
        }
        self.tree = tree;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is scheduled, anew, taken back and taken: the same as a sorted set of what is pending.
        #[test]
        fn events_come_as_from_a_sorted_set(
            steps in prop::collection::vec((0..40_u32, 0..50_u64, 0..10_u8), 1..400),
        ) {
            let (mut queue, mut pending, mut now) = (EventQueue::default(), BTreeSet::new(), 0);
            for (n, (slot, later, what)) in steps.into_iter().enumerate() {
                if what < 6 {
                    pending.retain(|(_, _, other)| *other != slot);
                    pending.insert((now + later, n, slot));
                    queue.schedule(slot, Time::from_micros(now + later));
                } else if what < 7 {
                    pending.retain(|(_, _, other)| *other != slot);
                    queue.cancel(slot);
                } else {
                    let expected = pending.pop_first().map(|(at, _, slot)| (at, slot));
                    now = expected.map_or(now, |(at, _)| at);
                    prop_assert_eq!(queue.pop().map(|(at, slot)| (at.as_micros(), slot)), expected);
                }
            }
        }
    }

    #[test]
    fn events_come_in_time_then_in_the_order_of_scheduling() {
        let mut queue = EventQueue::default();
        let at = Time::from_micros;
        for (slot, micros) in [(5, 30), (6, 10), (7, 10), (8, 20)] {
            queue.schedule(slot, at(micros));
        }
        queue.schedule(5, at(10));
        queue.cancel(8);
        let order: Vec<(u64, u32)> = std::iter::from_fn(|| queue.pop()).map(|(t, s)| (t.as_micros(), s)).collect();
        assert_eq!(order, [(10, 6), (10, 7), (10, 5)]);
    }

    #[test]
    #[should_panic(expected = "past")]
    fn the_past_is_closed() {
        let mut queue = EventQueue::default();
        queue.schedule(0, Time::from_micros(10));
        queue.pop();
        queue.schedule(0, Time::from_micros(9));
    }
}
