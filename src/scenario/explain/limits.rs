//! A provider's limits in short: the numbers, and what they count. Profiles say the rest.

use std::fmt::Write as _;

use crate::provider::{Check, Counted, Limit, LimitValue, Mailbox, Policy, Rule, RuleKind, Scope, TierValue, Window};

/// The limits that are asked, by the names of their rules.
pub(super) fn of(policy: &Policy) -> Vec<(&str, String)> {
    policy
        .rules
        .iter()
        .filter(|rule| rule.enabled)
        .filter_map(|rule| Some((rule.name.as_str(), line(rule, policy)?)))
        .collect()
}

/// What else the provider refuses; `None` if nothing.
pub(super) fn checks(policy: &Policy) -> Option<String> {
    let mut checks: Vec<&str> = Vec::new();
    for check in policy.rules.iter().filter(|rule| rule.enabled).filter_map(check) {
        if !checks.contains(&check) {
            checks.push(check);
        }
    }
    (!checks.is_empty()).then(|| checks.join(", "))
}

/// What the question mark in [`ceiling`] means; `None` if no limit of these policies has one.
pub(super) fn legend(policies: &[Policy]) -> Option<String> {
    let unknown = policies.iter().flat_map(of).any(|(_, words)| words.contains('?'));
    unknown.then(|| "a range with a question mark: nobody outside knows; every seed draws its own number".to_owned())
}

/// A ceiling in words: `20`, or `1 (poor), 5 to 10? (fair)`.
pub(super) fn ceiling(ceiling: &LimitValue, policy: &Policy) -> String {
    let amounts = &ceiling.by_tier;
    let mut words = match amounts.first() {
        Some(first) if amounts.iter().all(|amount| amount == first) => amount(*first),
        _ => {
            let tiers = amounts.iter().zip(&policy.tiers);
            tiers.map(|(one, tier)| format!("{} ({})", amount(*one), tier.name)).collect::<Vec<_>>().join(", ")
        }
    };
    if !ceiling.load.is_empty() {
        words.push_str(" (by time of day)");
    }
    words
}

fn line(rule: &Rule, policy: &Policy) -> Option<String> {
    let limit = match &rule.kind {
        RuleKind::Limit(limit) => limit,
        RuleKind::Check(Check::EarlyTalker(pause)) => {
            return Some(format!("every greeting comes {pause} later; who talks before it is refused"));
        }
        _ => return None,
    };
    if limit.value.by_tier.iter().all(|amount| *amount == TierValue::Unlimited) {
        return None;
    }
    let counted = limit.meter.name().replace('-', " ");
    let mut words =
        format!("{counted} {}{}: at most {}", per(limit), over(limit.window), ceiling(&limit.value, policy));
    if limit.counted == Counted::Attempts {
        words.push_str("; refused ones count");
    }
    if let Some(hold) = &rule.hold {
        let ladder: Vec<String> = hold.ladder.iter().map(|step| step.span.to_string()).collect();
        _ = write!(words, "; then held for {}", ladder.join(", "));
    }
    Some(words)
}

fn per(limit: &Limit) -> String {
    match (limit.scope, limit.window) {
        (Scope::Session, Window::Message) => "per message".to_owned(),
        (Scope::Provider, _) => "in all".to_owned(),
        (Scope::ClientIpAndRecipientDomain, _) => "per client IP and recipient domain".to_owned(),
        (Scope::ClientIp, _) => "per client IP".to_owned(),
        (scope, _) => format!("per {}", scope.name().replace('-', " ")),
    }
}

fn over(window: Window) -> String {
    match window {
        Window::Gauge | Window::Session | Window::Message => String::new(),
        Window::Fixed { length, .. } => format!(" in each {length}"),
        Window::Sliding { length } => format!(" in any {length}"),
        Window::Bucket { per, .. } => format!(" every {per} (token bucket)"),
        Window::Ewma { period } => format!(" on average over {period}"),
    }
}

fn amount(amount: TierValue) -> String {
    match amount {
        TierValue::Exactly(count) => count.to_string(),
        TierValue::Unknown { low, high } => format!("{low} to {high}?"),
        TierValue::Unlimited => "no limit".to_owned(),
    }
}

fn check(rule: &Rule) -> Option<&'static str> {
    let RuleKind::Check(check) = &rule.kind else { return None };
    Some(match check {
        Check::EarlyTalker(_) | Check::Always | Check::Mailbox(Mailbox::Exists) => return None,
        Check::Mailbox(Mailbox::Unknown) => "unknown recipients",
        Check::Mailbox(Mailbox::Full) => "full mailboxes",
        Check::Mailbox(Mailbox::Trap) => "spam traps",
        Check::Listed => "a block list",
        Check::NoPtr => "no PTR record",
        Check::Size(_) => "size",
        Check::Unauthenticated(_) => "failed authentication",
        Check::Content => "spam",
        Check::Greylist(_) => "greylisting",
        Check::Reputation(_) => "reputation",
        Check::Busy(_) => "busy spells",
        Check::Outage(_) => "an outage",
    })
}
