//! Postfix's rate delay: a rest after every delivery.

use std::fmt;

use crate::sender::strategy::controller::{Observation, PaceController};
use crate::time::{Span, Time};

/// The next delivery begins so long after the end of the one before (`default_destination_rate_delay`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateDelay {
    /// The delay; not zero.
    pub delay: Span,
    /// How late the timer rings. Measured with Postfix 3.7: about 5 ms.
    pub lag: Span,
}

impl RateDelay {
    /// The delay that lets `factor` times as many go.
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { delay: self.delay.scaled(1.0 / factor).max(Span::TICK), ..self }
    }
}

impl fmt::Display for RateDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from the end of a message to the next", self.delay)
    }
}

/// When the rest is over.
#[derive(Clone, Copy, Debug)]
pub struct State {
    settings: RateDelay,
    resumes_at: Time,
}

impl State {
    /// No rest yet.
    pub const fn new(settings: RateDelay) -> Self {
        Self { settings, resumes_at: Time::ZERO }
    }

    /// Goes on with other settings; a rest that has begun is not cut short.
    pub(super) const fn change(&mut self, settings: RateDelay) {
        self.settings = settings;
    }
}

impl PaceController for State {
    fn ready_at(&self, now: Time) -> Time {
        self.resumes_at.max(now)
    }

    fn observe(&mut self, seen: &Observation) {
        self.resumes_at = seen.now + self.settings.delay + self.settings.lag;
    }
}
