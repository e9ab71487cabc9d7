//! Student's t: the quantile that a two-sided 95 % interval of a mean needs.

/// The 97.5 % quantile of Student's t with `freedom` degrees of freedom.
///
/// Up to 30 from the published table, beyond that by the expansion around the normal quantile (Abramowitz and Stegun,
/// Handbook of Mathematical Functions, 26.7.5), which is good to four decimals there.
pub(super) fn t_975(freedom: usize) -> f64 {
    if let Some(quantile) = freedom.checked_sub(1).and_then(|place| T_975.get(place)) {
        return *quantile;
    }
    let v = freedom.max(1) as f64;
    let x = NORMAL_975;
    let first = (x.powi(3) + x) / 4.0;
    let second = (5.0 * x.powi(5) + 16.0 * x.powi(3) + 3.0 * x) / 96.0;
    let third = (3.0 * x.powi(7) + 19.0 * x.powi(5) + 17.0 * x.powi(3) - 15.0 * x) / 384.0;
    x + first / v + second / v.powi(2) + third / v.powi(3)
}

/// The 97.5 % quantile of the normal distribution.
const NORMAL_975: f64 = 1.959_963_985;

/// The 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom.
const T_975: [f64; 30] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
    2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484,
    2.0452, 2.0423,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// P(|T| < t): with T = √ν tan θ the density becomes cos^(ν-1) θ, which a sum can integrate.
    fn inside(t: f64, freedom: usize) -> f64 {
        let integral = |to: f64| {
            let steps = 20_000;
            let width = to / f64::from(steps);
            (0..steps).map(|n| ((f64::from(n) + 0.5) * width).cos().powf(freedom as f64 - 1.0) * width).sum::<f64>()
        };
        integral((t / (freedom as f64).sqrt()).atan()) / integral(std::f64::consts::FRAC_PI_2)
    }

    #[test]
    fn quantiles_leave_five_percent_outside() {
        for freedom in (1..=40).chain([60, 120, 1_000]) {
            let inside = inside(t_975(freedom), freedom);
            assert!((inside - 0.95).abs() < 1e-5, "{freedom} degrees of freedom: {inside}");
        }
    }

    #[test]
    fn quantiles_are_the_published_ones() {
        for (freedom, published) in [(1, 12.706), (9, 2.262), (19, 2.093), (40, 2.0211), (60, 2.0003), (120, 1.9799)] {
            assert!((t_975(freedom) - published).abs() < 5e-4, "{freedom}");
        }
    }
}
