//! A rule at work: what it remembers, whom it holds, and what it has refused.

use super::hold::Holds;
use super::policy::Rule;
use super::rule::RuleState;
use crate::rng::Seeds;
use crate::time::{Span, Time};

/// A rule while its provider runs: what it remembers, whom it holds, what it has done.
#[derive(Clone, Debug)]
pub(super) struct RuleRuntime {
    state: RuleState,
    holds: Holds,
    refused: u64,
}

/// What a rule did in a trial.
#[derive(Clone, Debug)]
pub struct RuleStats {
    /// The limits by tier, unknowns drawn; empty for a check.
    pub limits: Vec<Option<u32>>,
    /// Violations, and commands refused because of a hold.
    pub refused: u64,
    /// Holds it began.
    pub holds: u64,
    /// Time its clients spent under its holds until now.
    pub held: Span,
}

impl RuleRuntime {
    /// The rule in this place of the profile, which has done nothing yet.
    pub(super) fn new(rule: &Rule, place: u16, seeds: Seeds) -> Self {
        Self { state: rule.kind.new_state(&rule.name, place, seeds), holds: Holds::new(), refused: 0 }
    }

    #[inline]
    pub(super) const fn state(&self) -> &RuleState {
        &self.state
    }

    #[inline]
    pub(super) const fn state_mut(&mut self) -> &mut RuleState {
        &mut self.state
    }

    #[inline]
    pub(super) const fn holds(&self) -> &Holds {
        &self.holds
    }

    pub(super) const fn holds_mut(&mut self) -> &mut Holds {
        &mut self.holds
    }

    /// A command is refused.
    pub(super) const fn count_refusal(&mut self) {
        self.refused += 1;
    }

    /// What the rule has done until `now`.
    pub(super) fn stats(&self, now: Time) -> RuleStats {
        let limits = self.state.limit_by_tier();
        RuleStats { limits, refused: self.refused, holds: self.holds.begun(), held: self.holds.served(now) }
    }
}
