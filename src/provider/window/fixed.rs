//! Fixed windows: a count in the current frame.

use super::Aligned;
use super::counting::CountingWindow;
use crate::time::{Span, Time};

/// Frames of one length, one after the other.
#[derive(Clone, Copy, Debug)]
pub(in crate::provider) struct FixedFrames {
    /// Length of a frame.
    length: Span,
    /// Whether frames begin on the provider's clock, or with a client's first event.
    aligned: Aligned,
    /// How far a clock is ahead on which frames begin at whole multiples of `length`. All moments inside a frame are
    /// that clock's.
    ahead: Span,
}

/// The frame that was last counted in.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::provider) struct FrameCount {
    start: Time,
    used: u32,
}

impl CountingWindow for FixedFrames {
    type Counter = FrameCount;

    #[inline]
    fn admits(&self, frame: &FrameCount, now: Time, limit: u32, n: u32) -> bool {
        let used = if self.is_current(frame, now + self.ahead) { frame.used } else { 0 };
        u64::from(used) + u64::from(n) <= u64::from(limit)
    }

    #[inline]
    fn count(&self, frame: &mut FrameCount, now: Time, _limit: u32, n: u32) {
        let now = now + self.ahead;
        if self.is_current(frame, now) {
            frame.used = frame.used.saturating_add(n);
        } else {
            *frame = FrameCount { start: self.start_of_frame(now), used: n };
        }
    }

    fn earliest(&self, frame: &FrameCount, now: Time, limit: u32, n: u32) -> Time {
        if self.admits(frame, now, limit, n) {
            now
        } else if n <= limit {
            Time::ZERO + ((frame.start + self.length).since(Time::ZERO) - self.ahead)
        } else {
            Time::NEVER
        }
    }

    fn is_blank(&self, frame: &FrameCount, now: Time, _limit: u32) -> bool {
        frame.start + self.length <= now + self.ahead
    }
}

impl FixedFrames {
    /// Frames of `length`, those of the clock `offset` later than at its whole multiples.
    pub(super) const fn new(length: Span, aligned: Aligned, offset: Span) -> Self {
        let ahead =
            if offset.is_zero() { Span::ZERO } else { Span::from_micros(length.as_micros() - offset.as_micros()) };
        Self { length, aligned, ahead }
    }

    /// Whether `now` lies in the frame. A frame nothing was counted in is no frame.
    #[inline]
    fn is_current(&self, frame: &FrameCount, now: Time) -> bool {
        match self.aligned {
            // A frame of the clock begins at a whole multiple, as time zero does: no division is needed to compare.
            Aligned::Clock => frame.start <= now && now < frame.start + self.length,
            Aligned::First => frame.used > 0 && now < frame.start + self.length,
        }
    }

    fn start_of_frame(&self, now: Time) -> Time {
        match self.aligned {
            Aligned::Clock => Time::from_micros(now.as_micros() - now.as_micros() % self.length.as_micros()),
            Aligned::First => now,
        }
    }
}
