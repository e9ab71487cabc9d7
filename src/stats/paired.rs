//! The difference of two strategies under the same seeds.

use super::Estimate;

/// How much more one has than the other, seed by seed.
///
/// Both meet the same mail, the same unknown limits and the same weather under a seed (common random numbers), so what
/// the seed does to both falls out of the difference, and its interval is narrower than those of the two means let one
/// think. See Law, Simulation Modeling and Analysis, on paired-t intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// Mean and interval of the differences.
    pub difference: Estimate,
}

impl Paired {
    /// From pairs of what one has and what the other has under the same seed: the second less the first. `None` if
    /// there are none.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let differences: Vec<f64> = pairs.iter().map(|(one, other)| other - one).collect();
        Some(Self { difference: Estimate::of(&differences)? })
    }

    /// Whether the interval leaves out 0: the seeds show a difference. A single seed never does.
    pub fn is_shown(&self) -> bool {
        let Self { difference } = self;
        difference.half.is_some_and(|half| difference.mean.abs() > half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Student's sleep data (1908, Biometrika 6): the same ten patients under two drugs. t = 4.06 with 9 degrees of
    /// freedom, mean 1.58, 95 % interval 0.70 to 2.46.
    #[test]
    fn the_interval_is_the_published_one() {
        let one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let other = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let pairs: Vec<(f64, f64)> = one.into_iter().zip(other).collect();
        let paired = Paired::of(&pairs).unwrap();
        assert!((paired.difference.mean - 1.58).abs() < 1e-9);
        assert!((paired.difference.low().unwrap() - 0.7001).abs() < 2e-4, "{paired:?}");
        assert!((paired.difference.high().unwrap() - 2.4599).abs() < 2e-4, "{paired:?}");
        assert!(paired.is_shown());
    }

    #[test]
    fn what_the_seed_does_to_both_falls_out() {
        let pairs = [(1.0, 2.0), (100.0, 101.0), (5.0, 6.1)];
        let paired = Paired::of(&pairs).unwrap();
        assert!(paired.is_shown() && paired.difference.half.unwrap() < 0.2, "{paired:?}");
    }

    #[test]
    fn no_difference_is_not_shown() {
        assert!(!Paired::of(&[(1.0, 2.0), (2.0, 1.0)]).unwrap().is_shown());
        assert!(!Paired::of(&[(1.0, 2.0)]).unwrap().is_shown(), "one seed shows nothing");
        assert!(!Paired::of(&[(1.0, 1.0), (2.0, 2.0)]).unwrap().is_shown(), "equal is not different");
        assert_eq!(Paired::of(&[]), None);
    }
}
