//! Lengths of time and sizes that vary: distributions as scenarios write them.
//!
//! Samples come from `rand_distr` and are rounded to whole microseconds or bytes before anyone uses them, so that a
//! last bit of the platform's math library cannot decide anything.

use rand::RngExt;
use rand_distr::{Distribution, Exp1, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rng::Stream;
use crate::time::Span;

/// A length of time that may vary from draw to draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dist {
    /// Always the same.
    Constant(Span),
    /// Anywhere from the first to the second, both included.
    Uniform(Span, Span),
    /// Exponential with this mean.
    Exponential(Span),
    /// Log-normal: half of the draws are below `median`; `sigma` is the spread of the logarithm.
    LogNormal {
        /// Half of the draws are shorter.
        median: Span,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
}

impl Dist {
    /// Draws one length of time, rounded to whole microseconds.
    pub fn sample(&self, rng: &mut Stream) -> Span {
        match *self {
            Self::Constant(span) => span,
            Self::Uniform(low, high) => Span::from_micros(rng.random_range(low.as_micros()..=high.as_micros())),
            Self::Exponential(mean) => {
                let x: f64 = Exp1.sample(rng);
                mean.scaled(x)
            }
            Self::LogNormal { median, sigma } => {
                let x: f64 = StandardNormal.sample(rng);
                median.scaled((x * sigma).exp().min(1e6))
            }
        }
    }

    /// Whether every draw is the same.
    pub const fn constant(&self) -> Option<Span> {
        match *self {
            Self::Constant(span) => Some(span),
            _ => None,
        }
    }

    /// The mean of all draws.
    pub fn mean(&self) -> Span {
        match *self {
            Self::Constant(span) | Self::Exponential(span) => span,
            Self::Uniform(low, high) => (low + high).scaled(0.5),
            Self::LogNormal { median, sigma } => median.scaled((sigma * sigma / 2.0).exp()),
        }
    }
}

/// A length of time as a scenario writes it: `"20ms"`, or a distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    rename_all = "kebab-case",
    expecting = "a length of time (\"20ms\") or a distribution ({ uniform = [\"10ms\", \"30ms\"] }, { exponential = \"20ms\" }, { log-normal = { median = \"20ms\", sigma = 0.5 } })"
)]
pub enum DistSpec {
    /// Always the same.
    Constant(Span),
    /// A distribution.
    Varying(VaryingSpec),
}

/// A distribution of lengths of time as a scenario writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum VaryingSpec {
    /// From the first to the second.
    Uniform([Span; 2]),
    /// Exponential with this mean.
    Exponential(Span),
    /// Log-normal.
    #[serde(rename_all = "kebab-case")]
    LogNormal {
        /// Half of the draws are shorter.
        median: Span,
        /// Standard deviation of the natural logarithm; 0 to 5.
        sigma: f64,
    },
}

/// Why a distribution means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DistError {
    /// The first bound is above the second.
    #[error("the range {0} to {1} is upside down; write the shorter one first")]
    UpsideDown(Span, Span),
    /// Sigma out of bounds.
    #[error("sigma {0} makes no sense here; write a number from 0 to 5")]
    Sigma(f64),
}

impl TryFrom<&DistSpec> for Dist {
    type Error = DistError;

    fn try_from(spec: &DistSpec) -> Result<Self, DistError> {
        match *spec {
            DistSpec::Constant(span) => Ok(Self::Constant(span)),
            DistSpec::Varying(VaryingSpec::Uniform([low, high])) if low <= high => Ok(Self::Uniform(low, high)),
            DistSpec::Varying(VaryingSpec::Uniform([low, high])) => Err(DistError::UpsideDown(low, high)),
            DistSpec::Varying(VaryingSpec::Exponential(mean)) => Ok(Self::Exponential(mean)),
            DistSpec::Varying(VaryingSpec::LogNormal { median, sigma }) if (0.0..=5.0).contains(&sigma) => {
                Ok(Self::LogNormal { median, sigma })
            }
            DistSpec::Varying(VaryingSpec::LogNormal { sigma, .. }) => Err(DistError::Sigma(sigma)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn samples_have_the_mean_they_claim() {
        let second = Span::from_secs(1);
        let dists = [
            Dist::Constant(second),
            Dist::Uniform(Span::ZERO, Span::from_secs(2)),
            Dist::Exponential(second),
            Dist::LogNormal { median: second, sigma: 0.5 },
        ];
        for dist in dists {
            let mut rng = Seed(1).stream("test", 0);
            let n = 50_000;
            let mean = (0..n).map(|_| dist.sample(&mut rng).as_secs_f64()).sum::<f64>() / f64::from(n);
            assert!((mean / dist.mean().as_secs_f64() - 1.0).abs() < 0.02, "{dist:?}: {mean}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let spec = DistSpec::Varying(VaryingSpec::Uniform([Span::from_secs(2), Span::from_secs(1)]));
        assert!(matches!(Dist::try_from(&spec), Err(DistError::UpsideDown(..))));
        let spec = DistSpec::Varying(VaryingSpec::LogNormal { median: Span::TICK, sigma: f64::NAN });
        assert!(matches!(Dist::try_from(&spec), Err(DistError::Sigma(_))));
    }
}
