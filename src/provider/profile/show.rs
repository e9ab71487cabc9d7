//! A profile in words, with the source of every number: what `mxlab profiles show` prints.
//!
//! Who knows the provider shall be able to check it in two minutes: who it is, then every rule in one sentence, stage
//! by stage, with how far its numbers can be trusted; the texts and what they mean; and at the end where all that is
//! from.

use std::fmt::Write as _;

use super::audit::numbers;
use super::spec::{ProfileSpec, RuleSpec};
use super::{policy, read, words};
use crate::diagnostic::{Diagnostic, Document};
use crate::provider::{Confidence, Policy, ReplyNote, Waiting};
use crate::smtp::Stage;
use crate::spanned::Spanned;
use crate::units::ReplyId;

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
    if policy.hosts > 1 {
        _ = writeln!(text, "hosts    {}", policy.hosts);
    }
    _ = writeln!(text, "tiers    {}", words::tiers(policy));
    _ = writeln!(text, "numbers  {}; in brackets: how far to trust each, and its source", counted(spec, policy));
    let mut sources = Sources::default();
    reputation(&mut text, &mut sources, spec, policy);
    server(&mut text, &mut sources, spec, policy);
    _ = writeln!(text, "\nrules; at every stage in this order, and the first refusal wins");
    rules(&mut text, &mut sources, spec, policy);
    _ = writeln!(text, "\nreplies");
    for ((reply, note), (name, said)) in policy.replies.iter().zip(&policy.notes).zip(spec.reply.iter()) {
        let trust = sources.trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "  {}  {trust}", name.value);
        for line in reply.lines(|_| None) {
            _ = writeln!(text, "    {line}");
        }
        meaning(&mut text, note);
    }
    _ = writeln!(text, "\nsources");
    for (source, number) in sources.0.iter().zip(1..) {
        _ = writeln!(text, "  {number:>3}  {source}");
    }
    text
}

/// How many numbers there are, and how many are known how well.
fn counted(spec: &ProfileSpec, policy: &Policy) -> String {
    let numbers = numbers(spec, policy);
    let of = |confidence| numbers.iter().filter(|number| number.confidence == confidence).count();
    let [published, reported, assumed] = [Confidence::Published, Confidence::Reported, Confidence::Assumed].map(of);
    format!("{published} published, {reported} reported, {assumed} assumed")
}

fn reputation(text: &mut String, sources: &mut Sources, spec: &ProfileSpec, policy: &Policy) {
    let Some(said) = &spec.reputation else {
        _ = writeln!(text, "\nreputation does not move");
        return;
    };
    let trust = sources.trust(said.source.as_ref(), said.confidence.as_ref());
    _ = writeln!(text, "\nreputation, from 0 to 1  {trust}");
    for line in policy.reputation.iter().flat_map(words::reputation) {
        _ = writeln!(text, "  {line}");
    }
    if let (Some(said), Some(model)) = (&spec.allowance, &policy.reputation) {
        let trust = sources.trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "\nallowance, by accepted history  {trust}");
        for line in words::allowance(&model.allowance) {
            _ = writeln!(text, "  {line}");
        }
    }
    if let (Some(said), Some(placement)) = (&spec.placement, &policy.placement) {
        let trust = sources.trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "\nplacement  {trust}\n  {}", words::placement(placement));
    }
}

fn server(text: &mut String, sources: &mut Sources, spec: &ProfileSpec, policy: &Policy) {
    if let Some(said) = &spec.service {
        let trust = sources.trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "\nservice  {trust}\n  {}", words::service(&policy.service));
    }
    if let (Some(listener), Some(said)) = (policy.listener, &spec.listener) {
        let trust = sources.trust(said.source.as_ref(), said.confidence.as_ref());
        _ = writeln!(text, "\nlistener  {trust}\n  {}", words::listener(listener));
    }
}

fn rules(text: &mut String, sources: &mut Sources, spec: &ProfileSpec, policy: &Policy) {
    let replies: Vec<&str> = spec.reply.names().collect();
    let named = |reply: ReplyId| {
        let (name, reply) = (replies[reply.index()], &policy.replies[reply.index()]);
        let enhanced = reply.enhanced.map(|enhanced| format!(" {enhanced}")).unwrap_or_default();
        format!("{}{enhanced} {name}", reply.code)
    };
    for stage in Stage::ALL {
        let at_stage = policy.rules.iter().zip(spec.rule.iter()).filter(|(rule, _)| rule.at == stage);
        for (n, (rule, (_, said))) in at_stage.enumerate() {
            if n == 0 {
                _ = writeln!(text, "\nat {stage}");
            }
            _ = writeln!(text, "  {}{}", rule.name, if rule.enabled { "" } else { " (switched off)" });
            _ = writeln!(text, "    {}", words::clause(rule, policy, &named));
            _ = writeln!(text, "    {}", sources.of_rule(said));
        }
    }
}

fn meaning(text: &mut String, note: &ReplyNote) {
    if let Some(means) = note.means {
        let waiting = match means.waiting() {
            Waiting::Helps => "waiting helps",
            Waiting::IsNotEnough => "waiting alone does not help",
            Waiting::IsUseless => "waiting never helps",
        };
        _ = writeln!(text, "    means {means} ({waiting})");
    }
    if let Some(advice) = note.advice() {
        _ = writeln!(text, "    advice: {advice}");
    }
}

/// The sources that were named so far, each once.
#[derive(Default)]
struct Sources(Vec<String>);

impl Sources {
    fn of_rule(&mut self, rule: &RuleSpec) -> String {
        let mut text = self.trust(rule.source.as_ref(), rule.confidence.as_ref());
        let parts = [
            ("limit", &rule.limit_source, &rule.limit_confidence),
            ("window", &rule.window_source, &rule.window_confidence),
            ("hold", &rule.hold_source, &rule.hold_confidence),
        ];
        for (what, source, confidence) in parts {
            if source.is_some() || confidence.is_some() {
                _ = write!(text, " [the {what}: {}]", self.claim(source.as_ref(), confidence.as_ref()));
            }
        }
        text
    }

    fn trust(&mut self, source: Option<&String>, confidence: Option<&Spanned<Confidence>>) -> String {
        format!("[{}]", self.claim(source, confidence))
    }

    /// "published, 3": the third of the sources says so.
    fn claim(&mut self, source: Option<&String>, confidence: Option<&Spanned<Confidence>>) -> String {
        let confidence = confidence.map(|said| said.value).unwrap_or_default();
        match source {
            Some(source) => format!("{confidence}, {}", self.number(source)),
            None => confidence.to_string(),
        }
    }

    /// The number of a source in the list, from 1 on.
    fn number(&mut self, source: &str) -> usize {
        let known = self.0.iter().position(|known| known == source);
        1 + known.unwrap_or_else(|| {
            self.0.push(source.to_owned());
            self.0.len() - 1
        })
    }
}
