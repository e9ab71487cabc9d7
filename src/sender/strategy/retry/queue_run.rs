//! Postfix's queue run: deferred mail comes back only when the queue is looked through (`qmgr_scan.c`).

use std::fmt;

use crate::time::{Span, Time};

/// The queue is looked through again and again, the first time at the start; what is due then comes back, all of it
/// together. What is due within a second is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRun {
    /// From one look to the next; not zero (`queue_run_delay`).
    pub every: Span,
    /// What a look adds to that by itself. Measured with Postfix 3.7: 0.05 s.
    pub lag: Span,
}

impl QueueRun {
    /// The first look after `now` that finds what is due at `due`.
    pub fn finds(self, now: Time, due: Time) -> Time {
        let period = (self.every + self.lag).as_micros();
        let early = due.as_micros().saturating_sub(Span::from_secs(1).as_micros());
        let look = (now.as_micros() / period + 1).max(early.div_ceil(period));
        Time::from_micros(look.saturating_mul(period))
    }
}

impl fmt::Display for QueueRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "looks for what is due every {}", self.every + self.lag)
    }
}
