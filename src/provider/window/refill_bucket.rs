//! Token buckets, which are the same thing as GCRA: refilled all the time, holding at most a burst.

use super::Counted;
use super::counting::CountingWindow;
use crate::time::{Span, Time};

/// A bucket into which the whole limit flows in `per`.
#[derive(Clone, Copy, Debug)]
pub(in crate::provider) struct RefillBucket {
    /// The time in which the whole limit is refilled.
    pub(super) per: Span,
    /// Most tokens it can hold; `None` is as many as the limit.
    pub(super) burst: Option<u32>,
}

/// Tokens × `per` in microseconds at a moment; nothing was ever taken where there is no moment.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::provider) struct Level {
    level: u128,
    at: Option<Time>,
}

impl CountingWindow for RefillBucket {
    type Counter = Level;

    fn admits(&self, held: &Level, now: Time, limit: u32, n: u32) -> bool {
        self.tokens(held, now, limit) >= self.worth(n)
    }

    fn count(&self, held: &mut Level, now: Time, limit: u32, n: u32) {
        *held = Level { level: self.tokens(held, now, limit).saturating_sub(self.worth(n)), at: Some(now) };
    }

    // The level is dear to work out, and worked out once.
    fn take(&self, held: &mut Level, now: Time, limit: u32, n: u32, counted: Counted) -> bool {
        let (tokens, taken) = (self.tokens(held, now, limit), self.worth(n));
        if tokens >= taken || counted == Counted::Attempts {
            *held = Level { level: tokens.saturating_sub(taken), at: Some(now) };
        }
        tokens >= taken
    }

    fn earliest(&self, held: &Level, now: Time, limit: u32, n: u32) -> Time {
        let (tokens, wanted) = (self.tokens(held, now, limit), self.worth(n));
        if tokens >= wanted {
            now
        } else if limit > 0 && n <= self.burst.unwrap_or(limit) {
            let wait = (wanted - tokens).div_ceil(u128::from(limit));
            now + Span::from_micros(u64::try_from(wait).unwrap_or(u64::MAX))
        } else {
            Time::NEVER
        }
    }

    fn is_blank(&self, held: &Level, now: Time, limit: u32) -> bool {
        self.tokens(held, now, limit) >= self.full(limit)
    }
}

impl RefillBucket {
    /// Tokens × `per` at `now`. The rate is `limit` tokens in `per`; both times `per`, it is `limit` a microsecond.
    fn tokens(&self, held: &Level, now: Time, limit: u32) -> u128 {
        let full = self.full(limit);
        match held.at {
            None => full,
            Some(at) => (held.level + u128::from(now.since(at).as_micros()) * u128::from(limit)).min(full),
        }
    }

    /// A full bucket in the same measure.
    fn full(&self, limit: u32) -> u128 {
        self.worth(self.burst.unwrap_or(limit))
    }

    /// `n` tokens in the same measure.
    fn worth(&self, n: u32) -> u128 {
        u128::from(n) * u128::from(self.per.as_micros())
    }
}
