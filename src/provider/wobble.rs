//! The slow wobble of a limit: providers' limits move several times a day, and do not say why.
//!
//! The logarithm of the factor is the sum of three slow waves whose periods have no common measure, each with a phase
//! of its own from the seed: it comes back to its middle within hours, never repeats within a trial, and can be looked
//! at for any moment without going through those before it. It changes every [`STEP`].

use std::f64::consts::TAU;

use crate::rng::Seed;
use crate::time::{Span, Time};

/// How a limit wobbles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wobble {
    /// Standard deviation of the factor's natural logarithm: 0.2 is a fifth up or down. Above 0, at most 1.
    pub spread: f64,
    /// The middle one of the three periods.
    pub period: Span,
}

/// The factor stays so long.
const STEP: Span = Span::from_secs(600);
/// The periods of the waves, in units of the middle one.
const PERIODS: [f64; 3] = [0.618_034, 1.0, 1.618_034];

impl Wobble {
    /// The factor at a moment of the provider's clock.
    pub(super) fn factor(self, seed: Seed, clock: Time) -> f64 {
        let step = clock.as_micros() / STEP.as_micros();
        let passed = Span::from_micros(step * STEP.as_micros()).as_secs_f64() / self.period.as_secs_f64();
        let waves = PERIODS.iter().zip(0..).map(|(period, n)| (TAU * (passed / period + seed.share(n, 1))).sin());
        (self.spread * waves.sum::<f64>() * amplitude()).exp()
    }

    /// The largest factor there can be.
    pub(super) fn largest(&self) -> f64 {
        (self.spread * PERIODS.len() as f64 * amplitude()).exp()
    }

    /// When a factor may change next after a moment of the provider's clock.
    pub(super) fn next_step(clock: Time) -> Time {
        Time::ZERO + STEP.times(clock.as_micros() / STEP.as_micros() + 1)
    }
}

/// The amplitude of each of the waves with which their sum has a standard deviation of 1.
fn amplitude() -> f64 {
    (2.0 / PERIODS.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_wobbles_as_much_as_it_says_and_comes_back() {
        let wobble = Wobble { spread: 0.2, period: Span::from_secs(5 * 3_600) };
        let logs: Vec<f64> = (0..100_u64)
            .flat_map(|seed| (0..100_u64).map(move |n| (seed, n)))
            .map(|(seed, n)| wobble.factor(Seed(seed), Time::ZERO + Span::HOUR.times(n)).ln())
            .collect();
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let spread = (logs.iter().map(|log| log * log).sum::<f64>() / logs.len() as f64).sqrt();
        assert!(mean.abs() < 0.01 && (spread - 0.2).abs() < 0.01, "{mean} {spread}");
        assert!(logs.iter().all(|log| *log <= wobble.largest().ln() + 1e-12));
    }
}
