//! A limiter: one window of concurrency, one pace and one breaker, for all queues that share it.

use super::strategy::{Strategy, breaker, concurrency, pacing};
use crate::time::Time;
use crate::units::QueueId;

/// What the queues of one scope share.
#[derive(Clone, Debug)]
pub(super) struct Limiter {
    pub(super) concurrency: concurrency::State,
    pub(super) pacing: pacing::State,
    pub(super) breaker: breaker::State,
    /// Deliveries under way, from the wish to connect to the last reply.
    pub(super) busy: u32,
    /// Connections open or being opened, idle ones included.
    pub(super) open: u32,
    /// The queues, taken in turn.
    pub(super) queues: Vec<QueueId>,
    /// Whose turn it is.
    pub(super) turn: usize,
    /// When the limiter's timer will ring; `Time::NEVER` where it is not set.
    pub(super) rings_at: Time,
    /// Whether it stands in the line of limiters that may have something to do.
    pub(super) awake: bool,
}

impl Limiter {
    pub(super) fn new(strategy: &Strategy) -> Self {
        Self {
            concurrency: concurrency::State::new(&strategy.concurrency),
            pacing: pacing::State::default(),
            breaker: breaker::State::default(),
            busy: 0,
            open: 0,
            queues: Vec::new(),
            turn: 0,
            rings_at: Time::NEVER,
            awake: false,
        }
    }

    /// Whether one more delivery may begin, on a connection that is open already or on a new one.
    pub(super) fn has_room(&self, counts_idle: bool, on_open: bool) -> bool {
        let window = self.concurrency.window();
        match (counts_idle, on_open) {
            (true, true) | (false, _) => self.busy < window,
            (true, false) => self.open < window,
        }
    }

    /// When breaker and pace next allow a delivery to begin; not after `now` if they do now.
    pub(super) fn ready_at(&self, now: Time, strategy: &Strategy) -> Time {
        self.breaker.open_at().max(self.pacing.ready_at(now, &strategy.pacing))
    }
}
