//! Ceilings: the number a count may not exceed, by tier and by the provider's load; known, unknown or none.

use crate::time::{Span, Time};

/// The number a count may not exceed, by tier and by the provider's load.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitValue {
    /// One amount for every tier of the policy, in the same order.
    pub by_tier: Vec<TierValue>,
    /// By time of day, the factor that scales the amount; sorted, first entry at 0. Empty means always 1.
    pub load: Vec<LoadStep>,
}

impl LimitValue {
    /// The largest factor of the load schedule; 1 without one.
    pub fn largest_factor(&self) -> f64 {
        self.load.iter().map(|step| step.factor).reduce(f64::max).unwrap_or(1.0)
    }

    /// Whether the amount of any tier is drawn, because nobody outside the provider knows it.
    pub fn is_unknown(&self) -> bool {
        self.by_tier.iter().any(|amount| matches!(amount, TierValue::Unknown { .. }))
    }

    /// An amount scaled by a factor, rounded down; a product that is whole but for its last bit is whole.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub(super) fn scaled(amount: u32, factor: f64) -> u32 {
        (f64::from(amount) * factor + 1e-9) as u32
    }

    /// When the load changes the amount next after this moment of the provider's clock; `None` is never.
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
    /// Time of day.
    pub from: Span,
    /// Scales the limit, rounded down; not negative.
    pub factor: f64,
}

/// A number that a provider may or may not publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierValue {
    /// This many.
    Exactly(u32),
    /// Nobody outside the provider knows; drawn from this range, uniformly, once in every trial.
    Unknown {
        /// At least.
        low: u32,
        /// At most.
        high: u32,
    },
    /// No limit.
    Unlimited,
}
