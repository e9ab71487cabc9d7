//! Exim's exponentially weighted moving average (`acl.c`, `acl_ratelimit`).

use super::counting::CountingWindow;
use crate::time::{Span, Time};

/// An average rate per `period`.
#[derive(Clone, Copy, Debug)]
pub(in crate::provider) struct Ewma {
    /// The smoothing period.
    pub(super) period: Span,
}

/// The smoothed rate at the last event.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::provider) struct Rate {
    rate: f64,
    at: Option<Time>,
}

impl CountingWindow for Ewma {
    type Counter = Rate;

    fn admits(&self, last: &Rate, now: Time, limit: u32, n: u32) -> bool {
        self.smoothed(last, now, n) < f64::from(limit)
    }

    fn count(&self, last: &mut Rate, now: Time, _limit: u32, n: u32) {
        *last = Rate { rate: self.smoothed(last, now, n), at: Some(now) };
    }

    fn earliest(&self, last: &Rate, now: Time, limit: u32, n: u32) -> Time {
        match last.at {
            _ if self.admits(last, now, limit, n) => now,
            Some(at) if n < limit => self.first_below(last, at, now, n, limit),
            _ => Time::NEVER,
        }
    }

    fn is_blank(&self, last: &Rate, now: Time, _limit: u32) -> bool {
        // After this many periods even the steepest peak has decayed below one event.
        last.at.is_none_or(|at| at + self.period.times(32) <= now)
    }
}

impl Ewma {
    /// Exim's measured rate after `n` events at `now`: an exponentially weighted average of the instantaneous rate over
    /// `period`, never below the size of the event itself.
    fn smoothed(self, last: &Rate, now: Time, n: u32) -> f64 {
        let n = f64::from(n);
        let Some(at) = last.at else { return n };
        let interval = now.since(at).max(Span::TICK).as_secs_f64() / self.period.as_secs_f64();
        let weight = (-interval).exp();
        ((1.0 - weight) * n / interval + weight * last.rate).max(n)
    }

    /// The smoothed rate falls with the interval, so the first moment below the limit is found by halving.
    fn first_below(self, last: &Rate, at: Time, now: Time, n: u32, limit: u32) -> Time {
        let (mut low, mut high) = (now, at + self.period.times(64));
        if !self.admits(last, high, limit, n) {
            return Time::NEVER;
        }
        while high.since(low) > Span::TICK {
            let middle = Time::from_micros(low.as_micros().midpoint(high.as_micros()));
            if self.admits(last, middle, limit, n) { high = middle } else { low = middle }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exim's manual, section "Rate limiting incoming messages": a sender that stops after a peak is let in again after
    /// ln(peak / limit) smoothing periods.
    #[test]
    fn exims_average_forgets_a_peak_in_the_logarithm_of_its_height() {
        let period = Span::from_secs(3_600);
        let window = Ewma { period };
        for (peak_per_period, limit) in [(1_000_u32, 100_u32), (5_000, 50), (200, 100)] {
            let mut rate = Rate::default();
            let gap = Span::from_micros(period.as_micros() / u64::from(peak_per_period));
            let mut now = Time::ZERO;
            for _ in 0..peak_per_period * 12 {
                now += gap;
                window.count(&mut rate, now, limit, 1);
            }
            let silence = window.earliest(&rate, now, limit, 1).since(now).as_secs_f64() / period.as_secs_f64();
            let expected = (f64::from(peak_per_period) / f64::from(limit)).ln();
            // The event that asks adds its own weight, 1/limit of the limit at most.
            assert!((silence - expected).abs() < 1.5 / f64::from(limit), "{silence} {expected}");
        }
    }

    #[test]
    fn exims_average_converges_to_a_steady_rate() {
        let window = Ewma { period: Span::from_secs(60) };
        let mut last = Rate::default();
        for second in 0..600 {
            window.count(&mut last, Time::from_micros(second * 1_000_000), 1_000, 5);
        }
        assert!((last.rate / 300.0 - 1.0).abs() < 0.02, "{}", last.rate);
    }
}
