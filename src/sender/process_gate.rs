//! What the whole sender is held to, all sites together: deliveries at once, and a rest after each.

use super::strategy::ProcessLimits;
use super::waiting_line::WaitingLine;
use crate::time::Time;

/// Deliveries under way, and when the next may begin.
#[derive(Debug)]
pub(super) struct ProcessGate {
    limits: ProcessLimits,
    busy: u32,
    rested_at: Time,
    /// Limiters that wait for one of the deliveries under way to end.
    pub(super) waiting: WaitingLine,
}

impl ProcessGate {
    pub(super) fn new(limits: ProcessLimits, limiters: usize) -> Self {
        Self { limits, busy: 0, rested_at: Time::ZERO, waiting: WaitingLine::new(limiters) }
    }

    /// Whether as many deliveries are under way as may be.
    pub(super) fn is_full(&self) -> bool {
        self.limits.deliveries.is_some_and(|most| self.busy >= most)
    }

    /// Whether there is no limit to deliveries at once.
    pub(super) const fn is_open(&self) -> bool {
        self.limits.deliveries.is_none()
    }

    /// When the next delivery may begin.
    pub(super) const fn ready_at(&self) -> Time {
        self.rested_at
    }

    pub(super) fn began(&mut self) {
        self.busy += 1;
    }

    /// A delivery is not under way any more, without having been tried.
    pub(super) fn withdrawn(&mut self) {
        self.busy -= 1;
    }

    pub(super) fn ended(&mut self, now: Time) {
        self.busy -= 1;
        self.rested_at = now + self.limits.delay;
    }
}
