//! The event queue: one binary heap of sixteen-byte keys. (With four branches at every place, half as deep, scheduling
//! took a third more instructions; a tournament among the slots, without a branch in a match, was no faster.)
//!
//! Everything that can have an event pending has a *slot* with a number, and at most one event at a time: scheduling it
//! again replaces what was scheduled before (the old key stays in the heap and is skipped). Events of the same moment
//! come in the order in which they were scheduled.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Time;

/// Events to come.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    heap: BinaryHeap<Reverse<EventKey>>,
    /// The event on top of the heap has come. It stays there until the next is scheduled, which mostly is the next of
    /// its own slot and takes its place: that is half the work of taking one out and putting another in.
    spent: bool,
    /// For each slot the order of its pending event; 0 where there is none.
    pending: Vec<u64>,
    scheduled: u64,
    now: Time,
}

/// An event that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DueEvent {
    pub(super) at: Time,
    pub(super) slot: u32,
}

/// When (the upper half), and in which order; the order's lowest bits are the slot. One number, so that two keys are
/// compared at a stroke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EventKey(u128);

/// Bits of the order that hold the slot: sixteen million slots, and a million million events.
const SLOT_BITS: u32 = 24;

impl EventKey {
    fn new(at: Time, order: u64) -> Self {
        Self(u128::from(at.as_micros()) << 64 | u128::from(order))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    const fn parts(self) -> (Time, u64) {
        (Time::from_micros((self.0 >> 64) as u64), self.0 as u64)
    }
}

impl EventQueue {
    /// Schedules the event of `slot` for `at`, and no other moment.
    ///
    /// # Panics
    ///
    /// If `at` is before the last event that came, or there are too many slots.
    pub(super) fn schedule(&mut self, slot: u32, at: Time) {
        assert!(slot < 1 << SLOT_BITS, "slots are numbered below 2^24");
        assert!(at >= self.now, "nothing happens in the past");
        let index = slot as usize;
        if index >= self.pending.len() {
            self.pending.resize(index + 1, 0);
        }
        self.scheduled += 1;
        let order = self.scheduled << SLOT_BITS | u64::from(slot);
        self.pending[index] = order;
        let key = Reverse(EventKey::new(at, order));
        if std::mem::replace(&mut self.spent, false)
            && let Some(mut top) = self.heap.peek_mut()
        {
            *top = key;
        } else {
            self.heap.push(key);
        }
    }

    /// Takes back the event of `slot`, if one is pending.
    pub(super) fn cancel(&mut self, slot: u32) {
        if let Some(pending) = self.pending.get_mut(slot as usize) {
            *pending = 0;
        }
    }

    /// When the next event comes.
    pub(super) fn next_at(&mut self) -> Option<Time> {
        self.next_pending().map(|next| next.at)
    }

    /// The next event, if it comes by `now`.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<DueEvent> {
        if self.next_at()? <= now { self.pop() } else { None }
    }

    /// The next event.
    #[expect(clippy::inline_always, reason = "asked for every event, in one place of each world")]
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<DueEvent> {
        let next = self.next_pending()?;
        self.pending[next.slot as usize] = 0;
        self.spent = true;
        self.now = next.at;
        Some(next)
    }

    /// The next event, which stays on top of the heap; what was replaced or taken back before it is gone.
    #[expect(clippy::inline_always, reason = "asked for every event")]
    #[inline(always)]
    fn next_pending(&mut self) -> Option<DueEvent> {
        loop {
            if std::mem::replace(&mut self.spent, false) {
                self.heap.pop();
            }
            let Reverse(key) = self.heap.peek()?;
            let (at, order) = key.parts();
            let slot = slot(order);
            if self.pending[slot as usize] == order {
                return Some(DueEvent { at, slot });
            }
            self.spent = true;
        }
    }
}

/// The slot that an order's lowest bits are.
const fn slot(order: u64) -> u32 {
    (order & ((1 << SLOT_BITS) - 1)) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is scheduled, scheduled again, taken back and taken: the same as a sorted set of what is pending.
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
                    let expected = expected.map(|(at, slot)| DueEvent { at: Time::from_micros(at), slot });
                    prop_assert_eq!(queue.pop(), expected);
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
        let order: Vec<(u64, u32)> =
            std::iter::from_fn(|| queue.pop()).map(|due| (due.at.as_micros(), due.slot)).collect();
        assert_eq!(order, [(10, 6), (10, 7), (10, 5)]);
    }

    #[test]
    fn what_is_due_comes_by_its_moment_and_once() {
        let mut queue = EventQueue::default();
        let at = Time::from_micros;
        for (slot, micros) in [(7, 30), (1, 20), (7, 10), (3, 15)] {
            queue.schedule(slot, at(micros));
        }
        queue.cancel(3);
        queue.cancel(99);
        assert_eq!(queue.next_at(), Some(at(10)));
        assert_eq!(queue.pop_due(at(9)), None);
        let due: Vec<_> = std::iter::from_fn(|| queue.pop_due(at(25))).collect();
        assert_eq!(due, [DueEvent { at: at(10), slot: 7 }, DueEvent { at: at(20), slot: 1 }]);
        assert_eq!(queue.next_at(), None);
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
