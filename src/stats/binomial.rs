//! The binomial distribution: the tails that exact intervals are made of.

/// P(X ≤ k) for X successes among `n`, each with probability `p`.
///
/// Summed term by term in logarithms, so that no `n` a run may have overflows; every term comes from the one before.
pub(super) fn at_most(k: usize, n: usize, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let odds = (p / (1.0 - p)).ln();
    let mut term = n as f64 * (1.0 - p).ln();
    let mut sum = term.exp();
    for i in 1..=k {
        term += ((n - i + 1) as f64 / i as f64).ln() + odds;
        sum += term.exp();
    }
    sum.min(1.0)
}

/// The exact 95 % interval of a probability of which `k` successes among `n` were seen: no probability within it makes
/// `k` or fewer, or `k` or more, less likely than 2.5 % (Clopper and Pearson 1934, Biometrika 26, 404-413).
pub(super) fn clopper_pearson(k: usize, n: usize) -> (f64, f64) {
    let low = if k == 0 { 0.0 } else { 1.0 - falls_to(n - k, n) };
    let high = if k >= n { 1.0 } else { falls_to(k, n) };
    (low, high)
}

/// The probability for which P(X ≤ k) has fallen to 2.5 %; `k` below `n`.
fn falls_to(k: usize, n: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // As many halvings as a double has bits.
    for _ in 0..53 {
        let middle = f64::midpoint(low, high);
        if at_most(k, n, middle) > TAIL {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// What a two-sided 95 % interval leaves outside on each side.
pub(super) const TAIL: f64 = 0.025;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_pascals_triangle() {
        assert!((at_most(1, 10, 0.5) - 11.0 / 1_024.0).abs() < 1e-12);
        assert!((at_most(5, 20, 0.5) - 21_700.0 / 1_048_576.0).abs() < 1e-12);
        assert!((at_most(0, 3, 0.2) - 0.512).abs() < 1e-12);
        assert_eq!((at_most(3, 3, 0.2), at_most(1, 3, 0.0), at_most(1, 3, 1.0)), (1.0, 1.0, 0.0));
        // A million coins: the half of them or fewer.
        assert!((at_most(500_000, 1_000_000, 0.5) - 0.500_4).abs() < 1e-4);
    }

    /// Tables of exact confidence limits for a binomial proportion (Documenta Geigy, Scientific Tables).
    #[test]
    fn intervals_are_the_published_ones() {
        let published = [
            (0, 10, 0.0, 0.3085),
            (1, 10, 0.0025, 0.4450),
            (5, 10, 0.1871, 0.8129),
            (9, 10, 0.5550, 0.9975),
            (0, 20, 0.0, 0.1684),
            (7, 20, 0.1539, 0.5922),
            (20, 20, 0.8316, 1.0),
        ];
        for (k, n, low, high) in published {
            let found = clopper_pearson(k, n);
            assert!((found.0 - low).abs() < 6e-5 && (found.1 - high).abs() < 6e-5, "{k} of {n}: {found:?}");
        }
    }
}
