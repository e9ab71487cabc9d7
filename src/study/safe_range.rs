//! Up to which value it is safe.
//!
//! Judged under each seed by itself, never by a mean: a seed draws what is unknown outside a provider, and a sender
//! lives under one such draw, not under their mean. So two things are said: up to which value it is safe under every
//! seed, with the share of all seeds for which that holds with 95 % confidence; and the median over the seeds with its
//! interval.

use crate::record::SafeRange;
use crate::stats::{lower_median, median_interval};

/// Up to which value it is safe, where `met[seed][value]` says whether a value meets the criterion under a seed, and
/// `low_is_safe` from which end to count. `None` without seeds.
pub(super) fn safe_range(met: &[Vec<bool>], low_is_safe: bool) -> Option<SafeRange> {
    let rank = |values: &Vec<bool>| {
        let safe = |met: &&bool| **met;
        if low_is_safe { values.iter().take_while(safe).count() } else { values.iter().rev().take_while(safe).count() }
    };
    let mut ranks: Vec<usize> = met.iter().map(rank).collect();
    ranks.sort_unstable();
    Some(SafeRange {
        low_is_safe,
        every: *ranks.first()?,
        coverage: coverage(ranks.len()),
        median: lower_median(&ranks)?,
        interval: median_interval(&ranks),
        ranks,
    })
}

/// The share of all seeds there could be that lie at or above the lowest of `n`, with 95 % confidence: if only a share
/// p did, all of n would with a chance of p^n (Wilks, "Determination of sample sizes for setting tolerance limits",
/// Annals of Mathematical Statistics 12, 1941).
fn coverage(n: usize) -> f64 {
    0.05_f64.powf(1.0 / n.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(ranks: &[usize], values: usize) -> Vec<Vec<bool>> {
        ranks.iter().map(|rank| (0..values).map(|n| n < *rank).collect()).collect()
    }

    #[test]
    fn a_safe_range_is_safe_under_every_seed() {
        let safe = safe_range(&seeds(&[5, 3, 4, 4, 6, 4], 8), true).unwrap();
        assert_eq!((safe.every, safe.median, safe.interval), (3, 4, Some((3, 6))));
        assert_eq!(safe.ranks, [3, 4, 4, 4, 5, 6]);
    }

    #[test]
    fn a_value_beyond_an_unsafe_one_is_not_in_the_safe_range() {
        assert_eq!(safe_range(&[vec![true, false, true, true]], true).unwrap().every, 1);
        assert_eq!(safe_range(&[vec![true, false, true, true]], false).unwrap().every, 2);
        assert_eq!(safe_range(&[vec![false, true]], true).unwrap().every, 0);
        assert!(safe_range(&[], true).is_none());
    }

    #[test]
    fn coverage_of_the_worst_of_n_seeds_is_wilks() {
        // 59 for 95 % and 29 for 90 %, with 95 % confidence.
        assert!(coverage(58) < 0.95 && coverage(59) >= 0.95);
        assert!(coverage(28) < 0.9 && coverage(29) >= 0.9);
    }
}
