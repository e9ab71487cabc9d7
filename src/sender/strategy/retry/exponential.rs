//! Waits that grow by a factor with every failure, spread by chance.
//!
//! Jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015) and its simulator
//! (aws-samples/aws-arch-backoff-simulator): with `v = min(cap, base × factor^n)`, none waits `v`, full waits
//! `U(0, v)`, equal `v/2 + U(0, v/2)`, and decorrelated `min(cap, U(base, 3 × the wait before))`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rng::Seed;
use crate::time::Span;

/// Growing by a factor with every failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    /// The first wait; not zero.
    pub base: Span,
    /// At least 1.
    pub factor: f64,
    /// No wait is longer; at least `base`.
    pub cap: Span,
    /// How chance spreads the waits.
    pub jitter: Jitter,
}

/// How chance spreads the waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Jitter {
    /// Not at all: everything deferred together comes back together.
    #[default]
    None,
    /// Anywhere from nothing to the whole wait.
    Full,
    /// Half of the wait, and anywhere from nothing to the other half.
    Equal,
    /// Anywhere from the base to three times the wait before.
    Decorrelated,
}

impl Exponential {
    /// What a strategy without a preset waits.
    pub const DEFAULT: Self =
        Self { base: Span::from_secs(900), factor: 2.0, cap: Span::from_secs(4 * 3_600), jitter: Jitter::None };

    /// The wait of message `id` after failure number `failures`, 1 for the first.
    pub fn wait(&self, id: u64, failures: u8, seed: Seed) -> Span {
        let Self { base, factor, cap, jitter } = *self;
        let n = failures - 1;
        let full = || base.scaled(factor.powi(i32::from(n))).min(cap);
        let share = seed.share(id, u64::from(n));
        match jitter {
            Jitter::None => full(),
            Jitter::Full => full().scaled(share),
            Jitter::Equal => full().scaled(0.5 + share / 2.0),
            Jitter::Decorrelated => decorrelated(base, cap, (0..=n).map(|k| seed.share(id, u64::from(k)))),
        }
    }
}

impl fmt::Display for Exponential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, factor, cap, jitter } = self;
        let jitter = match jitter {
            Jitter::None => "without jitter",
            Jitter::Full => "with full jitter",
            Jitter::Equal => "with equal jitter",
            Jitter::Decorrelated => "with decorrelated jitter",
        };
        write!(f, "retries after {base}, × {factor} each time up to {cap}, {jitter}")
    }
}

/// Replays the chain of waits: each is drawn between `base` and three times the one before.
fn decorrelated(base: Span, cap: Span, shares: impl Iterator<Item = f64>) -> Span {
    shares.fold(base, |before, share| (base + (before.times(3) - base).scaled(share)).min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Span = Span::from_secs(60);
    const CAP: Span = Span::from_secs(4_000);

    fn waits(jitter: Jitter, failures: u8, ids: u64) -> Vec<f64> {
        let schedule = Exponential { base: BASE, factor: 2.0, cap: CAP, jitter };
        (0..ids).map(|id| schedule.wait(id, failures, Seed(7)).as_secs_f64()).collect()
    }

    fn range(waits: &[f64]) -> (f64, f64, f64) {
        let mean = waits.iter().sum::<f64>() / waits.len() as f64;
        (waits.iter().copied().fold(f64::MAX, f64::min), mean, waits.iter().copied().fold(0.0, f64::max))
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let doubled: Vec<f64> = (1..=9).map(|n| waits(Jitter::None, n, 1)[0]).collect();
        assert_eq!(doubled, [60.0, 120.0, 240.0, 480.0, 960.0, 1_920.0, 3_840.0, 4_000.0, 4_000.0]);
    }

    /// Full jitter is U(0, v) and equal jitter v/2 + U(0, v/2): checked by range and mean, v = 480 s.
    #[test]
    fn jitters_follow_their_definitions() {
        let (low, mean, high) = range(&waits(Jitter::Full, 4, 20_000));
        assert!(low < 1.0 && high < 480.0 && high > 479.0 && (mean - 240.0).abs() < 3.0, "{low} {mean} {high}");
        let (low, mean, high) = range(&waits(Jitter::Equal, 4, 20_000));
        assert!((240.0..241.0).contains(&low) && high < 480.0 && (mean - 360.0).abs() < 2.0, "{low} {mean} {high}");
    }

    /// Decorrelated jitter: s₀ = base, s = min(cap, U(base, 3 s)). Its mean after one failure is 2 × base, after two
    /// 3.5 ×.
    #[test]
    fn decorrelated_jitter_remembers_the_wait_before() {
        let (low, mean, high) = range(&waits(Jitter::Decorrelated, 1, 20_000));
        assert!(low >= 60.0 && high < 180.0 && (mean - 120.0).abs() < 1.0, "{low} {mean} {high}");
        let (first, second) = (waits(Jitter::Decorrelated, 1, 20_000), waits(Jitter::Decorrelated, 2, 20_000));
        assert!(first.iter().zip(&second).all(|(before, wait)| (60.0..=3.0 * before).contains(wait)));
        let (_, mean, _) = range(&second);
        assert!((mean - 210.0).abs() < 3.0, "{mean}");
        assert!(waits(Jitter::Decorrelated, 40, 1_000).iter().all(|wait| (60.0..=4_000.0).contains(wait)));
    }
}
