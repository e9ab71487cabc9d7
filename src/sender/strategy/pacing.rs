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
    /// Postfix's rate delay: the next transaction begins so long after the end of the one before.
    RateDelay {
        /// The delay; not zero.
        delay: Span,
        /// How late the timer rings. Measured with Postfix 3.7: about 5 ms.
        lag: Span,
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
    /// Rate delay: when it is over.
    resumes_at: Time,
}

impl State {
    /// The moment at which the next transaction may begin; not after `now` if it may begin now.
    pub fn ready_at(&self, now: Time, pacing: &Pacing) -> Time {
        match *pacing {
            Pacing::None => now,
            Pacing::RateDelay { .. } => self.resumes_at.max(now),
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
            Pacing::None | Pacing::RateDelay { .. } => {}
            Pacing::TokenBucket { messages, per, .. } => {
                let now = u128::from(now.as_micros()) * u128::from(messages);
                // A start that was only rounded up to the next microsecond is on time: rounding must not add up.
                let on_time = now < self.tat + u128::from(messages);
                self.tat = if on_time { self.tat } else { now } + u128::from(per.as_micros());
            }
            Pacing::FixedWindow { per, .. } => {
                let frame = now.as_micros() / per.as_micros();
                self.used = if frame == self.frame { self.used + 1 } else { 1 };
                self.frame = frame;
            }
        }
    }

    /// A transaction is over.
    pub fn ended(&mut self, now: Time, pacing: &Pacing) {
        if let Pacing::RateDelay { delay, lag } = *pacing {
            self.resumes_at = now + delay + lag;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins a transaction as soon as pacing allows, `n` times, from `start` on.
    fn starts(pacing: Pacing, start: Time, n: usize) -> Vec<u64> {
        let mut state = State::default();
        let mut now = start;
        let mut begin = || {
            now = state.ready_at(now, &pacing);
            state.began(now, &pacing);
            now.as_micros()
        };
        (0..n).map(|_| begin()).collect()
    }

    #[test]
    fn a_bucket_of_one_spaces_evenly_and_without_drift() {
        let pacing = Pacing::TokenBucket { messages: 3, per: Span::from_secs(1), burst: 1 };
        let starts = starts(pacing, Time::from_micros(7), 7);
        assert_eq!(starts, [7, 333_341, 666_674, 1_000_007, 1_333_341, 1_666_674, 2_000_007]);
    }

    #[test]
    fn a_bucket_lets_its_burst_go_at_once() {
        let pacing = Pacing::TokenBucket { messages: 1, per: Span::from_secs(1), burst: 3 };
        assert_eq!(starts(pacing, Time::ZERO, 5), [0, 0, 0, 1_000_000, 2_000_000]);
    }

    #[test]
    fn a_fixed_window_bursts_at_every_boundary() {
        let pacing = Pacing::FixedWindow { messages: 2, per: Span::from_secs(1) };
        assert_eq!(starts(pacing, Time::from_micros(900_000), 5), [900_000, 900_000, 1_000_000, 1_000_000, 2_000_000]);
    }
}
