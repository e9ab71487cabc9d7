//! A policy in words: each rule as a sentence, for who wants all of it, and in short, for who wants the numbers.

use std::fmt::Write as _;

use crate::provider::{
    AllowanceModel, DailyVolume, Engagement, Hold, HoldStep, LimitValue, ListenerCapacity, Placement, Policy,
    ReputationModel, Rule, RuleAction, RuleKind, ServiceTimes, Tier,
};
use crate::units::{Fraction, ReplyId, percent};

/// A rule as a sentence: "at connect, per client-ip: open-connections at most 20; otherwise 421 … and close".
pub fn sentence(rule: &Rule, policy: &Policy) -> String {
    let link = if matches!(rule.kind, RuleKind::Limit(_)) { ", " } else { ": " };
    let whole = |reply: ReplyId| {
        let text = policy.replies.get(reply.index()).map(ToString::to_string).unwrap_or_default();
        format!("\"{text}\"")
    };
    format!("at {}{link}{}", rule.at, clause(rule, policy, &whole))
}

/// What a rule says at its stage, its replies named by `named`.
pub(super) fn clause(rule: &Rule, policy: &Policy, named: &dyn Fn(ReplyId) -> String) -> String {
    let (mut text, link) = match &rule.kind {
        RuleKind::Limit(limit) => (limit.words(&policy.tiers), "; otherwise "),
        RuleKind::Check(check) => (check.kind().words(), ": "),
    };
    _ = write!(text, "{link}{}", answered(rule.action, named));
    if let Some(hold) = &rule.hold {
        _ = write!(text, "; {}", held(hold, rule.action, named));
    }
    text
}

/// The limits of a policy that are asked, each with its rule's name: "messages per client IP in each 1h: at most 1000".
pub fn limits_in_short(policy: &Policy) -> Vec<(&str, String)> {
    let enabled = policy.rules.iter().filter(|rule| rule.enabled);
    enabled.filter_map(|rule| Some((rule.name.as_str(), in_short(rule, policy)?))).collect()
}

/// What a policy refuses besides what is above its limits, each in a word or two.
pub fn reasons(policy: &Policy) -> Vec<&'static str> {
    let mut reasons: Vec<&str> = Vec::new();
    for rule in policy.rules.iter().filter(|rule| rule.enabled) {
        if let RuleKind::Check(asked) = &rule.kind
            && let Some(reason) = asked.kind().reason().filter(|reason| !reasons.contains(reason))
        {
            reasons.push(reason);
        }
    }
    reasons
}

/// A limit's value in short: `20`, or `1 (poor), 5 to 10? (fair)`.
pub fn limit_in_short(value: &LimitValue, policy: &Policy) -> String {
    value.in_short(&policy.tiers)
}

/// The volumes of an allowance in short: `480 to 500? (stranger), 40000 (best) a day`; empty where there is none.
pub fn allowance_in_short(policy: &Policy) -> String {
    let said = |AllowanceModel { stranger, most, .. }: AllowanceModel| {
        format!("{} (stranger), {} (best) a day", volume(stranger), volume(most))
    };
    policy.reputation.map(|model| said(model.allowance)).unwrap_or_default()
}

/// The bands of reputation: "poor 0 to 0.3 · good 0.3 to 1".
pub(super) fn tiers(policy: &Policy) -> String {
    let ends = policy.tiers.iter().skip(1).map(|tier| tier.from.get()).chain([1.0]);
    let band = |(tier, end): (&Tier, f64)| format!("{} {} to {end}", tier.name, tier.from.get());
    policy.tiers.iter().zip(ends).map(band).collect::<Vec<_>>().join(" · ")
}

/// How reputation moves, a line for each cause.
pub(super) fn reputation(model: &ReputationModel) -> Vec<String> {
    let tolerated = &model.tolerated;
    let rates = [
        (tolerated.complaints, "complaints"),
        (tolerated.unknown_recipients, "unknown recipients"),
        (tolerated.spam_traps, "spam traps"),
        (tolerated.unauthenticated, "unauthenticated mail"),
        (tolerated.spam, "spam-like mail"),
    ];
    let rates: Vec<String> = rates.iter().map(|(rate, of)| format!("{} {of}", percent(*rate))).collect();
    let mut lines = vec![
        format!("a stranger starts at {}", model.stranger.get()),
        format!("each by itself halves the score, whatever the volume: {}; a third of it leaves 0.9", rates.join(", ")),
        format!("a day with {} recipients is believed by half", model.believed_at),
        format!(
            "halfway to a lower score in {}, to a higher one in {}; rates are of the last {} and more",
            model.worsens, model.improves, model.evidence
        ),
        format!("half known after {} of sending, half forgotten after {} of silence", model.known_after, model.forgets),
    ];
    if let Some(Engagement { usual, weight }) = model.engagement {
        lines.push(format!(
            "{} engaged recipients are usual; twice as many leave {:.2} of what speaks against a sender",
            percent(usual),
            0.5_f64.powf(weight)
        ));
    }
    lines
}

/// What volume a history entitles to, a line for each part.
pub(super) fn allowance(model: &AllowanceModel) -> Vec<String> {
    let mut lines = vec![
        format!(
            "a stranger may send to {} recipients a day, the best to {}",
            volume(model.stranger),
            volume(model.most)
        ),
        format!(
            "a day of good mail allows {} times as much the next; half of a volume is forgotten after {}",
            model.growth, model.memory
        ),
    ];
    if model.inherited > 0.0 {
        lines.push(format!(
            "a new IP of a known sender domain gets {} of the domain's volume on top",
            percent(model.inherited)
        ));
    }
    lines
}

/// Where accepted mail lands.
pub(super) fn placement(placement: &Placement) -> String {
    let share = |score: f64| {
        format!("{} at {score}", percent(share_rounded(placement.inbox_share(Fraction::clamped(score)).get())))
    };
    format!("reaches the inbox by score: {}", [0.5, 0.7, 0.8, 0.9, 1.0].map(share).join(", "))
}

fn share_rounded(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}

fn volume(volume: DailyVolume) -> String {
    if volume.low < volume.high { format!("{} to {}?", volume.low, volume.high) } else { volume.low.to_string() }
}

/// How long the server takes over its work.
pub(super) fn service(times: &ServiceTimes) -> String {
    format!("a message takes {}, a recipient {}", times.per_message, times.per_recipient)
}

/// How many connections the server can serve at a time.
pub(super) fn listener(capacity: ListenerCapacity) -> String {
    format!("serves {} connections at a time, {} more wait", capacity.workers, capacity.backlog)
}

fn in_short(rule: &Rule, policy: &Policy) -> Option<String> {
    let mut words = match &rule.kind {
        RuleKind::Limit(limit) => limit.in_short(&policy.tiers)?,
        RuleKind::Check(check) => return check.kind().in_short(),
    };
    if let Some(hold) = &rule.hold {
        _ = write!(words, "; then held for {}", ladder(hold));
    }
    Some(words)
}

/// The times of a hold: "held for 5m, 1h after 10 within 10m, forgotten after 1d".
pub(super) fn held_in_short(hold: &Hold) -> String {
    let after = match hold.after {
        1 => String::new(),
        after => format!(" after {after} within {}", hold.within),
    };
    format!("held for {}{after}, forgotten after {}", ladder(hold), hold.forget)
}

fn ladder(hold: &Hold) -> String {
    hold.ladder.iter().map(|step| step.span.to_string()).collect::<Vec<_>>().join(", ")
}

fn answered(answer: RuleAction, named: &dyn Fn(ReplyId) -> String) -> String {
    match answer {
        RuleAction::Drop => "drop the connection without a word".to_owned(),
        RuleAction::Tarpit(span) => format!("answer {span} later"),
        RuleAction::Reply { reply, close } => format!("{}{}", named(reply), if close { " and close" } else { "" }),
    }
}

fn held(hold: &Hold, own: RuleAction, named: &dyn Fn(ReplyId) -> String) -> String {
    let times = match hold.after {
        1 => "a violation holds the client".to_owned(),
        after => format!("{after} violations within {} hold the client", hold.within),
    };
    let same = hold.ladder.windows(2).all(|pair| pair[0].action == pair[1].action);
    let step = |step: &HoldStep| {
        if same { step.span.to_string() } else { format!("{} ({})", step.span, answered(step.action, named)) }
    };
    let ladder = hold.ladder.iter().map(step).collect::<Vec<_>>().join(", then ");
    let told = match hold.ladder.first() {
        Some(first) if same && first.action == own => " with the same answer".to_owned(),
        Some(first) if same => format!(" with {}", answered(first.action, named)),
        _ => String::new(),
    };
    let renewed = if hold.renewed { "; going on begins it again" } else { "" };
    format!("{times} at {} for {ladder}{told}{renewed}; a step back after each {}", hold.at, hold.forget)
}
