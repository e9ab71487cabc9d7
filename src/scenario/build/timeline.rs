//! The timeline: what changes while it runs.

use super::names::at_most;
use super::providers::Providers;
use super::sources;
use crate::provider::PolicyChange;
use crate::provider::profile::{self, RuleChangeSpec};
use crate::scenario::model::{Change, Source};
use crate::scenario::spec::ChangeSpec;
use crate::spanned::{Checker, Spanned};
use crate::time::{Span, Time};
use crate::units::{ClientId, ProviderId};

/// The changes of a scenario, sorted by time.
pub(super) fn build(
    specs: &[Spanned<ChangeSpec>],
    providers: &Providers,
    sources: &[Source],
    duration: Span,
    check: &mut Checker<'_>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for spec in at_most(CHANGES_MAX, "changes", specs, check) {
        if spec.at.value >= duration {
            let message = format!("the change comes at {}, but the trial lasts {duration}", spec.at.value);
            check.wrong_do(&spec.at.span, message, "change it earlier, or write a longer `duration`");
        }
        let before = changes.len();
        match (&spec.rule, &spec.source) {
            (Some(rule), None) => changes.extend(of_rule(rule, spec, providers, check)),
            (None, Some(source)) => of_reputation(source, spec, providers, sources, &mut changes, check),
            (Some(_), Some(source)) => {
                check.wrong(&source.span, "a change is of a rule or of a source's reputation, not of both");
            }
            (None, None) => check.lacking(
                &spec.span,
                "this changes nothing",
                "write `rule` and `limit` or `enabled`, or `source` and `reputation`",
            ),
        }
        for change in &mut changes[before..] {
            change.at = Time::ZERO + spec.at.value;
        }
    }
    changes.sort_by_key(|change: &Change| change.at);
    changes
}

fn of_rule(
    rule: &Spanned<String>,
    spec: &Spanned<ChangeSpec>,
    providers: &Providers,
    check: &mut Checker<'_>,
) -> Option<Change> {
    if let Some(reputation) = &spec.reputation {
        check.wrong(&reputation.span, "a rule has no reputation; write `source` and `reputation`");
    }
    let place = match (&spec.provider, providers.names.len()) {
        (Some(name), _) => providers.find(name, check)?,
        (None, 1) => 0,
        (None, _) if check.has_gap(&spec.span) => return None,
        (None, _) => {
            check.wrong(&spec.span, "whose rule? There are several providers: write `provider`");
            return None;
        }
    };
    let policy = providers.policies.get(place)?.as_ref()?;
    let id = profile::find_rule(policy, rule, check)?;
    if let (Some(_), Some(enabled)) = (&spec.limit, &spec.enabled) {
        check.wrong(&enabled.span, "one change at a time: `limit` or `enabled`, in two entries");
        return None;
    }
    let change = RuleChangeSpec { limit: spec.limit.clone(), enabled: spec.enabled.clone() };
    let policy_change = profile::policy_changes(&change, &spec.span, policy, id, check).pop()?;
    Some(Change { at: Time::ZERO, provider: ProviderId::from_index(place), policy_change })
}

fn of_reputation(
    source: &Spanned<String>,
    spec: &Spanned<ChangeSpec>,
    providers: &Providers,
    sources: &[Source],
    changes: &mut Vec<Change>,
    check: &mut Checker<'_>,
) {
    let limit = spec.limit.as_ref().map(|limit| &limit.span).or(spec.enabled.as_ref().map(|enabled| &enabled.span));
    if let Some(place) = limit {
        check.wrong(place, "a source has no limit; write `rule` and `limit` or `enabled`");
    }
    let Some(reputation) = &spec.reputation else {
        check.lacking(&spec.span, "this changes nothing", "write `reputation = 0.5`");
        return;
    };
    let Some(id) = sources::find(source, sources, check) else { return };
    let places = match &spec.provider {
        Some(name) => match providers.find(name, check) {
            Some(place) => place..place + 1,
            None => return,
        },
        None => 0..providers.names.len(),
    };
    for place in places {
        let provider = ProviderId::from_index(place);
        let policy_change = PolicyChange::Reputation(ClientId(u32::from(id.0)), reputation.value);
        changes.push(Change { at: Time::ZERO, provider, policy_change });
    }
}

/// More than anyone plans.
const CHANGES_MAX: usize = 10_000;
