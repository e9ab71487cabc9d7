//! The median of times that may lie beyond the end of a trial.
//!
//! What did not happen within a trial happened later or never. A mean cannot say that; a median can, as long as half of
//! the seeds got there, and so can its interval.

use super::binomial::{TAIL, at_most};

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
    ///
    /// The interval reaches from the r-th smallest to the r-th largest value, with the largest r for which the true
    /// median is outside with a probability of at most 5 %: it is below the r-th smallest only if fewer than r of n
    /// values are below it, and each is with probability ½ (David and Nagaraja, Order Statistics, 3rd edition 2003,
    /// section 7.1). It holds for any distribution. Since r is a whole number, it covers a little more than 95 %.
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
        let interval = rank(n).map(|rank| (sorted[rank - 1], sorted[n - rank]));
        Some(Self { n, beyond, median, interval })
    }
}

/// The largest r for which the median is below the r-th smallest of `n` values with a probability of at most 2.5 %;
/// `None` if there is none.
fn rank(n: usize) -> Option<usize> {
    if n < FEWEST {
        return None;
    }
    // Between the middle, which is too much, and 1, which is allowed: the tail grows with r.
    let (mut allowed, mut too_much) = (1, n / 2 + 1);
    while too_much - allowed > 1 {
        let middle = usize::midpoint(allowed, too_much);
        if at_most(middle - 1, n, 0.5) <= TAIL {
            allowed = middle;
        } else {
            too_much = middle;
        }
    }
    Some(allowed)
}

/// Of fewer values than these even the whole range misses the median too often: 2 · ½⁵ is more than 5 %.
const FEWEST: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64], beyond: usize) -> Median {
        let times = values.iter().map(|value| Moment::At(*value)).chain(vec![Moment::Beyond; beyond]);
        Median::of(&times.collect::<Vec<_>>()).unwrap()
    }

    /// Table A.8 of distribution-free intervals of the median, as in Hollander and Wolfe or the Geigy tables.
    #[test]
    fn ranks_are_the_published_ones() {
        let published = [
            (5, None),
            (6, Some(1)),
            (8, Some(1)),
            (9, Some(2)),
            (10, Some(2)),
            (15, Some(4)),
            (20, Some(6)),
            (25, Some(8)),
            (30, Some(10)),
            (50, Some(18)),
            (100, Some(40)),
        ];
        for (n, published) in published {
            assert_eq!(rank(n), published, "{n} values");
        }
    }

    #[test]
    fn what_never_came_is_later_than_all_that_did() {
        let some = of(&[3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0], 3);
        assert_eq!((some.n, some.beyond), (10, 3));
        assert_eq!(some.median, Moment::At(5.5));
        assert_eq!(some.interval, Some((Moment::At(2.0), Moment::Beyond)));
        let half = of(&[1.0, 2.0, 3.0], 3);
        assert_eq!(half.median, Moment::Beyond, "the median lies between 3 and what nobody has seen");
        assert_eq!(half.interval, Some((Moment::At(1.0), Moment::Beyond)));
    }

    #[test]
    fn few_seeds_have_a_median_without_an_interval() {
        assert_eq!(Median::of(&[]), None);
        assert_eq!(of(&[2.0, 4.0], 1), Median { n: 3, beyond: 1, median: Moment::At(4.0), interval: None });
        assert_eq!(of(&[], 1).median, Moment::Beyond);
    }
}
