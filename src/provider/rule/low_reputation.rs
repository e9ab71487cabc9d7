//! Refusals for low reputation.

use super::bernoulli::Bernoulli;
use crate::provider::context::RuleContext;
use crate::provider::reputation::ReputationOf;
use crate::units::Fraction;

/// Refuses a share of what comes from identities of low reputation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowReputation {
    /// Scores below this are refused.
    pub below: Fraction,
    /// Whose score it is.
    pub of: ReputationOf,
    /// Share of the attempts that are refused.
    pub refuse: Fraction,
}

impl LowReputation {
    /// Whether a command is let pass.
    pub(super) fn permits(&self, refusals: &mut Bernoulli, context: &RuleContext<'_>) -> bool {
        context.score(self.of) >= self.below || !refusals.draw(self.refuse)
    }
}
