//! Refusals for low reputation.

use schemars::JsonSchema;
use serde::Deserialize;

use super::bernoulli::{Bernoulli, all, share_in_words};
use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::provider::limit_value::LimitBasis as _;
use crate::provider::reputation::ReputationOf;
use crate::time::Time;
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

/// A threshold of the reputation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReputationCheckSpec {
    /// Refuse below this.
    pub below: Fraction,
    /// Whose reputation.
    #[serde(default)]
    pub of: ReputationOf,
    /// Share of the attempts that are refused; all unless said otherwise.
    #[serde(default = "all")]
    pub refuse: Fraction,
}

impl LowReputation {
    /// What a profile's threshold means.
    pub(super) const fn build(spec: &ReputationCheckSpec) -> Self {
        Self { below: spec.below, of: spec.of, refuse: spec.refuse }
    }

    /// Whether a command is let pass.
    #[inline(never)]
    pub(super) fn permits(&self, refusals: &mut Bernoulli, context: &RuleContext<'_>) -> bool {
        context.score(self.of) >= self.below || !refusals.draw(self.refuse)
    }
}

impl CheckKind for LowReputation {
    fn words(&self) -> String {
        let whose = match self.of {
            ReputationOf::ClientIp => "a client",
            ReputationOf::SenderDomain => "a sender domain",
            ReputationOf::Lower => "a client or sender domain",
        };
        let share = share_in_words(self.refuse);
        format!("{share} of what comes from {whose} whose reputation is below {}", self.below.get())
    }

    fn reason(&self) -> Option<&'static str> {
        Some("reputation")
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
