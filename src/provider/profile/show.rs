//! A profile in words, with the source of every number: what `mxlab profiles show` prints.

use std::fmt::Write as _;

use super::spec::{ProfileSpec, RuleSpec};
use super::words::sentence;
use super::{policy, read};
use crate::diagnostic::{Diagnostic, Document};
use crate::provider::{Confidence, Policy, Tier};
use crate::spanned::Spanned;
use crate::units::percent;

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
    _ = writeln!(text, "\ndomains  {}", policy.domains.patterns().join(", "));
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
        percent(model.gain.get()),
        model.gain_per_day.get()
    );
    _ = writeln!(
        text,
        "  of the score, a complaint takes {}, an unknown recipient {}, a spam trap {}, an unauthenticated message {}",
        percent(model.complaint.get()),
        percent(model.unknown_recipient.get()),
        percent(model.spam_trap.get()),
        percent(model.unauthenticated.get())
    );
    _ = writeln!(
        text,
        "  a day may bring {} times the most of recent days and always {} messages; each one more takes {}",
        model.growth,
        model.volume_floor,
        percent(model.surge.get())
    );
    _ = writeln!(text, "  a day without mail gives {}, up to {}", model.rest_gain.get(), model.rest_toward.get());
}

fn server(text: &mut String, spec: &ProfileSpec, policy: &Policy) {
    if let Some(said) = &spec.service {
        let (message, recipient) = (policy.service.per_message, policy.service.per_recipient);
        let trust = trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "\nservice  {trust}\n  a message takes {message}, a recipient {recipient}");
    }
    if let (Some(listener), Some(said)) = (policy.listener, &spec.listener) {
        let trust = trust(said.source.as_ref(), said.confidence.as_ref());
        let (workers, backlog) = (listener.workers, listener.backlog);
        _ = writeln!(text, "\nlistener  {trust}\n  serves {workers} connections at a time, {backlog} more wait");
    }
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
