//! A profile in words, with the source of every number: what `mxlab profiles show` prints.

use std::fmt::Write as _;

use super::spec::{ProfileSpec, RuleSpec};
use super::{policy, read};
use crate::diagnostic::{Diagnostic, Document};
use crate::dist::Dist;
use crate::provider::{
    Aligned, Auth, Check, Confidence, Counted, Hold, HoldStep, Limit, LimitValue, LowReputation, Mailbox, Outage,
    Policy, ReputationOf, Rule, RuleAction, RuleKind, Tier, TierValue, Window,
};
use crate::spanned::Spanned;
use crate::units::Fraction;

/// A profile as text for people: who it is, what it limits, what it answers, and how far each number can be trusted.
///
/// # Errors
/// Everything that is wrong with the profile, each mistake at its place.
pub fn describe(document: &Document) -> Result<String, Vec<Diagnostic>> {
    let (spec, check) = read(document, &[]);
    let policy = policy(spec.as_ref(), check)?;
    Ok(spec.map(|spec| in_words(&spec, &policy)).unwrap_or_default())
}

fn in_words(spec: &ProfileSpec, policy: &Policy) -> String {
    let mut text = format!("{} (profile {})\n", policy.title, policy.name);
    if !spec.about.is_empty() {
        _ = writeln!(text, "{}", spec.about.trim());
    }
    _ = writeln!(text, "\ndomains  {}", policy.domains.join(", "));
    _ = writeln!(text, "mx       {}", policy.mx.join(", "));
    _ = writeln!(text, "tiers    {}", tiers(policy));
    standing(&mut text, spec, policy);
    server(&mut text, spec, policy);
    _ = writeln!(text, "\nrules, in the order in which they are asked; the first refusal wins");
    for (rule, (_, said)) in policy.rules.iter().zip(spec.rule.iter()) {
        _ = writeln!(text, "  {}{}", rule.name, if rule.enabled { "" } else { " (switched off)" });
        _ = writeln!(text, "    {}", sentence(rule, policy));
        _ = writeln!(text, "    {}", sources(said));
    }
    _ = writeln!(text, "\nreplies");
    for (reply, (name, said)) in policy.replies.iter().zip(spec.reply.iter()) {
        _ = writeln!(text, "  {}  {}", name.value, trust(said.source.as_ref(), said.confidence.as_ref()));
        for line in reply.lines(|_| None) {
            _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// A rule as a sentence: "at connect, per client-ip: open-connections at most 20; otherwise 421 … and close".
pub fn sentence(rule: &Rule, policy: &Policy) -> String {
    let mut text = match &rule.kind {
        RuleKind::Limit(limit) => format!("at {}, {}", rule.at, limited(limit, policy)),
        RuleKind::Check(check) => format!("at {}: {}", rule.at, question(check)),
    };
    let link = if matches!(rule.kind, RuleKind::Limit(_)) { "; otherwise " } else { ": " };
    _ = write!(text, "{link}{}", answered(rule.action, policy));
    if let Some(hold) = &rule.hold {
        _ = write!(text, "; {}", held(hold, rule.action, policy));
    }
    if rule.cost > Fraction::NONE {
        _ = write!(text, "; each time costs {} of the reputation", rule.cost);
    }
    text
}

fn limited(limit: &Limit, policy: &Policy) -> String {
    let mut text = format!("per {}: {} {}", limit.scope.name(), limit.meter, window(limit.window));
    _ = write!(text, "at most {}", ceiling(&limit.value, policy));
    if limit.value.by_tier.windows(2).any(|pair| pair[0] != pair[1]) {
        text.push_str(match limit.reputation_of {
            ReputationOf::ClientIp => "",
            ReputationOf::SenderDomain => " by the sender domain's reputation",
            ReputationOf::Lower => " by the lower of the client's and the sender domain's reputation",
        });
    }
    for step in &limit.value.load {
        _ = write!(text, ", times {} from {}", step.factor, step.from);
    }
    if limit.counted == Counted::Attempts {
        text.push_str(", refused ones counted too");
    }
    text
}

fn window(window: Window) -> String {
    match window {
        Window::Gauge => String::new(),
        Window::Session => "on one connection ".to_owned(),
        Window::Message => "in one message ".to_owned(),
        Window::Fixed { length, aligned: Aligned::Clock } => format!("in a fixed window of {length} "),
        Window::Fixed { length, aligned: Aligned::First } => {
            format!("in a fixed window of {length} from the first one on ")
        }
        Window::Sliding { length } => format!("in any {length} "),
        Window::Bucket { per, burst: None } => format!("in a token bucket refilled every {per} "),
        Window::Bucket { per, burst: Some(burst) } => {
            format!("in a token bucket of {burst}, the limit refilled every {per}, ")
        }
        Window::Ewma { period } => format!("in an exponential average over {period} "),
    }
}

/// A ceiling in words: "20", or "1 (poor), unknown: 5 to 10 (fair), no limit (good)".
fn ceiling(ceiling: &LimitValue, policy: &Policy) -> String {
    match ceiling.by_tier.as_slice() {
        [first, rest @ ..] if rest.iter().all(|amount| amount == first) => amount(*first),
        all => {
            let pairs = all.iter().zip(&policy.tiers);
            pairs.map(|(a, tier)| format!("{} ({})", amount(*a), tier.name)).collect::<Vec<_>>().join(", ")
        }
    }
}

fn amount(amount: TierValue) -> String {
    match amount {
        TierValue::Exactly(number) => number.to_string(),
        TierValue::Unknown { low, high } => format!("unknown: {low} to {high}"),
        TierValue::Unlimited => "no limit".to_owned(),
    }
}

fn question(check: &Check) -> String {
    match check {
        Check::Always => "always".to_owned(),
        Check::Mailbox(Mailbox::Unknown) => "to a recipient that does not exist".to_owned(),
        Check::Mailbox(Mailbox::Full) => "to a mailbox that is full".to_owned(),
        Check::Mailbox(Mailbox::Trap) => "to a spam trap".to_owned(),
        Check::Mailbox(Mailbox::Exists) => "to a recipient that exists".to_owned(),
        Check::Listed => "to a client on the block list".to_owned(),
        Check::NoPtr => "to a client without a PTR record that resolves back".to_owned(),
        Check::EarlyTalker(pause) => format!("to a client that talks before the greeting, which comes {pause} later"),
        Check::Size(size) => format!("to a message above {size}"),
        Check::Unauthenticated(Auth::Spf) => "to a message that fails SPF".to_owned(),
        Check::Unauthenticated(Auth::Dkim) => "to a message that fails DKIM".to_owned(),
        Check::Unauthenticated(Auth::Either) => "to a message that passes neither SPF nor DKIM".to_owned(),
        Check::Unauthenticated(Auth::Dmarc) => "to a message that fails DMARC".to_owned(),
        Check::Content => "to a message that looks like spam".to_owned(),
        Check::Greylist(list) => format!(
            "to a new triplet of client, sender domain and recipient, until it is back after {} and within {} (then \
             remembered for {})",
            list.delay, list.retry_within, list.remember
        ),
        Check::Reputation(LowReputation { below, of, refuse }) => {
            let whose = match of {
                ReputationOf::ClientIp => "a client",
                ReputationOf::SenderDomain => "a sender domain",
                ReputationOf::Lower => "a client or sender domain",
            };
            format!("{} of what comes from {whose} whose reputation is below {}", some(*refuse), below.get())
        }
        Check::Busy(weather) => format!(
            "{} of what comes in a busy spell, one about every {}, about {} long",
            some(weather.refuse),
            weather.every,
            weather.lasts
        ),
        Check::Outage(Outage { from, until }) => format!("out of order from {from} to {until}"),
    }
}

fn some(share: Fraction) -> String {
    if share == Fraction::ALL { "to all".to_owned() } else { format!("to {share}") }
}

fn answered(answer: RuleAction, policy: &Policy) -> String {
    match answer {
        RuleAction::Drop => "drop the connection without a word".to_owned(),
        RuleAction::Tarpit(span) => format!("answer {span} later"),
        RuleAction::Reply { reply, close } => {
            let text = policy.replies.get(reply.index()).map(ToString::to_string).unwrap_or_default();
            format!("\"{text}\"{}", if close { " and close" } else { "" })
        }
    }
}

fn held(hold: &Hold, own: RuleAction, policy: &Policy) -> String {
    let times = match hold.after {
        1 => "a violation holds the client".to_owned(),
        after => format!("{after} violations within {} hold the client", hold.within),
    };
    let same = hold.ladder.windows(2).all(|pair| pair[0].action == pair[1].action);
    let step = |step: &HoldStep| {
        if same { step.span.to_string() } else { format!("{} ({})", step.span, answered(step.action, policy)) }
    };
    let ladder = hold.ladder.iter().map(step).collect::<Vec<_>>().join(", then ");
    let told = match hold.ladder.first() {
        Some(first) if same && first.action == own => " with the same answer".to_owned(),
        Some(first) if same => format!(" with {}", answered(first.action, policy)),
        _ => String::new(),
    };
    format!("{times} at {} for {ladder}{told}; forgotten after {}", hold.at, hold.forget)
}

fn tiers(policy: &Policy) -> String {
    let ends = policy.tiers.iter().skip(1).map(|tier| tier.from.get()).chain([1.0]);
    let band = |(tier, end): (&Tier, f64)| format!("{} {} to {end}", tier.name, tier.from.get());
    policy.tiers.iter().zip(ends).map(band).collect::<Vec<_>>().join(" · ")
}

fn standing(text: &mut String, spec: &ProfileSpec, policy: &Policy) {
    let Some(said) = &spec.reputation else {
        _ = writeln!(text, "\nreputation plays no part");
        return;
    };
    let model = &policy.reputation;
    _ = writeln!(text, "\nreputation, from 0 to 1  {}", trust(said.source.as_ref(), said.confidence.as_ref()));
    _ = writeln!(text, "  a newcomer starts at {}", model.start.get());
    _ = writeln!(
        text,
        "  an accepted message gains {} of the way to 1, a day at most {}",
        fine(model.gain),
        model.gain_per_day.get()
    );
    _ = writeln!(
        text,
        "  of the score, a complaint takes {}, an unknown recipient {}, a spam trap {}, an unauthenticated message {}",
        fine(model.complaint),
        fine(model.unknown_recipient),
        fine(model.spam_trap),
        fine(model.unauthenticated)
    );
    _ = writeln!(
        text,
        "  a day may bring {} times the most of recent days and always {} messages; each one more takes {}",
        model.growth,
        model.volume_floor,
        fine(model.surge)
    );
    _ = writeln!(text, "  a day without mail gives {}, up to {}", model.rest_gain.get(), model.rest_toward.get());
}

fn server(text: &mut String, spec: &ProfileSpec, policy: &Policy) {
    if let Some(said) = &spec.service {
        let (message, recipient) = (dist(&policy.service.per_message), dist(&policy.service.per_recipient));
        let trust = trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "\nservice  {trust}\n  a message takes {message}, a recipient {recipient}");
    }
    if let (Some(listener), Some(said)) = (policy.listener, &spec.listener) {
        let trust = trust(said.source.as_ref(), said.confidence.as_ref());
        let (workers, backlog) = (listener.workers, listener.backlog);
        _ = writeln!(text, "\nlistener  {trust}\n  serves {workers} connections at a time, {backlog} more wait");
    }
}

fn dist(dist: &Dist) -> String {
    match *dist {
        Dist::Constant(span) => span.to_string(),
        Dist::Uniform(low, high) => format!("{low} to {high}"),
        Dist::Exponential(mean) => format!("{mean} on average (exponential)"),
        Dist::LogNormal { median, sigma } => format!("{median} in the median (log-normal, sigma {sigma})"),
    }
}

/// A share that may be much smaller than a percent.
fn fine(share: Fraction) -> String {
    format!("{} %", (share.get() * 1e8).round() / 1e6)
}

fn sources(rule: &RuleSpec) -> String {
    let mut text = trust(rule.source.as_ref(), rule.confidence.as_ref());
    let parts =
        [("limit", &rule.limit_source, &rule.limit_confidence), ("hold", &rule.hold_source, &rule.hold_confidence)];
    for (what, source, confidence) in parts {
        if source.is_some() || confidence.is_some() {
            _ = write!(text, " [the {what}: {}]", claim(source.as_ref(), confidence.as_ref()));
        }
    }
    text
}

fn trust(source: Option<&String>, confidence: Option<&Spanned<Confidence>>) -> String {
    format!("[{}]", claim(source, confidence))
}

fn claim(source: Option<&String>, confidence: Option<&Spanned<Confidence>>) -> String {
    let confidence = confidence.map(|said| said.value).unwrap_or_default();
    match source {
        Some(source) => format!("{confidence}: {source}"),
        None => confidence.to_string(),
    }
}
