//! What of a scenario is drawn in every trial because it is not known outside a provider.

use super::Scenario;
use crate::provider::{PolicyChange, RuleKind, Unknown, profile};
use crate::rng::Seed;
use crate::units::{ProviderId, RuleId};

/// A number that is not known outside its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScenarioUnknown {
    /// Whose it is.
    pub provider: ProviderId,
    /// Which of the provider's.
    pub unknown: Unknown,
}

impl Scenario {
    /// What is unknown outside the providers and in force at some time, in the order of providers and rules.
    pub fn unknowns(&self) -> Vec<ScenarioUnknown> {
        let changes = |provider: ProviderId| self.timeline.iter().filter(move |change| change.provider == provider);
        let mut found = Vec::new();
        for (provider, policy) in (0_u16..).map(ProviderId).zip(&self.providers) {
            let enabled_later = |rule: RuleId| {
                changes(provider)
                    .any(|change| matches!(change.policy_change, PolicyChange::Enabled(id, true) if id == rule))
            };
            let in_force = |unknown: &Unknown| match unknown {
                Unknown::Limit(rule) => policy.rules[rule.index()].enabled || enabled_later(*rule),
                Unknown::Allowance | Unknown::ChangedLimit(_) => true,
            };
            let by_timeline = changes(provider).filter_map(|change| change.policy_change.unknown());
            let own = policy.unknowns().into_iter().filter(in_force).chain(by_timeline);
            found.extend(own.map(|unknown| ScenarioUnknown { provider, unknown }));
        }
        found.sort();
        found.dedup();
        found
    }

    /// Whether anything that is in force at some time is unknown outside its provider.
    pub fn has_unknowns(&self) -> bool {
        !self.unknowns().is_empty()
    }

    /// The same scenario where this is known: what it is in a trial under this seed.
    #[must_use]
    pub fn knowing(&self, known: ScenarioUnknown, unknowns: Seed) -> Self {
        let ScenarioUnknown { provider, unknown } = known;
        let mut scenario = self.clone();
        let policy = &mut scenario.providers[provider.index()];
        *policy = policy.clone().knowing(unknown, unknowns);
        for change in scenario.timeline.iter_mut().filter(|change| change.provider == provider) {
            change.policy_change = change.policy_change.clone().knowing(unknown, policy, unknowns);
        }
        scenario
    }

    /// Where in its range an unknown is drawn in a trial under this seed, from 0 to 1.
    pub fn draw_of(&self, of: ScenarioUnknown, unknowns: Seed) -> f64 {
        of.unknown.share(&self.providers[of.provider.index()], unknowns)
    }

    /// What an unknown is called: the name of its rule, or `allowance`.
    pub fn name_of(&self, of: ScenarioUnknown) -> String {
        let policy = &self.providers[of.provider.index()];
        let name = |rule: RuleId| policy.rules.get(rule.index()).map_or("", |rule| rule.name.as_str());
        match of.unknown {
            Unknown::Allowance => "allowance".to_owned(),
            Unknown::Limit(rule) => name(rule).to_owned(),
            Unknown::ChangedLimit(rule) => format!("{} (changed)", name(rule)),
        }
    }

    /// What is known of an unknown: its range, in short.
    pub fn range_of(&self, of: ScenarioUnknown) -> String {
        let policy = &self.providers[of.provider.index()];
        match of.unknown {
            Unknown::Allowance => profile::allowance_in_short(policy),
            Unknown::Limit(rule) => match policy.rules.get(rule.index()).map(|rule| &rule.kind) {
                Some(RuleKind::Limit(limit)) => profile::limit_in_short(&limit.value, policy),
                Some(RuleKind::Check(_)) | None => String::new(),
            },
            Unknown::ChangedLimit(rule) => {
                let changes = self.timeline.iter().filter(|change| change.provider == of.provider);
                let value = |change: &PolicyChange| match change {
                    PolicyChange::Limit(id, value) if *id == rule && value.is_unknown() => {
                        Some(profile::limit_in_short(value, policy))
                    }
                    _ => None,
                };
                changes.filter_map(|change| value(&change.policy_change)).collect::<Vec<_>>().join(", then ")
            }
        }
    }
}
