//! Order statistics: the median of a sample and how sure of it one can be, whatever the distribution.

use super::binomial::{TAIL, at_most};

/// The median of `sorted`, which is in rising order; of two in the middle the lower. `None` if there is nothing.
pub fn lower_median<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// The ends of a 95 % interval of the median of `sorted`, which is in rising order; `None` for fewer than six values,
/// which cannot bound a median so surely.
///
/// It reaches from the r-th smallest to the r-th largest value, with the largest r for which the true median is outside
/// with a probability of at most 5 %: it is below the r-th smallest only if fewer than r of n values are below it, and
/// each is with probability ½ (David and Nagaraja, Order Statistics, 3rd edition 2003, section 7.1). It holds for any
/// distribution. Since r is a whole number, it covers a little more than 95 %.
pub fn median_interval<T: Copy>(sorted: &[T]) -> Option<(T, T)> {
    let rank = rank(sorted.len())?;
    Some((sorted[rank - 1], sorted[sorted.len() - rank]))
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
    fn the_interval_of_many_values_is_that_of_the_normal_distribution() {
        let many: Vec<usize> = (1..=100_000).collect();
        // 50,000 ± 1.96 x sqrt(100,000) / 2.
        let (low, high) = median_interval(&many).unwrap();
        assert!(low.abs_diff(49_690) < 3 && high.abs_diff(50_311) < 3, "{low} {high}");
    }

    #[test]
    fn of_two_values_in_the_middle_the_lower_is_the_median() {
        assert_eq!(lower_median::<u8>(&[]), None);
        assert_eq!([&[1][..], &[1, 2], &[1, 2, 3]].map(lower_median), [Some(1), Some(1), Some(2)]);
        assert_eq!(median_interval(&[1, 2, 3, 4, 5]), None);
        assert_eq!(median_interval(&[1, 2, 3, 4, 5, 6]), Some((1, 6)));
    }
}
