//! The pacing axis: how fast transactions may begin.

use crate::time::{Span, Time};

/// How fast transactions may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// As fast as concurrency allows.
    #[default]
    None,
    /// A token bucket (GCRA): `messages` in every `per`, at most `burst` at once.
    TokenBucket {
        /// Tokens per `per`; at least 1.
        messages: u32,
        /// The time in which so many tokens come.
        per: Span,
        /// Most tokens held; at least 1. With 1 the messages are evenly spaced.
        burst: u32,
    },
    /// So many in each frame of this length, counted from the start of the trial; all at once where they can.
    FixedWindow {
        /// Messages per frame; at least 1.
        messages: u32,
        /// Length of a frame.
        per: Span,
    },
}

/// What pacing remembers.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// Token bucket: the theoretical arrival time of GCRA, in units of `per / messages`: microseconds × messages.
    tat: u128,
    /// Fixed window: the current frame and what it has used.
    frame: u64,
    used: u32,
}

impl State {
    /// The moment at which the next transaction may begin; not after `now` if it may begin now.
    pub fn ready_at(&self, now: Time, pacing: &Pacing) -> Time {
        match *pacing {
            Pacing::None => now,
            Pacing::TokenBucket { messages, per, burst } => {
                let tolerance = u128::from(per.as_micros()) * u128::from(burst - 1);
                let earliest = self.tat.saturating_sub(tolerance).div_ceil(u128::from(messages));
                Time::from_micros(u64::try_from(earliest).unwrap_or(u64::MAX)).max(now)
            }
            Pacing::FixedWindow { messages, per } => {
                let frame = now.as_micros() / per.as_micros();
                if frame > self.frame || self.used < messages {
                    now
                } else {
                    Time::from_micros((frame + 1).saturating_mul(per.as_micros()))
                }
            }
        }
    }

    /// A transaction begins at `now`, which was not before [`State::ready_at`].
    pub fn began(&mut self, now: Time, pacing: &Pacing) {
        match *pacing {
            Pacing::None => {}
            Pacing::TokenBucket { messages, per, .. } => {
                let now = u128::from(now.as_micros()) * u128::from(messages);
                self.tat = self.tat.max(now) + u128::from(per.as_micros());
            }
            Pacing::FixedWindow { per, .. } => {
                let frame = now.as_micros() / per.as_micros();
                self.used = if frame == self.frame { self.used + 1 } else { 1 };
                self.frame = frame;
            }
        }
    }
}
