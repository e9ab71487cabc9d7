//! The knee of a curve: beyond it, more costs as much as before and brings little.
//!
//! Kneedle (Satopää, Albrecht, Irwin and Raghavan, "Finding a 'Kneedle' in a Haystack: Detecting Knee Points in System
//! Behavior", ICDCS Workshops 2011), for curves that rise and level off: scale the curve into the unit square; the
//! knee is where it stands highest above the diagonal, if after that it comes back by more than the sensitivity times
//! the mean distance of two values. Differences from the paper: the curve is a mean over seeds, and not smoothed
//! further; of several knees the most pronounced counts; and one that stands less than [`HEIGHT_MIN`] above the
//! diagonal is none, as chance makes that of a straight line.

/// The paper's sensitivity S; it recommends 1.
const SENSITIVITY: f64 = 1.0;

/// How far above the diagonal of the unit square a knee stands at least; ours.
const HEIGHT_MIN: f64 = 0.1;

/// The place of the knee of the curve through `points`, (x, y) in rising order of x; `None` if it has none.
///
/// A curve that falls is looked at from its other end: its knee, too, is where the rise from the low end levels off.
pub fn knee(points: &[(f64, f64)]) -> Option<usize> {
    let (first, last) = (points.first()?, points.last()?);
    let lowest = points.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
    let highest = points.iter().map(|(_, y)| *y).fold(f64::NEG_INFINITY, f64::max);
    let (width, height) = (last.0 - first.0, highest - lowest);
    if points.len() < 3 || !(width.is_finite() && height.is_finite()) || width <= 0.0 || height <= 0.0 {
        return None;
    }
    // A curve that collapses after its summit still rises to it: what counts is where it comes from.
    let rises = highest - first.1 >= height / 2.0;
    let along = |x: f64| if rises { (x - first.0) / width } else { (last.0 - x) / width };
    let above: Vec<f64> = points.iter().map(|(x, y)| (y - lowest) / height - along(*x)).collect();
    let above: Vec<f64> = if rises { above } else { above.into_iter().rev().collect() };
    let found = most_pronounced(&above)?;
    Some(if rises { found } else { points.len() - 1 - found })
}

/// The place of the highest knee of a curve that is given by how far it stands above the diagonal.
fn most_pronounced(above: &[f64]) -> Option<usize> {
    let step = 1.0 / (above.len() - 1) as f64;
    let mut best: Option<usize> = None;
    for n in 1..above.len() - 1 {
        if above[n] < HEIGHT_MIN || above[n] < above[n - 1] || above[n] < above[n + 1] {
            continue;
        }
        // Until it stands higher again, which is for the next one to judge.
        let after = above[n + 1..].iter().take_while(|next| **next <= above[n]);
        let comes_back = after.fold(f64::INFINITY, |least, next| least.min(*next)) < above[n] - SENSITIVITY * step;
        if comes_back && best.is_none_or(|best| above[n] > above[best]) {
            best = Some(n);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(f: impl Fn(f64) -> f64, from: f64, to: f64, count: u32) -> Vec<(f64, f64)> {
        let x = |n: u32| from + (to - from) * f64::from(n) / f64::from(count - 1);
        (0..count).map(|n| (x(n), f(x(n)))).collect()
    }

    #[test]
    fn the_knee_of_the_papers_own_curve() {
        // Figure 2 of the paper: y = -1 / (x + 0.1) + 5 at ten places from 0 to 1; its knee is at 0.22.
        let points = curve(|x| -1.0 / (x + 0.1) + 5.0, 0.0, 1.0, 10);
        assert_eq!(knee(&points), Some(2));
        assert!((points[2].0 - 0.222).abs() < 0.001);
    }

    #[test]
    fn the_knee_is_where_a_rise_ends() {
        let points = curve(|x| x.min(10.0), 1.0, 40.0, 40);
        assert_eq!(knee(&points).map(|n| points[n].0), Some(10.0));
        let collapses = curve(|x| if x <= 10.0 { x } else { 10.0 - (x - 10.0) / 3.0 }, 1.0, 40.0, 40);
        assert_eq!(knee(&collapses).map(|n| points[n].0), Some(10.0));
        let falls = curve(|x| (41.0 - x).min(10.0), 1.0, 40.0, 40);
        assert_eq!(knee(&falls).map(|n| falls[n].0), Some(31.0));
    }

    #[test]
    fn what_does_not_level_off_has_no_knee() {
        assert_eq!(knee(&curve(|x| 3.0 * x, 0.0, 10.0, 11)), None);
        assert_eq!(knee(&curve(|x| x * x, 0.0, 10.0, 11)), None);
        assert_eq!(knee(&curve(|_| 7.0, 0.0, 10.0, 11)), None);
        // A line that chance has bent a little.
        assert_eq!(knee(&curve(|x| x + 0.2 * (x * 7.0).sin(), 0.0, 10.0, 21)), None);
        assert_eq!(knee(&[]), None);
        assert_eq!(knee(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(knee(&[(1.0, f64::NAN), (2.0, 2.0), (3.0, 3.0)]), None);
    }
}
