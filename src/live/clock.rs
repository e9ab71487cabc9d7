//! Simulated time from wall-clock time, and the only place of the live world that reads a clock.

use std::time::{Duration, Instant};

use super::precise_timer;
use crate::time::{Span, Time};

/// The time of sender and providers: microseconds since the clock was started, `speed` times as fast as wall-clock
/// time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    speed: Speed,
}

/// How many times faster than wall-clock time a [`Clock`] runs; above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f64);

impl Speed {
    /// As fast as wall-clock time.
    pub const REAL: Self = Self(1.0);
    /// At higher speeds a loopback round trip takes minutes, and no measurement means anything.
    pub const MAX: f64 = 100_000.0;

    /// `None` unless above 0 and at most [`Speed::MAX`].
    pub fn new(factor: f64) -> Option<Self> {
        (factor > 0.0 && factor <= Self::MAX).then_some(Self(factor))
    }

    /// The factor by which it is faster.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The wall-clock duration of a span.
    pub fn wall_duration(self, span: Span) -> Duration {
        Duration::from_secs_f64(span.as_secs_f64() / self.0)
    }
}

impl std::str::FromStr for Speed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let factor = text.parse().ok().and_then(Self::new);
        factor
            .ok_or_else(|| format!("write a factor above 0 and at most {}, such as 60 for an hour a minute", Self::MAX))
    }
}

impl Clock {
    /// Starts a clock at 0.
    #[expect(clippy::disallowed_methods, reason = "a world has a clock, and this is it")]
    pub fn start(speed: Speed) -> Self {
        Self { began: Instant::now(), speed }
    }

    /// How many times faster than wall-clock time it runs.
    pub const fn speed(&self) -> Speed {
        self.speed
    }

    /// The time now.
    pub fn now(&self) -> Time {
        Time::ZERO + Span::from_secs_f64(self.began.elapsed().as_secs_f64() * self.speed.0)
    }

    /// The wall-clock moment of a time.
    fn instant_at(&self, time: Time) -> Instant {
        let after = Duration::try_from_secs_f64(time.as_secs_f64() / self.speed.0).unwrap_or(FAR_FUTURE);
        self.began + after.min(FAR_FUTURE)
    }

    /// Waits until `time`.
    pub async fn sleep_until(&self, time: Time) {
        precise_timer::sleep_until(self.instant_at(time)).await;
    }

    /// Waits for this much of the clock's time.
    pub async fn sleep(&self, span: Span) {
        if !span.is_zero() {
            self.sleep_until(self.now() + span).await;
        }
    }
}

/// A wall-clock duration as a span, to be recorded.
///
/// # Panics
/// If it is longer than half a million years.
pub(super) fn wall_span(duration: Duration) -> Span {
    Span::from_micros(u64::try_from(duration.as_micros()).expect("durations are measured, and short"))
}

/// A year of wall-clock time: later moments are cut to it.
const FAR_FUTURE: Duration = Duration::from_hours(365 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_scales_wall_clock_time() {
        let speed = Speed::new(60.0).unwrap();
        assert_eq!(speed.wall_duration(Span::HOUR), Duration::from_mins(1));
        let clock = Clock::start(speed);
        assert_eq!(clock.instant_at(Time::ZERO + Span::HOUR) - clock.instant_at(Time::ZERO), Duration::from_mins(1));
    }

    #[test]
    fn invalid_speeds_are_refused() {
        for wrong in ["0", "-1", "nan", "inf", "1e9", "fast", ""] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
        assert_eq!("0.5".parse::<Speed>(), Ok(Speed(0.5)));
    }

    #[test]
    fn never_is_cut_to_the_far_future() {
        let clock = Clock::start(Speed::REAL);
        assert_eq!(clock.instant_at(Time::NEVER) - clock.instant_at(Time::ZERO), FAR_FUTURE);
    }
}
