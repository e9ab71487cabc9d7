//! Mail that waits for its retry, the earliest first.
//!
//! Deliveries that have failed equally often mostly wait equally long, so that they come due in the order in which they
//! were deferred: each number of failures has a line, and what fits at its end stands there. What would come before the
//! end (waits that chance has spread) goes into a heap. A line costs the same however long it is; a heap of a million
//! misses the cache at every step.

use super::super::event::Delivery;
use super::chunk::ChunkPool;
use super::fifo::Fifo;
use super::retry_heap::RetryHeap;
use crate::time::Time;

/// Deliveries that wait.
#[derive(Clone, Debug)]
pub(super) struct RetryQueue {
    /// By failures; the last line is for all that have more.
    lines: [Fifo; LINES],
    heap: RetryHeap,
    /// The rank of what stands first in each line, and behind them in the heap.
    firsts: [Rank; LINES + 1],
    /// Where the earliest of these is.
    earliest: usize,
}

/// When something comes due, then its number: what is compared, in one number. [`EMPTY`] comes after everything.
type Rank = u128;

const EMPTY: Rank = Rank::MAX;

fn rank(delivery: &Delivery) -> Rank {
    Rank::from(delivery.ready_at.as_micros()) << 32 | Rank::from(delivery.first.0)
}

/// Failures that are told apart: waits that double have reached any cap by then.
const LINES: usize = 8;

impl RetryQueue {
    pub(super) const fn new() -> Self {
        Self { lines: [const { Fifo::new() }; LINES], heap: RetryHeap::new(), firsts: [EMPTY; LINES + 1], earliest: 0 }
    }

    pub(super) fn push(&mut self, delivery: &Delivery, pool: &mut ChunkPool) {
        let place = usize::from(delivery.failures).min(LINES - 1);
        let line = &mut self.lines[place];
        let is_first = line.is_empty();
        if line.back().is_some_and(|last| last > delivery) {
            self.heap.push(*delivery, pool);
            return self.update_first(LINES);
        }
        line.push_back(delivery, pool);
        if is_first {
            self.update_first(place);
        }
    }

    /// The earliest.
    pub(super) fn first(&self) -> Option<&Delivery> {
        self.first_at(self.earliest)
    }

    /// Takes the earliest, if it has waited long enough.
    pub(super) fn pop_due(&mut self, now: Time, pool: &mut ChunkPool) -> Option<Delivery> {
        let place = self.earliest;
        self.first_at(place).filter(|first| first.ready_at <= now)?;
        let taken = match self.lines.get_mut(place) {
            Some(line) => line.pop_front(pool),
            None => self.heap.pop(pool),
        };
        self.update_first(place);
        taken
    }

    /// What stands first in a line, or behind the lines in the heap.
    fn first_at(&self, place: usize) -> Option<&Delivery> {
        self.lines.get(place).map_or_else(|| self.heap.first(), Fifo::front)
    }

    /// Another stands first at a place.
    fn update_first(&mut self, place: usize) {
        self.firsts[place] = self.first_at(place).map_or(EMPTY, rank);
        let mut earliest = (0, self.firsts[0]);
        for (place, rank) in self.firsts.iter().enumerate() {
            if *rank < earliest.1 {
                earliest = (place, *rank);
            }
        }
        self.earliest = earliest.0;
    }

    /// Everything that waits, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.lines.iter().flat_map(Fifo::iter).chain(self.heap.iter())
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;
    use crate::units::RecipientId;

    proptest! {
        /// Whatever is pushed and popped, in order or not: the same as the standard library's heap.
        #[test]
        fn what_waits_comes_in_the_order_of_its_time(
            steps in prop::collection::vec((0..100_u64, 0..12_u8, prop::bool::weighted(0.6)), 1..600),
            in_order: bool,
        ) {
            let (mut delayed, mut pool, mut reference) = (RetryQueue::new(), ChunkPool::new(), BinaryHeap::new());
            for (n, (at, failures, pushes)) in (0..).zip(steps) {
                let wait = 10 * u64::from(failures);
                let ready_at = Time::from_micros(if in_order { u64::from(n) + wait } else { at });
                let delivery = Delivery { ready_at, first: RecipientId(n), count: 1, failures, priority: false };
                if pushes {
                    delayed.push(&delivery, &mut pool);
                    reference.push(Reverse(delivery));
                } else {
                    let popped = delayed.pop_due(Time::NEVER, &mut pool);
                    prop_assert_eq!(popped, reference.pop().map(|Reverse(delivery)| delivery));
                }
                prop_assert_eq!(delayed.first(), reference.peek().map(|Reverse(delivery)| delivery));
            }
            prop_assert_eq!(delayed.iter().count(), reference.len());
        }
    }
}
