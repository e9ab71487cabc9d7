//! The two kinds of rules: those that count, and those that only look.

use super::check::Check;
use super::limit::Limit;
use super::limit::state::LimitState;
use super::meter::Meter;
use super::population::Population;
use super::state::RuleState;
use crate::provider::scope::Scope;
use crate::provider::unknown_seeds::limit_seed;
use crate::rng::Seeds;

/// What a rule is, and what decides whether it is broken.
#[derive(Clone, Debug)]
pub enum RuleKind {
    /// A count that must stay at or below a limit.
    Limit(Limit),
    /// A question about the client, the recipient or the message.
    Check(Check),
}

impl RuleKind {
    /// What a rule of this kind remembers at the start: the rule of this name, in this place of the profile.
    pub(in crate::provider) fn new_state(&self, name: &str, rule: u16, seeds: Seeds) -> RuleState {
        match self {
            Self::Limit(limit) => RuleState::Limit(LimitState::new(limit, limit_seed(seeds.unknowns, name))),
            Self::Check(check) => check.new_state(name, rule, seeds.chance),
        }
    }

    /// Whom a hold is for: whom the counter is for, or the client where there is none, or where it is a session's.
    pub const fn hold_scope(&self) -> Scope {
        match self {
            Self::Limit(Limit { scope: Scope::Session, .. }) | Self::Check(_) => Scope::ClientIp,
            Self::Limit(limit) => limit.scope,
        }
    }

    /// Whether it is a limit on refusals.
    pub(in crate::provider) fn counts_refusals(&self) -> bool {
        matches!(self, Self::Limit(limit) if limit.meter == Meter::Refusals)
    }

    /// Bytes that a rule of this kind remembers at most, roughly, of so many who send and so many to whom.
    pub fn memory(&self, population: &Population) -> f64 {
        match self {
            Self::Limit(limit) => limit.memory(population),
            Self::Check(check) => check.kind().memory(population),
        }
    }
}
