//! The room in which mail waits: pieces of a kilobyte that a queue's lines lend each other.
//!
//! A vector that grows by doubling is half empty at worst, and holds old and new room while it moves. Here what is not
//! used is at most a chunk for each end of a line, and a chunk that comes free is kept for whatever grows next: a queue
//! that has once been as long as it gets asks for no more memory.

use super::super::event::Delivery;
use crate::time::Time;
use crate::units::RecipientId;

/// Deliveries in a chunk: half a kilobyte. Thousands of queues have some that are not full.
pub(super) const CHUNK: usize = 32;

/// A piece of room.
pub(super) type DeliveryChunk = Box<[Delivery; CHUNK]>;

/// Chunks that nothing uses now.
#[derive(Clone, Debug, Default)]
pub(super) struct ChunkPool(Vec<DeliveryChunk>);

impl ChunkPool {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// A chunk to fill.
    pub(super) fn take(&mut self) -> DeliveryChunk {
        self.0.pop().unwrap_or_else(|| Box::new([NOTHING; CHUNK]))
    }

    /// A chunk is empty again.
    pub(super) fn give_back(&mut self, chunk: DeliveryChunk) {
        self.0.push(chunk);
    }
}

/// Calls a chunk in whose turn has come. Where millions wait, it is in no cache: its lines are asked for all at once,
/// or each would be waited for by itself, a few deliveries after the one before.
pub(super) fn prefetch(chunk: &DeliveryChunk) {
    let lines = chunk.iter().step_by(4).fold(0, |sum, delivery| sum ^ delivery.first.0);
    std::hint::black_box(lines);
}

/// What stands in a chunk where no delivery does.
const NOTHING: Delivery =
    Delivery { ready_at: Time::ZERO, first: RecipientId(0), count: 0, failures: 0, priority: false };
