//! A token bucket, counted as the generic cell rate algorithm does (GCRA, ITU-T I.371): rounding never adds up.

use std::fmt;

use crate::sender::strategy::controller::PaceController;
use crate::time::{Span, Time};

/// So many messages in every `per`, at most `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Tokens per `per`; at least 1.
    pub messages: u32,
    /// The time in which so many tokens come; not zero.
    pub per: Span,
    /// Most tokens held; at least 1. With 1 the messages are evenly spaced.
    pub burst: u32,
}

impl TokenBucket {
    /// The bucket whose tokens come `factor` times as fast.
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { per: self.per.scaled(1.0 / factor).max(Span::TICK), ..self }
    }
}

impl fmt::Display for TokenBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, per, burst } = self;
        let plural = if *messages == 1 { "" } else { "s" };
        write!(f, "{messages} message{plural} every {per}, ")?;
        if *burst == 1 { f.write_str("evenly spaced") } else { write!(f, "at most {burst} at once") }
    }
}

/// When the next token comes.
#[derive(Clone, Copy, Debug)]
pub struct State {
    settings: TokenBucket,
    /// The theoretical arrival time of GCRA, in units of `per / messages`: microseconds × messages.
    arrival: u128,
}

impl State {
    /// A full bucket.
    pub const fn new(settings: TokenBucket) -> Self {
        Self { settings, arrival: 0 }
    }

    /// Goes on with other settings; a bucket that counts in another unit begins full.
    pub(super) fn change(&mut self, settings: TokenBucket) {
        let arrival = if settings.messages == self.settings.messages { self.arrival } else { 0 };
        *self = Self { settings, arrival };
    }
}

impl PaceController for State {
    fn ready_at(&self, now: Time) -> Time {
        let TokenBucket { messages, per, burst } = self.settings;
        let tolerance = u128::from(per.as_micros()) * u128::from(burst - 1);
        let earliest = self.arrival.saturating_sub(tolerance).div_ceil(u128::from(messages));
        Time::from_micros(u64::try_from(earliest).unwrap_or(u64::MAX)).max(now)
    }

    fn began(&mut self, now: Time) {
        let TokenBucket { messages, per, .. } = self.settings;
        let now = u128::from(now.as_micros()) * u128::from(messages);
        // A start that was only rounded up to the next microsecond is on time: rounding must not add up.
        let on_time = now < self.arrival + u128::from(messages);
        self.arrival = if on_time { self.arrival } else { now } + u128::from(per.as_micros());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::strategy::controller::tests::starts;

    fn bucket(messages: u32, burst: u32) -> State {
        State::new(TokenBucket { messages, per: Span::from_secs(1), burst })
    }

    #[test]
    fn a_bucket_of_one_spaces_evenly_and_without_drift() {
        let starts = starts(&mut bucket(3, 1), Time::from_micros(7), 7);
        assert_eq!(starts, [7, 333_341, 666_674, 1_000_007, 1_333_341, 1_666_674, 2_000_007]);
    }

    #[test]
    fn a_bucket_lets_its_burst_go_at_once() {
        assert_eq!(starts(&mut bucket(1, 3), Time::ZERO, 5), [0, 0, 0, 1_000_000, 2_000_000]);
    }
}
