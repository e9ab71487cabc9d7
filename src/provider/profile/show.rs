//! A profile in words, with the source of every number: what `mxlab profiles show` prints.

use std::fmt::Write as _;

use super::spec::{ProfileSpec, RuleSpec};
use super::{policy, read, words};
use crate::diagnostic::{Diagnostic, Document};
use crate::provider::{Confidence, Policy, ReplyNote, Waiting};
use crate::spanned::Spanned;

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
    _ = writeln!(text, "tiers    {}", words::tiers(policy));
    reputation(&mut text, spec, policy);
    server(&mut text, spec, policy);
    _ = writeln!(text, "\nrules, in the order in which they are asked; the first refusal wins");
    for (rule, (_, said)) in policy.rules.iter().zip(spec.rule.iter()) {
        _ = writeln!(text, "  {}{}", rule.name, if rule.enabled { "" } else { " (switched off)" });
        _ = writeln!(text, "    {}", words::sentence(rule, policy));
        _ = writeln!(text, "    {}", sources(said));
    }
    _ = writeln!(text, "\nreplies");
    for ((reply, note), (name, said)) in policy.replies.iter().zip(&policy.notes).zip(spec.reply.iter()) {
        _ = writeln!(text, "  {}  {}", name.value, trust(said.source.as_ref(), said.confidence.as_ref()));
        for line in reply.lines(|_| None) {
            _ = writeln!(text, "    {line}");
        }
        meaning(&mut text, note);
    }
    text
}

fn meaning(text: &mut String, note: &ReplyNote) {
    if let Some(means) = note.means {
        _ = write!(text, "    means {means}");
        _ = match means.waiting() {
            Waiting::Helps => write!(text, " (waiting helps)"),
            Waiting::IsNotEnough => write!(text, " (waiting alone does not help)"),
            Waiting::IsUseless => write!(text, " (waiting never helps)"),
        };
        text.push('\n');
    }
    if let Some(advice) = note.advice() {
        _ = writeln!(text, "    advice: {advice}");
    }
}

fn reputation(text: &mut String, spec: &ProfileSpec, policy: &Policy) {
    let Some(said) = &spec.reputation else {
        _ = writeln!(text, "\nreputation plays no part");
        return;
    };
    _ = writeln!(text, "\nreputation, from 0 to 1  {}", trust(said.source.as_ref(), said.confidence.as_ref()));
    for line in words::reputation(&policy.reputation) {
        _ = writeln!(text, "  {line}");
    }
}

fn server(text: &mut String, spec: &ProfileSpec, policy: &Policy) {
    if let Some(said) = &spec.service {
        let trust = trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "\nservice  {trust}\n  {}", words::service(&policy.service));
    }
    if let (Some(listener), Some(said)) = (policy.listener, &spec.listener) {
        let trust = trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "\nlistener  {trust}\n  {}", words::listener(listener));
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
