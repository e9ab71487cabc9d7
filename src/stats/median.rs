//! The median of times that may lie beyond the end of a trial.
//!
//! What did not happen within a trial happened later or never. A mean cannot say that; a median can, as long as half of
//! the seeds got there, and so can its interval ([`median_interval`]).

use super::order::median_interval;

/// A time, or that it did not come within the trial (censored at its end).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Moment {
    /// It came at this time.
    At(f64),
    /// It would come after the end of the trial, or never: later than every time that came.
    Beyond,
}

impl Moment {
    /// The time, if it came.
    pub const fn at(self) -> Option<f64> {
        match self {
            Self::At(time) => Some(time),
            Self::Beyond => None,
        }
    }
}

impl From<Option<f64>> for Moment {
    fn from(time: Option<f64>) -> Self {
        time.map_or(Self::Beyond, Self::At)
    }
}

/// The median of a sample of such times and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Median {
    /// How many seeds there were; at least 1.
    pub n: usize,
    /// In how many of them the time did not come within the trial.
    pub beyond: usize,
    /// The median of the sample; beyond, unless more than half of the seeds got there.
    pub median: Moment,
    /// The ends of the interval; `None` for fewer than six seeds, which cannot bound a median so surely.
    pub interval: Option<(Moment, Moment)>,
}

impl Median {
    /// The median of a sample; `None` if it is empty.
    pub fn of(times: &[Moment]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        let n = sorted.len();
        let upper = *sorted.get(n / 2)?;
        let median = match (sorted[(n - 1) / 2], upper) {
            (Moment::At(low), Moment::At(high)) => Moment::At(f64::midpoint(low, high)),
            _ => Moment::Beyond,
        };
        let beyond = sorted.iter().filter(|time| **time == Moment::Beyond).count();
        Some(Self { n, beyond, median, interval: median_interval(&sorted) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64], beyond: usize) -> Median {
        let times = values.iter().map(|value| Moment::At(*value)).chain(vec![Moment::Beyond; beyond]);
        Median::of(&times.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_never_came_is_later_than_all_that_did() {
        let some = of(&[3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0], 3);
        assert_eq!((some.n, some.beyond), (10, 3));
        assert_eq!(some.median, Moment::At(5.5));
        assert_eq!(some.interval, Some((Moment::At(2.0), Moment::Beyond)));
        let half = of(&[1.0, 2.0, 3.0], 3);
        assert_eq!(half.median, Moment::Beyond, "the median lies between 3 and what was never seen");
        assert_eq!(half.interval, Some((Moment::At(1.0), Moment::Beyond)));
    }

    #[test]
    fn few_seeds_have_a_median_without_an_interval() {
        assert_eq!(Median::of(&[]), None);
        assert_eq!(of(&[2.0, 4.0], 1), Median { n: 3, beyond: 1, median: Moment::At(4.0), interval: None });
        assert_eq!(of(&[], 1).median, Moment::Beyond);
    }
}
