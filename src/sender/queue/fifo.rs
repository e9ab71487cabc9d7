//! Mail in the order in which it goes: in at the back, out at the front, and back to the front.

use std::collections::VecDeque;

use super::super::event::Delivery;
use super::chunk::{self, CHUNK, ChunkPool, DeliveryChunk};

/// A line of deliveries.
#[derive(Clone, Debug)]
pub(super) struct Fifo {
    chunks: VecDeque<DeliveryChunk>,
    /// Where the first delivery stands in the first chunk.
    start: usize,
    len: usize,
}

impl Fifo {
    pub(super) const fn new() -> Self {
        Self { chunks: VecDeque::new(), start: 0, len: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(super) fn push_back(&mut self, delivery: &Delivery, pool: &mut ChunkPool) {
        let place = self.start + self.len;
        if place == self.chunks.len() * CHUNK {
            self.lengthen(pool);
        }
        self.chunks[place / CHUNK][place % CHUNK] = *delivery;
        self.len += 1;
    }

    #[inline(never)]
    fn lengthen(&mut self, pool: &mut ChunkPool) {
        self.chunks.push_back(pool.take());
    }

    pub(super) fn push_front(&mut self, delivery: Delivery, pool: &mut ChunkPool) {
        if self.start == 0 {
            self.chunks.push_front(pool.take());
            self.start = CHUNK;
        }
        self.start -= 1;
        self.chunks[0][self.start] = delivery;
        self.len += 1;
    }

    pub(super) fn front(&self) -> Option<&Delivery> {
        self.chunks.front().filter(|_| self.len > 0).map(|chunk| &chunk[self.start])
    }

    pub(super) fn back(&self) -> Option<&Delivery> {
        let last = (self.start + self.len).checked_sub(1).filter(|_| self.len > 0)?;
        Some(&self.chunks[last / CHUNK][last % CHUNK])
    }

    /// Takes the first `most` recipients of the first delivery, which has more.
    #[inline(never)]
    pub(super) fn split_front(&mut self, most: u16) -> Option<Delivery> {
        let next = self.chunks.front_mut().filter(|_| self.len > 0).map(|chunk| &mut chunk[self.start])?;
        let taken = Delivery { count: most, ..*next };
        next.first.0 += u32::from(most);
        next.count -= most;
        Some(taken)
    }

    pub(super) fn pop_front(&mut self, pool: &mut ChunkPool) -> Option<Delivery> {
        let delivery = *self.front()?;
        self.start += 1;
        self.len -= 1;
        if self.start == CHUNK || self.len == 0 {
            self.start = 0;
            if let Some(chunk) = self.chunks.pop_front() {
                pool.give_back(chunk);
            }
            if let Some(next) = self.chunks.front() {
                chunk::prefetch(next);
            }
        }
        Some(delivery)
    }

    /// Everything in the line, the first first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).skip(self.start).take(self.len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Time;
    use crate::units::RecipientId;

    fn delivery(first: u32) -> Delivery {
        Delivery { ready_at: Time::ZERO, first: RecipientId(first), count: 1, failures: 0, priority: false }
    }

    proptest! {
        /// Whatever is pushed and popped: the same as the standard library's, and no room is lost.
        #[test]
        fn a_line_is_a_deque(steps in prop::collection::vec(0..10_u8, 1..600)) {
            let (mut line, mut pool, mut deque) = (Fifo::new(), ChunkPool::new(), VecDeque::new());
            for (n, step) in (0..).zip(steps) {
                match step {
                    0..=4 => {
                        line.push_back(&delivery(n), &mut pool);
                        deque.push_back(delivery(n));
                    }
                    5..=6 => {
                        line.push_front(delivery(n), &mut pool);
                        deque.push_front(delivery(n));
                    }
                    _ => prop_assert_eq!(line.pop_front(&mut pool), deque.pop_front()),
                }
                prop_assert_eq!(line.front(), deque.front());
                prop_assert_eq!(line.back(), deque.back());
                prop_assert_eq!(line.is_empty(), deque.is_empty());
                prop_assert!(line.chunks.len() <= deque.len() / CHUNK + 2);
            }
            prop_assert!(line.iter().eq(deque.iter()));
        }
    }
}
