//! The provider's own clock: a trial begins at some time of its day.

use crate::time::{Span, Time};

/// The provider's own clock. Frames of a fixed window begin at its whole hours, and its load goes by it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProviderClock {
    /// The time of day at the start of the trial.
    day_starts: Span,
}

impl ProviderClock {
    pub(super) const fn new(day_starts: Span) -> Self {
        Self { day_starts }
    }

    /// What the clock shows at a moment of the trial.
    #[inline]
    pub(super) fn at(self, now: Time) -> Time {
        now + self.day_starts
    }

    /// The moment of the trial at which the clock shows this; never stays never.
    pub(super) fn moment(self, clock: Time) -> Time {
        if clock == Time::NEVER { clock } else { Time::ZERO + (clock.since(Time::ZERO) - self.day_starts) }
    }
}
