//! Frames of time counted from the start of the trial, and what the current one has used.

use crate::time::{Span, Time};

/// How many deliveries have begun in the current frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    number: u64,
    used: u32,
}

impl Frame {
    /// When a frame of length `per` next has room, where each takes as many as `messages` says.
    pub(super) fn ready_at(&self, now: Time, per: Span, messages: impl Fn(u64) -> u32) -> Time {
        let number = now.as_micros() / per.as_micros();
        if number > self.number || self.used < messages(number) {
            now
        } else {
            Time::from_micros((number + 1).saturating_mul(per.as_micros()))
        }
    }

    /// A delivery begins.
    pub(super) fn began(&mut self, now: Time, per: Span) {
        let number = now.as_micros() / per.as_micros();
        self.used = if number == self.number { self.used + 1 } else { 1 };
        self.number = number;
    }
}

/// `factor` times as many messages; at least 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
pub(super) fn scaled(messages: u32, factor: f64) -> u32 {
    ((f64::from(messages) * factor).round() as u32).max(1)
}
