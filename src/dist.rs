//! Lengths of time and sizes that vary: distributions as scenarios write them.
//!
//! Samples come from `rand_distr` and are rounded to whole microseconds or bytes before anyone uses them, so that a
//! last bit of the platform's math library cannot decide anything.

use std::fmt;

use rand::RngExt;
use rand_distr::{Distribution, Exp1, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rng::Stream;
use crate::spanned::{Checker, Spanned, TextOrTable};
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

impl fmt::Display for Dist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Constant(span) => span.fmt(f),
            Self::Uniform(low, high) => write!(f, "{low} to {high}"),
            Self::Exponential(mean) => write!(f, "{mean} on average (exponential)"),
            Self::LogNormal { median, sigma } => write!(f, "{median} in the median (log-normal, sigma {sigma})"),
        }
    }
}

/// A length of time as people write it: `"20ms"`, or a distribution.
pub type DistSpec = TextOrTable<Span, VaryingSpec>;

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

impl Dist {
    /// The distribution that is meant.
    pub fn build(spec: &Spanned<DistSpec>, check: &mut Checker<'_>) -> Self {
        let varying = match &spec.value {
            TextOrTable::Text(span) => return Self::Constant(*span),
            TextOrTable::Table(varying) => varying,
        };
        match *varying {
            VaryingSpec::Uniform([low, high]) => {
                if low > high {
                    let message = format!("the range {low} to {high} is upside down; write the shorter one first");
                    check.wrong(&spec.span, message);
                }
                Self::Uniform(low, high)
            }
            VaryingSpec::Exponential(mean) => Self::Exponential(mean),
            VaryingSpec::LogNormal { median, sigma } => {
                if !(0.0..=5.0).contains(&sigma) {
                    check.wrong(&spec.span, format!("sigma {sigma} makes no sense here; write a number from 0 to 5"));
                }
                Self::LogNormal { median, sigma }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Document;
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
    fn what_cannot_be_is_told() {
        let upside_down = VaryingSpec::Uniform([Span::from_secs(2), Span::from_secs(1)]);
        let no_spread = VaryingSpec::LogNormal { median: Span::TICK, sigma: f64::NAN };
        let document = Document::new("dist", "");
        for wrong in [upside_down, no_spread] {
            let mut check = Checker::new(&document);
            Dist::build(&Spanned { value: TextOrTable::Table(wrong), span: 0..0 }, &mut check);
            assert_eq!(check.mistakes(), 1);
        }
    }
}
