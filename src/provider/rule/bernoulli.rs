//! A draw that comes out true in a given share of all cases.

use crate::rng::Seed;
use crate::units::Fraction;

/// The draws of one rule: how often another rule is asked does not move them.
#[derive(Clone, Debug)]
pub(in crate::provider) struct Bernoulli {
    seed: Seed,
    rule: u64,
    /// Draws made so far.
    draws: u64,
}

impl Bernoulli {
    pub(super) const fn new(seed: Seed, rule: u16) -> Self {
        Self { seed, rule: rule as u64, draws: 0 }
    }

    /// The draws of the rule in this place of a profile.
    pub(super) fn of_rule(rule: u16, chance: Seed) -> Self {
        Self::new(chance.named("coins"), rule)
    }

    /// True with this probability.
    pub(super) fn draw(&mut self, probability: Fraction) -> bool {
        self.draws += 1;
        probability == Fraction::ALL || self.seed.share(self.rule, self.draws) < probability.get()
    }
}

/// The share that is refused where a profile does not say.
pub(super) const fn all() -> Fraction {
    Fraction::ALL
}

/// A share of what is refused: "to all", or "to 25.0 %".
pub(super) fn share_in_words(share: Fraction) -> String {
    if share == Fraction::ALL { "to all".to_owned() } else { format!("to {share}") }
}
