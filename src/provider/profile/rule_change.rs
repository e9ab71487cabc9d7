//! What changes in a rule while it runs, as a scenario's timeline and administrators write it: in the grammar of
//! profiles.

use std::ops::Range;

use serde::Deserialize;

use super::limit::{self, LimitSpec};
use crate::diagnostic::{Diagnostic, Document};
use crate::provider::{LimitValue, Policy, PolicyChange, RuleKind};
use crate::spanned::{self, Checker, Spanned};
use crate::units::RuleId;

/// A rule's new limit, and whether it is asked from now on.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RuleChangeSpec {
    /// The new limit.
    pub limit: Option<Spanned<LimitSpec>>,
    /// Whether the rule is asked.
    pub enabled: Option<Spanned<bool>>,
}

/// The rule of a policy that has this name; says so if there is none.
pub fn find_rule(policy: &Policy, name: &Spanned<String>, check: &mut Checker<'_>) -> Option<RuleId> {
    let place = policy.rules.iter().position(|rule| rule.name == name.value);
    if place.is_none() {
        let known: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
        check.unknown_in("rule", &format!(" in {}", policy.name), name, &known);
    }
    place.map(RuleId::from_index)
}

/// What the change of the rule `id` that a document writes comes to.
///
/// # Errors
/// Everything that is wrong with it.
pub fn rule_change(document: &Document, policy: &Policy, id: RuleId) -> Result<Vec<PolicyChange>, Vec<Diagnostic>> {
    let mut check = Checker::new(document);
    let spec: Option<RuleChangeSpec> =
        spanned::parse(document, 0, &mut check).and_then(|tree| spanned::read(&tree, &mut check));
    let policy_changes = spec.map(|spec| policy_changes(&spec, &(0..0), policy, id, &mut check));
    check.finish(policy_changes)
}

/// What a change of the rule `id`, written at `place`, comes to.
pub fn policy_changes(
    spec: &RuleChangeSpec,
    place: &Range<usize>,
    policy: &Policy,
    id: RuleId,
    check: &mut Checker<'_>,
) -> Vec<PolicyChange> {
    if spec.limit.is_none() && spec.enabled.is_none() {
        check.lacking(place, "this changes nothing", "write a new `limit`, or whether the rule is `enabled`");
    }
    let limit = spec.limit.as_ref().and_then(|limit| new_limit(policy, id, limit, check));
    let enabled = spec.enabled.as_ref().map(|enabled| PolicyChange::Enabled(id, enabled.value));
    limit.map(|value| PolicyChange::Limit(id, value)).into_iter().chain(enabled).collect()
}

/// A new limit goes with the time of day, and wobbles, as the old one did.
fn new_limit(policy: &Policy, id: RuleId, spec: &Spanned<LimitSpec>, check: &mut Checker<'_>) -> Option<LimitValue> {
    let rule = &policy.rules[id.index()];
    let RuleKind::Limit(before) = &rule.kind else {
        let message = format!("the rule `{}` has no limit", rule.name);
        check.wrong_do(&spec.span, message, "it can be switched with `enabled`");
        return None;
    };
    let amount = limit::amount(spec, &policy.tiers, check)?;
    Some(LimitValue { amount, ..before.value.clone() })
}
