//! The pacing axis: how fast deliveries may begin. One file an algorithm.

pub mod fixed_window;
mod frame;
pub mod rate_delay;
pub mod token_bucket;
pub mod warm_up;

use std::fmt;

use super::controller::{Observation, PaceController};
use crate::time::Time;
use fixed_window::FixedWindow;
use rate_delay::RateDelay;
use token_bucket::TokenBucket;
use warm_up::WarmUp;

/// How fast deliveries may begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// As fast as concurrency allows.
    #[default]
    None,
    /// Evenly, or in bursts of a stated size.
    TokenBucket(TokenBucket),
    /// So many in each frame of time.
    FixedWindow(FixedWindow),
    /// A rest after every delivery (Postfix).
    RateDelay(RateDelay),
    /// The warm-up of a new IP.
    WarmUp(WarmUp),
}

impl Pacing {
    /// The same pacing, `factor` times as fast; never faster than without any.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        match self {
            Self::None => Self::None,
            Self::TokenBucket(settings) => Self::TokenBucket(settings.scaled(factor)),
            Self::FixedWindow(settings) => Self::FixedWindow(settings.scaled(factor)),
            Self::RateDelay(settings) => Self::RateDelay(settings.scaled(factor)),
            Self::WarmUp(settings) => Self::WarmUp(settings.scaled(factor)),
        }
    }
}

impl fmt::Display for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::TokenBucket(settings) => settings.fmt(f),
            Self::FixedWindow(settings) => settings.fmt(f),
            Self::RateDelay(settings) => settings.fmt(f),
            Self::WarmUp(settings) => settings.fmt(f),
        }
    }
}

/// The pace of a limiter.
#[derive(Clone, Debug)]
pub enum State {
    /// None is kept.
    None,
    /// A token bucket.
    TokenBucket(token_bucket::State),
    /// A fixed window.
    FixedWindow(fixed_window::State),
    /// Postfix's rate delay.
    RateDelay(rate_delay::State),
    /// A warm-up.
    WarmUp(warm_up::State),
}

impl State {
    /// The pace before anything happened.
    pub fn new(pacing: &Pacing) -> Self {
        match pacing {
            Pacing::None => Self::None,
            Pacing::TokenBucket(settings) => Self::TokenBucket(token_bucket::State::new(*settings)),
            Pacing::FixedWindow(settings) => Self::FixedWindow(fixed_window::State::new(*settings)),
            Pacing::RateDelay(settings) => Self::RateDelay(rate_delay::State::new(*settings)),
            Pacing::WarmUp(settings) => Self::WarmUp(warm_up::State::new(settings.clone())),
        }
    }

    /// Another pacing from now on. What was used up under the same algorithm stays used.
    pub fn change(&mut self, pacing: &Pacing) {
        match (&mut *self, pacing) {
            (Self::TokenBucket(state), Pacing::TokenBucket(settings)) => state.change(*settings),
            (Self::FixedWindow(state), Pacing::FixedWindow(settings)) => state.change(*settings),
            (Self::RateDelay(state), Pacing::RateDelay(settings)) => state.change(*settings),
            (Self::WarmUp(state), Pacing::WarmUp(settings)) => state.change(settings.clone()),
            (
                _,
                Pacing::None
                | Pacing::TokenBucket(_)
                | Pacing::FixedWindow(_)
                | Pacing::RateDelay(_)
                | Pacing::WarmUp(_),
            ) => *self = Self::new(pacing),
        }
    }

    #[inline(never)]
    fn paced(&self, now: Time) -> Time {
        match self {
            Self::None => now,
            Self::TokenBucket(state) => state.ready_at(now),
            Self::FixedWindow(state) => state.ready_at(now),
            Self::RateDelay(state) => state.ready_at(now),
            Self::WarmUp(state) => state.ready_at(now),
        }
    }
}

impl PaceController for State {
    /// Most strategies keep no pace: that is asked without a call.
    #[inline]
    fn ready_at(&self, now: Time) -> Time {
        if matches!(self, Self::None) { now } else { self.paced(now) }
    }

    fn began(&mut self, now: Time) {
        match self {
            Self::None => {}
            Self::TokenBucket(state) => state.began(now),
            Self::FixedWindow(state) => state.began(now),
            Self::RateDelay(state) => state.began(now),
            Self::WarmUp(state) => state.began(now),
        }
    }

    fn observe(&mut self, seen: &Observation) {
        match self {
            Self::None => {}
            Self::TokenBucket(state) => state.observe(seen),
            Self::FixedWindow(state) => state.observe(seen),
            Self::RateDelay(state) => state.observe(seen),
            Self::WarmUp(state) => state.observe(seen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn a_pacing_is_scaled_by_its_rate() {
        let second = Span::from_secs(1);
        let half = |pacing: Pacing| pacing.scaled(0.5);
        let bucket = TokenBucket { messages: 10, per: second, burst: 1 };
        assert_eq!(
            half(Pacing::TokenBucket(bucket)),
            Pacing::TokenBucket(TokenBucket { per: second.times(2), ..bucket })
        );
        let window = FixedWindow { messages: 10, per: second };
        assert_eq!(half(Pacing::FixedWindow(window)), Pacing::FixedWindow(FixedWindow { messages: 5, ..window }));
        let delay = RateDelay { delay: second, lag: Span::ZERO };
        assert_eq!(half(Pacing::RateDelay(delay)), Pacing::RateDelay(RateDelay { delay: second.times(2), ..delay }));
        let days = |days: [u32; 2]| Pacing::WarmUp(WarmUp { days: days.into(), per: Span::DAY });
        assert_eq!(half(days([1, 50])), days([1, 25]), "at least one");
        assert_eq!(half(Pacing::None), Pacing::None);
    }
}
