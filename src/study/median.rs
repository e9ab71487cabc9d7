//! The median of a sample and how sure of it one can be, without any assumption about the distribution.

/// The median of `sorted`, which is in rising order; of two in the middle the lower. `None` if there is nothing.
pub(super) fn median<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// An interval that holds the median with at least 95 % confidence, by order statistics: from the k-th value from below
/// to the k-th from above, where the median lies outside only if fewer than k of n fair coins show heads, or fewer than
/// k tails (David and Nagaraja, Order Statistics, 2003, section 7.1). `None` below 6 values, which cannot be so sure.
pub(super) fn interval<T: Copy>(sorted: &[T]) -> Option<(T, T)> {
    let n = sorted.len();
    // In logarithms, as 2^-n is no number for large n.
    let mut log = -(n as f64) * std::f64::consts::LN_2;
    let (mut below, mut k) = (0.0, 0);
    while k < n / 2 {
        below += log.exp();
        if below > 0.025 {
            break;
        }
        log += ((n - k) as f64 / (k + 1) as f64).ln();
        k += 1;
    }
    let from = k.checked_sub(1)?;
    Some((*sorted.get(from)?, *sorted.get(n - 1 - from)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_the_median_are_the_published_ones() {
        // Conover, Practical Nonparametric Statistics, binomial tables: n = 6: 1 and 6; 10: 2 and 9; 20: 6 and 15.
        for (n, ends) in [(6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (50, (18, 33)), (100, (40, 61))] {
            let sorted: Vec<usize> = (1..=n).collect();
            assert_eq!(interval(&sorted), Some(ends), "{n}");
        }
        let many: Vec<usize> = (1..=100_000).collect();
        // By the normal approximation 50,000 ± 1.96 x sqrt(100,000) / 2.
        let (low, high) = interval(&many).unwrap();
        assert!(low.abs_diff(49_690) < 3 && high.abs_diff(50_311) < 3, "{low} {high}");
    }

    #[test]
    fn too_few_values_have_no_interval_of_the_median() {
        assert_eq!(interval(&[1, 2, 3, 4, 5]), None);
        assert_eq!(interval::<u8>(&[]), None);
        assert_eq!(median::<u8>(&[]), None);
        assert_eq!([median(&[1]), median(&[1, 2]), median(&[1, 2, 3])], [Some(1), Some(1), Some(2)]);
    }
}
