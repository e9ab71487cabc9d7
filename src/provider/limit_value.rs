//! The number a count may not exceed, by tier and by the provider's load; known, unknown or none.

use crate::rng::Seed;
use crate::time::{Span, Time};

/// The number a count may not exceed, by tier and by the provider's load.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitValue {
    /// One number for every tier of the policy, in the same order.
    pub by_tier: Vec<TierValue>,
    /// By time of day, the factor that scales the number; sorted, first entry at 0. Empty means always 1.
    pub load: Vec<LoadStep>,
}

impl LimitValue {
    /// Whether the number of any tier is drawn, because it is not known outside the provider.
    pub fn is_unknown(&self) -> bool {
        self.by_tier.iter().any(|value| matches!(value, TierValue::Unknown { .. }))
    }

    /// A number scaled by a factor, rounded down; a product that is whole but for its last bit is whole.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub(super) fn scaled(number: u32, factor: f64) -> u32 {
        (f64::from(number) * factor + 1e-9) as u32
    }

    /// The largest number of any tier at any time of day; 0 if no tier has a limit.
    pub(super) fn largest(&self) -> f64 {
        let most = self.by_tier.iter().map(|value| match *value {
            TierValue::Exactly(count) | TierValue::Unknown { high: count, .. } => f64::from(count),
            TierValue::Unlimited => 0.0,
        });
        most.fold(0.0, f64::max) * largest_factor(&self.load)
    }

    /// The numbers of one trial. One draw decides all unknowns, so that a better tier never gets less.
    pub(super) fn draw(&self, seed: Seed, id: u16) -> DrawnLimit {
        let share = seed.share(u64::from(id), 0);
        let drawn = |value: &TierValue| match *value {
            TierValue::Exactly(n) => Some(n),
            TierValue::Unlimited => None,
            TierValue::Unknown { low, high } => Some(within(low, high, share)),
        };
        DrawnLimit { by_tier: self.by_tier.iter().map(drawn).collect(), load: self.load.clone() }
    }

    /// When the load changes the number next after this moment of the provider's clock; `None` is never.
    pub fn next_step(&self, clock: Time) -> Option<Time> {
        let day = Span::DAY.as_micros();
        let midnight = clock.as_micros() - clock.as_micros() % day;
        let today = self.load.iter().map(|step| midnight + step.from.as_micros());
        let next = today.filter(|at| *at > clock.as_micros()).min();
        (self.load.len() > 1).then(|| Time::from_micros(next.unwrap_or(midnight.saturating_add(day))))
    }
}

/// From this time of day on the limit is scaled by this factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadStep {
    /// Time of day, since midnight on the provider's clock.
    pub from: Span,
    /// Scales the limit, rounded down; not negative.
    pub factor: f64,
}

/// A number that a provider may or may not publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierValue {
    /// A number that is known.
    Exactly(u32),
    /// Not known outside the provider; drawn from this range, uniformly, once in every trial.
    Unknown {
        /// The least it can be.
        low: u32,
        /// The most it can be; not below `low`.
        high: u32,
    },
    /// No limit applies.
    Unlimited,
}

/// The numbers of a limit in one trial, unknowns drawn.
#[derive(Clone, Debug)]
pub(super) struct DrawnLimit {
    /// The number of every tier; `None` is no limit.
    by_tier: Vec<Option<u32>>,
    /// How the load scales them by time of day.
    load: Vec<LoadStep>,
}

impl DrawnLimit {
    /// The number that applies to a tier at a moment of the provider's clock; `None` is no limit.
    #[inline]
    pub(super) fn at(&self, tier: usize, clock: Time) -> Option<u32> {
        let number = self.by_tier[tier]?;
        if self.load.is_empty() { Some(number) } else { Some(self.scaled(number, clock)) }
    }

    fn scaled(&self, number: u32, clock: Time) -> u32 {
        let time_of_day = clock.as_micros() % Span::DAY.as_micros();
        let step = self.load.iter().rev().find(|step| step.from.as_micros() <= time_of_day);
        LimitValue::scaled(number, step.map_or(1.0, |step| step.factor))
    }

    /// The number of every tier, before the load scales it.
    pub(super) fn by_tier(&self) -> &[Option<u32>] {
        &self.by_tier
    }

    /// Whether there is a limit, in any tier.
    pub(super) fn is_limited(&self) -> bool {
        self.by_tier.iter().any(Option::is_some)
    }

    /// The largest number of any tier at any time of day; 0 if no tier has a limit.
    pub(super) fn largest(&self) -> u32 {
        let most = self.by_tier.iter().flatten().copied().max().unwrap_or(0);
        LimitValue::scaled(most, largest_factor(&self.load))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between low and high")]
fn within(low: u32, high: u32, share: f64) -> u32 {
    low + ((f64::from(high - low) + 1.0) * share) as u32
}

/// The largest factor of a load schedule; 1 without one.
fn largest_factor(load: &[LoadStep]) -> f64 {
    load.iter().map(|step| step.factor).reduce(f64::max).unwrap_or(1.0)
}
