//! What a policy leaves open, one range after the other: where in it a seed draws, and the policy in which it is known.

use super::policy::{Policy, PolicyChange};
use super::rule::RuleKind;
use super::unknown_seeds::{allowance_seed, changed_limits_seed, limit_seed};
use crate::rng::Seed;
use crate::units::RuleId;

/// A number, or numbers drawn together, that is not known outside the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// The volumes that the allowance begins and ends with.
    Allowance,
    /// The limit of a rule.
    Limit(RuleId),
    /// The limits that a rule is given while the trial runs.
    ChangedLimit(RuleId),
}

impl Unknown {
    /// Where in its range it is drawn at the provider of this name, from 0 to 1. `unknowns` is the trial's seed of what
    /// is unknown.
    pub fn share(self, policy: &Policy, unknowns: Seed) -> f64 {
        let own = unknowns.named(&policy.name);
        match self {
            Self::Allowance => allowance_seed(own).share(0, 0),
            Self::Limit(rule) => limit_seed(own, &policy.rules[rule.index()].name).share(0, 0),
            Self::ChangedLimit(rule) => changed_limits_seed(own).share(u64::from(rule.0), 0),
        }
    }
}

impl Policy {
    /// What is unknown of the policy as it stands at the start, in its order.
    pub fn unknowns(&self) -> Vec<Unknown> {
        let allowance = self.reputation.filter(|model| model.allowance.is_unknown()).map(|_| Unknown::Allowance);
        let is_unknown = |kind: &RuleKind| matches!(kind, RuleKind::Limit(limit) if limit.value.is_unknown());
        let rules = (0_u16..).map(RuleId).zip(&self.rules).filter(|(_, rule)| is_unknown(&rule.kind));
        allowance.into_iter().chain(rules.map(|(id, _)| Unknown::Limit(id))).collect()
    }

    /// The same policy where this is known: what it is under this seed.
    #[must_use]
    pub fn knowing(mut self, unknown: Unknown, unknowns: Seed) -> Self {
        let share = unknown.share(&self, unknowns);
        match unknown {
            Unknown::Allowance => {
                if let Some(model) = &mut self.reputation {
                    model.allowance = model.allowance.known_at(share);
                }
            }
            Unknown::Limit(rule) => {
                if let RuleKind::Limit(limit) = &mut self.rules[rule.index()].kind {
                    limit.value = limit.value.known_at(share);
                }
            }
            // It is the change that is known then, see `PolicyChange::knowing`.
            Unknown::ChangedLimit(_) => {}
        }
        self
    }
}

impl PolicyChange {
    /// The rule whose limit becomes unknown by the change, if one does.
    pub fn unknown(&self) -> Option<Unknown> {
        match self {
            Self::Limit(rule, value) if value.is_unknown() => Some(Unknown::ChangedLimit(*rule)),
            Self::Limit(..) | Self::Enabled(..) | Self::Reputation(..) => None,
        }
    }

    /// The same change of this policy where this is known: what it is under this seed.
    #[must_use]
    pub fn knowing(self, unknown: Unknown, policy: &Policy, unknowns: Seed) -> Self {
        match self {
            Self::Limit(rule, value) if unknown == Unknown::ChangedLimit(rule) => {
                Self::Limit(rule, value.known_at(unknown.share(policy, unknowns)))
            }
            other => other,
        }
    }
}
