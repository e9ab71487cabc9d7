//! Mail that waits in no order of its own, the earliest first: a heap of four branches in chunks.

use super::super::event::Delivery;
use super::chunk::{CHUNK, ChunkPool, DeliveryChunk};

/// A heap of deliveries.
#[derive(Clone, Debug)]
pub(super) struct RetryHeap {
    chunks: Vec<DeliveryChunk>,
    len: usize,
}

/// Children of a place: four make a heap half as deep as two, and stand beside each other.
const BRANCHES: usize = 4;

impl RetryHeap {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }

    /// The earliest.
    pub(super) fn first(&self) -> Option<&Delivery> {
        (self.len > 0).then(|| self.at(0))
    }

    pub(super) fn push(&mut self, delivery: Delivery, pool: &mut ChunkPool) {
        if self.len == self.chunks.len() * CHUNK {
            self.chunks.push(pool.take());
        }
        let mut place = self.len;
        self.len += 1;
        while place > 0 {
            let parent = (place - 1) / BRANCHES;
            if *self.at(parent) <= delivery {
                break;
            }
            *self.at_mut(place) = *self.at(parent);
            place = parent;
        }
        *self.at_mut(place) = delivery;
    }

    pub(super) fn pop(&mut self, pool: &mut ChunkPool) -> Option<Delivery> {
        let first = *self.first()?;
        self.len -= 1;
        let last = *self.at(self.len);
        if self.len.is_multiple_of(CHUNK)
            && let Some(chunk) = self.chunks.pop()
        {
            pool.give_back(chunk);
        }
        if self.len > 0 {
            self.sink(last);
        }
        Some(first)
    }

    /// Everything in the heap, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).take(self.len)
    }

    /// Fills the empty place at the top with `delivery`, or with what must stand above it.
    fn sink(&mut self, delivery: Delivery) {
        let mut place = 0;
        loop {
            let children = place * BRANCHES + 1..(place * BRANCHES + 1 + BRANCHES).min(self.len);
            let Some(least) = children.min_by_key(|child| self.at(*child)) else { break };
            if delivery <= *self.at(least) {
                break;
            }
            *self.at_mut(place) = *self.at(least);
            place = least;
        }
        *self.at_mut(place) = delivery;
    }

    fn at(&self, place: usize) -> &Delivery {
        &self.chunks[place / CHUNK][place % CHUNK]
    }

    fn at_mut(&mut self, place: usize) -> &mut Delivery {
        &mut self.chunks[place / CHUNK][place % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;
    use crate::time::Time;
    use crate::units::RecipientId;

    proptest! {
        /// Whatever is pushed and popped: the same as the standard library's, and no room is lost.
        #[test]
        fn a_heap_is_a_heap(steps in prop::collection::vec((0..100_u64, prop::bool::weighted(0.6)), 1..600)) {
            let (mut heap, mut pool, mut reference) = (RetryHeap::new(), ChunkPool::new(), BinaryHeap::new());
            for (n, (ready_at, pushes)) in (0..).zip(steps) {
                let ready_at = Time::from_micros(ready_at);
                let delivery = Delivery { ready_at, first: RecipientId(n), count: 1, failures: 0, priority: false };
                if pushes {
                    heap.push(delivery, &mut pool);
                    reference.push(Reverse(delivery));
                } else {
                    prop_assert_eq!(heap.pop(&mut pool), reference.pop().map(|Reverse(delivery)| delivery));
                }
                prop_assert_eq!(heap.first(), reference.peek().map(|Reverse(delivery)| delivery));
                prop_assert_eq!(heap.chunks.len(), reference.len().div_ceil(CHUNK));
            }
            prop_assert_eq!(heap.iter().count(), reference.len());
        }
    }
}
