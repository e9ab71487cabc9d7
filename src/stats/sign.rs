//! Which of two times comes first, where some never came: the sign test.
//!
//! The difference of two times of which one lies beyond the trial has no size, but it has a sign.

use super::binomial::{at_most, clopper_pearson};
use super::median::Moment;

/// In how many seeds the second of two came sooner than the first, and in how many later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    /// The second came sooner.
    pub sooner: usize,
    /// The second came later, or only the first came.
    pub later: usize,
    /// Both came at the same time, or neither came: these say nothing.
    pub tied: usize,
}

/// A share of seeds and its exact 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeedShare {
    /// The share, 0 to 1.
    pub share: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Sign {
    /// From pairs of the times of one and the other under the same seed.
    pub fn of(pairs: &[(Moment, Moment)]) -> Self {
        let count = |wanted: fn(&(Moment, Moment)) -> bool| pairs.iter().filter(|pair| wanted(pair)).count();
        let (sooner, later) = (count(|(one, other)| other < one), count(|(one, other)| other > one));
        Self { sooner, later, tied: pairs.len() - sooner - later }
    }

    /// The share of the seeds that say anything in which the second came sooner, and its exact 95 % interval (Clopper
    /// and Pearson 1934); `None` if no seed says anything.
    pub fn share(&self) -> Option<SeedShare> {
        let n = self.sooner + self.later;
        let (low, high) = clopper_pearson(self.sooner, n);
        (n > 0).then(|| SeedShare { share: self.sooner as f64 / n as f64, low, high })
    }

    /// How likely so lopsided a result or a more lopsided one is if neither tends to come first: the exact two-sided
    /// sign test, ties left out (Dixon and Mood 1946, Journal of the American Statistical Association 41, 557-566).
    pub fn p_value(&self) -> f64 {
        let n = self.sooner + self.later;
        (2.0 * at_most(self.sooner.min(self.later), n, 0.5)).min(1.0)
    }

    /// Whether that is at most 5 %: the seeds show that one comes first. Then and only then does the interval of the
    /// share leave out ½.
    pub fn is_shown(&self) -> bool {
        self.p_value() <= 0.05
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(sooner: usize, later: usize) -> Sign {
        Sign { sooner, later, tied: 0 }
    }

    #[test]
    fn beyond_is_later_than_any_time_and_ties_with_itself() {
        use Moment::{At, Beyond};
        let pairs = [(At(2.0), At(1.0)), (Beyond, At(9.0)), (At(9.0), Beyond), (Beyond, Beyond), (At(1.0), At(1.0))];
        assert_eq!(Sign::of(&pairs), Sign { sooner: 2, later: 1, tied: 2 });
    }

    /// Critical values of the two-sided sign test at 5 % (Dixon and Mood 1946, table 1).
    #[test]
    fn critical_values_are_the_published_ones() {
        for (n, critical) in [(6, 0), (9, 1), (10, 1), (15, 3), (20, 5), (25, 7), (50, 17)] {
            assert!(sign(critical, n - critical).is_shown(), "{critical} of {n}");
            assert!(!sign(critical + 1, n - critical - 1).is_shown(), "{} of {n}", critical + 1);
        }
        assert!((sign(1, 9).p_value() - 22.0 / 1_024.0).abs() < 1e-12);
    }

    #[test]
    fn the_test_and_the_interval_agree() {
        for n in 1..=60 {
            for sooner in 0..=n {
                let sign = sign(sooner, n - sooner);
                let SeedShare { low, high, .. } = sign.share().unwrap();
                assert_eq!(sign.is_shown(), low > 0.5 || high < 0.5, "{sign:?}: {low} to {high}");
            }
        }
    }

    #[test]
    fn only_ties_show_nothing() {
        let ties = Sign { sooner: 0, later: 0, tied: 7 };
        assert_eq!(ties.share(), None);
        assert!((ties.p_value() - 1.0).abs() < 1e-12);
    }
}
