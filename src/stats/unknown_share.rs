//! Which unknown is behind how much of the spread over seeds.
//!
//! Of each unknown there are pairs of trials that differ in it alone: by how much the figure differs, and by how much
//! what was drawn does. Half the mean square of the figure's differences is the variance that would be left if all but
//! this unknown were known (Jansen 1999). As it is known how draws are spread (uniformly), the sum of the squared
//! differences of the figure is taken for each of the draw (a ratio estimate, Cochran 1977, Sampling Techniques, 6.1):
//! where a figure follows an unknown in a straight line, two seeds say as much as a thousand. What all unknowns
//! are behind, see [`Spread`], is divided in these proportions.

use super::spread::{Ring, Spread, jackknife};

/// Two trials that differ in one unknown alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    /// The difference of the figure.
    pub figure: f64,
    /// The difference of what was drawn.
    pub draw: f64,
}

/// The share of the variance over seeds that an unknown is behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnknownShare {
    /// The share; those of all unknowns together are [`Spread::share`].
    pub share: f64,
    /// Ends of its 95 % interval.
    pub interval: (f64, f64),
}

impl UnknownShare {
    /// From the figures of a [`Spread`] and the moves of each unknown: under seed 0 to that of seed 1, under seed 1 to
    /// that of seed 2, and so on, for as many seeds of the ring as there are; an unknown without moves has no effect.
    /// `None` where there is nothing to divide, or there are no moves.
    ///
    /// The interval is the delete-one-seed jackknife with Student's t, as that of [`Spread`]. Of an unknown that
    /// changed nothing in m moves it ends at 1 - 0.025^(1/m): were it likelier than that to change something, it
    /// would have (exact binomial).
    pub fn of(own: &[f64], crossed: &[f64], unknowns: &[Vec<Move>]) -> Option<Vec<Self>> {
        let all = Spread::of(own, crossed)?.share;
        if unknowns.iter().all(Vec::is_empty) {
            return None;
        }
        let ring = Ring::new(own, crossed);
        let Some(whole) = divided(Some(all), unknowns, &|_| true) else {
            // All unknowns together may change something, and none of those that were moved did.
            let unseen =
                |moves: &Vec<Move>| Self { share: 0.0, interval: (0.0, if moves.is_empty() { 0.0 } else { 1.0 }) };
            return Some(unknowns.iter().map(unseen).collect());
        };
        let n = own.len();
        let without = |seed: usize| {
            let kept = |place: usize| place != seed && (place + 1) % n != seed;
            divided(ring.share_without(seed), unknowns, &kept)
        };
        // Where all of it hangs on one seed, nothing is known.
        let without: Option<Vec<Vec<f64>>> = (0..n).map(without).collect();
        let within = |share: f64| share.clamp(0.0, 1.0);
        let share = |(unknown, share): (usize, &f64)| {
            if *share == 0.0 {
                return Self { share: 0.0, interval: (0.0, unseen(unknowns[unknown].len())) };
            }
            let half =
                without.as_ref().map_or(1.0, |all| jackknife(&all.iter().map(|of| of[unknown]).collect::<Vec<_>>()));
            Self { share: within(*share), interval: (within(share - half), within(share + half)) }
        };
        Some(whole.iter().enumerate().map(share).collect())
    }
}

/// The share of all unknowns, divided between them by their moves in the places that are kept.
fn divided(share: Option<f64>, unknowns: &[Vec<Move>], kept: &dyn Fn(usize) -> bool) -> Option<Vec<f64>> {
    let effects: Vec<f64> = unknowns.iter().map(|moves| effect(moves, kept)).collect();
    let sum: f64 = effects.iter().sum();
    let share = share.filter(|_| sum > 0.0)?;
    Some(effects.iter().map(|effect| share * effect / sum).collect())
}

/// The largest share of moves that change something, where none of so many did; none where there was none to make.
fn unseen(moves: usize) -> f64 {
    if moves == 0 { 0.0 } else { 1.0 - 0.025_f64.powf(1.0 / moves as f64) }
}

/// The square of what a figure changes for each step of what is drawn.
fn effect(moves: &[Move], kept: &dyn Fn(usize) -> bool) -> f64 {
    let kept = moves.iter().enumerate().filter(|(place, _)| kept(*place));
    let (figures, draws) =
        kept.fold((0.0, 0.0), |(figures, draws), (_, one)| (figures + one.figure.powi(2), draws + one.draw.powi(2)));
    if draws > 0.0 { figures / draws } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    const UNKNOWNS: usize = 3;

    /// The shares of three unknowns under `n` seeds, each moved under the first `trials` of them. `figure` is told the
    /// three draws and that of chance, all uniform from 0 to 1.
    fn shares(
        n: usize,
        trials: usize,
        seed: u64,
        figure: impl Fn([f64; UNKNOWNS], f64) -> f64,
    ) -> Option<Vec<UnknownShare>> {
        let draws = Seed(seed).named("unknown-share");
        let unknowns = |i: usize| [0, 1, 2].map(|unknown| draws.share((i % n) as u64, unknown));
        let chance = |i: usize| draws.share(i as u64, 9);
        let own: Vec<f64> = (0..n).map(|i| figure(unknowns(i), chance(i))).collect();
        let crossed: Vec<f64> = (0..n).map(|i| figure(unknowns(i + 1), chance(i))).collect();
        let of_all = (0..UNKNOWNS).map(|unknown| {
            let one = |i: usize| {
                let (mut limits, from) = (unknowns(i), unknowns(i)[unknown]);
                limits[unknown] = unknowns(i + 1)[unknown];
                Move { figure: figure(limits, chance(i)) - own[i], draw: limits[unknown] - from }
            };
            (0..trials).map(one).collect()
        });
        UnknownShare::of(&own, &crossed, &of_all.collect::<Vec<_>>())
    }

    /// 2·A + B + C·0 + chance has the shares 4/6, 1/6, 0, and chance 1/6.
    #[test]
    fn shares_are_those_worked_out_by_hand() {
        let shares = shares(2_000, 2_000, 1, |[a, b, _], chance| 1e6 + 2.0 * a + b + chance).unwrap();
        let expected = [4.0 / 6.0, 1.0 / 6.0, 0.0];
        for (share, expected) in shares.iter().zip(expected) {
            assert!((share.share - expected).abs() < 0.03, "{shares:?}");
        }
        assert!(shares[2].interval.1 < 0.002, "what never changes anything has no share: {shares:?}");
    }

    /// As few seeds as a run may have.
    #[test]
    fn the_proportion_of_straight_effects_is_exact_with_five_seeds() {
        let shares = shares(10, 5, 2, |[a, b, c], chance| 3.0 * a + b + 2.0 * c + chance).unwrap();
        let [a, b, c] = [0, 1, 2].map(|unknown| shares[unknown].share);
        assert!((a / b - 9.0).abs() < 1e-6 && (c / b - 4.0).abs() < 1e-6, "{shares:?}");
    }

    /// Straight, bent and stepped figures, with few seeds and more, all moved and some: the interval holds the share at
    /// least as often as it says, or nearly.
    #[test]
    fn the_interval_holds_the_share() {
        type Figure = fn([f64; UNKNOWNS], f64) -> f64;
        let step = 0.25 / (0.25 + 1.0 / 12.0);
        let figures: [([f64; UNKNOWNS], Figure); 3] = [
            ([4.0 / 6.0, 1.0 / 6.0, 0.0], |[a, b, _], chance| 2.0 * a + b + chance),
            // The variance of a² is 4/45.
            (
                [4.0 / 45.0 / (4.0 / 45.0 + 1.0 / 6.0), 1.0 / 12.0 / (4.0 / 45.0 + 1.0 / 6.0), 0.0],
                |[a, b, _], chance| a * a + b + chance,
            ),
            ([step, 0.0, 0.0], |[a, _, _], chance| f64::from(u8::from(a > 0.5)) + chance),
        ];
        for (n, moved) in [(10, 5), (10, 10), (20, 10)] {
            for (expected, figure) in figures {
                for (unknown, expected) in expected.into_iter().enumerate() {
                    let holds = |seed: &u64| {
                        let (low, high) = shares(n, moved, *seed, figure).unwrap()[unknown].interval;
                        low <= expected && expected <= high
                    };
                    let held = (0..500).filter(holds).count();
                    assert!(held >= 465, "{expected} under {n} seeds, {moved} moved: held in {held} of 500");
                }
            }
        }
    }

    #[test]
    fn where_nothing_was_seen_nothing_is_known() {
        assert_eq!(shares(10, 10, 1, |_, _| 0.5), None);
        assert_eq!(shares(10, 0, 1, |[a, ..], chance| a + chance), None);
        let chance = shares(10, 10, 1, |_, chance| chance).unwrap();
        assert!(chance.iter().all(|of| of.share == 0.0 && of.interval == (0.0, 1.0)), "{chance:?}");
        assert_eq!(shares(2, 2, 1, |[a, ..], _| a), None);
    }
}
