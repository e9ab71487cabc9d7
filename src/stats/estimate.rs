//! A mean over seeds, or a share of sums over them, and how sure of it one can be.

use super::student::t_975;

/// The mean of a sample and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// How many values there were; at least 1.
    pub n: usize,
    /// The mean of the values.
    pub mean: f64,
    /// Half the width of the 95 % interval of the mean (Student's t); `None` for a single value, which says nothing
    /// about the spread.
    pub half: Option<f64>,
}

impl Estimate {
    /// The estimate from a sample; `None` if it is empty.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self { n, mean, half: half(n, squares) })
    }

    /// The share that all parts are of all wholes, from pairs of a part and its whole: small wholes count little, and
    /// those of 0 for nothing. `None` if there is no whole above 0.
    ///
    /// The interval is that of the ratio estimator (Cochran, Sampling Techniques, 3rd edition 1977, chapter 6): the
    /// spread of `part - share · whole` around 0, divided by the mean whole. It holds for large samples; for few seeds
    /// it is a little narrow where the wholes differ much. `None` where fewer than two pairs have a whole.
    pub fn ratio(pairs: &[(f64, f64)]) -> Option<Self> {
        let whole: f64 = pairs.iter().map(|(_, whole)| whole).sum();
        if whole <= 0.0 {
            return None;
        }
        let n = pairs.len();
        let mean = pairs.iter().map(|(part, _)| part).sum::<f64>() / whole;
        let squares: f64 = pairs.iter().map(|(part, whole)| (part - mean * whole).powi(2)).sum();
        let several = pairs.iter().filter(|(_, whole)| *whole > 0.0).count() > 1;
        let half = half(n, squares).filter(|_| several).map(|half| half * n as f64 / whole);
        Some(Self { n, mean, half })
    }

    /// Lower end of the interval.
    pub fn low(&self) -> Option<f64> {
        self.half.map(|half| self.mean - half)
    }

    /// Upper end of the interval.
    pub fn high(&self) -> Option<f64> {
        self.half.map(|half| self.mean + half)
    }
}

/// Half the width of the interval of the mean of `n` values, from the sum of their squared deviations.
fn half(n: usize, squares: f64) -> Option<f64> {
    (n > 1).then(|| t_975(n - 1) * (squares / (n - 1) as f64 / n as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn an_interval_needs_two_values() {
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[3.0]), Some(Estimate { n: 1, mean: 3.0, half: None }));
        let two = Estimate::of(&[1.0, 3.0]).unwrap();
        assert!((two.mean - 2.0).abs() < 1e-12);
        // s = √2, s/√2 = 1, t(1) = 12.7062
        assert!((two.half.unwrap() - 12.7062).abs() < 1e-9);
        assert_eq!(Estimate::of(&[5.0; 4]).unwrap().half, Some(0.0));
    }

    /// Gosset's own example (Student 1908, Biometrika 6): the extra hours of sleep of ten patients.
    #[test]
    fn the_interval_is_the_published_one() {
        let extra = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let estimate = Estimate::of(&extra).unwrap();
        assert!((estimate.mean - 1.58).abs() < 1e-9);
        assert!((estimate.low().unwrap() - 0.7001).abs() < 2e-4, "{estimate:?}");
        assert!((estimate.high().unwrap() - 2.4599).abs() < 2e-4, "{estimate:?}");
    }

    #[test]
    fn a_share_of_sums_weighs_by_the_whole() {
        let even = Estimate::ratio(&[(1.0, 10.0), (3.0, 10.0)]).unwrap();
        let mean = Estimate::of(&[0.1, 0.3]).unwrap();
        assert!((even.mean - 0.2).abs() < 1e-12);
        assert!((even.half.unwrap() - mean.half.unwrap()).abs() < 1e-12, "equal wholes: the mean of the shares");
        let uneven = Estimate::ratio(&[(1.0, 2.0), (1.0, 16.0)]).unwrap();
        assert!((uneven.mean - 1.0 / 9.0).abs() < 1e-12);
        // e = ±7/9, s² = 2 · (7/9)², s/√2 = 7/9, over the mean whole 9, times t(1).
        assert!((uneven.half.unwrap() - 12.7062 * 7.0 / 81.0).abs() < 1e-9);
        assert_eq!(Estimate::ratio(&[(0.0, 0.0)]), None);
        assert_eq!(Estimate::ratio(&[(1.0, 4.0), (0.0, 0.0)]), Some(Estimate { n: 2, mean: 0.25, half: None }));
    }

    /// Twenty seeds of one to twenty attempts each, of which 30 % are deferred by chance.
    #[test]
    fn the_interval_of_a_share_of_sums_holds_it() {
        let held = (0..2_000_u64).filter(|repetition| {
            let draws = Seed(*repetition).named("ratio");
            let pairs: Vec<(f64, f64)> = (0..20)
                .map(|seed| {
                    let whole = 1 + draws.draw(seed, 0) % 20;
                    let part = (1..=whole).filter(|n| draws.share(seed, *n) < 0.3).count();
                    (part as f64, whole as f64)
                })
                .collect();
            let share = Estimate::ratio(&pairs).unwrap();
            share.low().unwrap() <= 0.3 && 0.3 <= share.high().unwrap()
        });
        let held = held.count();
        assert!((1_860..=1_940).contains(&held), "{held} of 2,000");
    }
}
