//! The numbers of a profile and what each rests on: what `mxlab profiles audit` lists.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::spec::{ProfileSpec, RuleSpec};
use super::{policy, read, words};
use crate::diagnostic::{Diagnostic, Document};
use crate::provider::{Check, Confidence, Limit, Policy, Rule, RuleAction, RuleKind};
use crate::spanned::Spanned;

/// The numbers of one profile.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The profile's name.
    pub profile: String,
    /// All its numbers, in the order of the profile; those that belong together as one.
    pub numbers: Vec<ProfileNumber>,
}

/// A number that a profile says, or a few that stand and fall together.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ProfileNumber {
    /// Where it is written: `rule.volume.limit`.
    pub key: String,
    /// What it says, in words.
    pub says: String,
    /// How far to trust it.
    pub confidence: Confidence,
    /// What it rests on, where the profile says so.
    pub source: Option<String>,
}

impl Audit {
    /// The numbers that no provider published, those with a report behind them first.
    pub fn unpublished(&self) -> impl Iterator<Item = &ProfileNumber> {
        let of = |confidence| self.numbers.iter().filter(move |number| number.confidence == confidence);
        of(Confidence::Reported).chain(of(Confidence::Assumed))
    }

    /// How many numbers have this confidence.
    pub fn count(&self, confidence: Confidence) -> usize {
        self.numbers.iter().filter(|number| number.confidence == confidence).count()
    }

    /// The audit as text for people: how many numbers there are, and each that was not published.
    pub fn in_words(&self) -> String {
        let [reported, assumed] = [Confidence::Reported, Confidence::Assumed].map(|of| self.count(of));
        let (all, published) = (self.numbers.len(), self.count(Confidence::Published));
        let counts = format!("{all} numbers: {published} published, {reported} reported, {assumed} assumed");
        let mut text = format!("{}: {counts}\n", self.profile);
        let width = self.numbers.iter().map(|number| number.key.len()).max().unwrap_or_default();
        for ProfileNumber { key, says, confidence, source } in self.unpublished() {
            _ = writeln!(text, "  {:<8}  {key:<width$}  {says}", confidence.to_string());
            let source = source.as_deref().unwrap_or("the profile names no source");
            _ = writeln!(text, "  {:8}  {:width$}  {source}", "", "");
        }
        text
    }
}

/// The numbers of a profile.
///
/// # Errors
/// Everything that is wrong with the profile, each mistake at its place.
pub fn audit(document: &Document) -> Result<Audit, Vec<Diagnostic>> {
    let (spec, check) = read(document, &[]);
    let policy = policy(spec.as_ref(), check)?;
    let numbers = spec.map(|spec| numbers(&spec, &policy)).unwrap_or_default();
    Ok(Audit { profile: policy.name, numbers })
}

pub(super) fn numbers(spec: &ProfileSpec, policy: &Policy) -> Vec<ProfileNumber> {
    let mut numbers = Vec::new();
    if let Some(said) = &spec.reputation {
        let claim = Claim::new(said.source.as_ref(), said.confidence.as_ref());
        let lines = policy.reputation.iter().flat_map(words::reputation);
        numbers.extend(lines.map(|line| claim.number("reputation".to_owned(), line)));
    }
    if let (Some(said), Some(model)) = (&spec.allowance, &policy.reputation) {
        let claim = Claim::new(said.source.as_ref(), said.confidence.as_ref());
        let lines = words::allowance(&model.allowance);
        numbers.extend(lines.into_iter().map(|line| claim.number("allowance".to_owned(), line)));
    }
    if let (Some(said), Some(placement)) = (&spec.placement, &policy.placement) {
        let claim = Claim::new(said.source.as_ref(), said.confidence.as_ref());
        numbers.push(claim.number("placement".to_owned(), words::placement(placement)));
    }
    if let Some(said) = &spec.service {
        let claim = Claim::new(said.source.as_ref(), said.confidence.as_ref());
        numbers.push(claim.number("service".to_owned(), words::service(&policy.service)));
    }
    if let (Some(said), Some(listener)) = (&spec.listener, policy.listener) {
        let claim = Claim::new(said.source.as_ref(), said.confidence.as_ref());
        numbers.push(claim.number("listener".to_owned(), words::listener(listener)));
    }
    for (rule, (_, said)) in policy.rules.iter().zip(spec.rule.iter()) {
        of_rule(&mut numbers, rule, said, policy);
    }
    numbers
}

fn of_rule(numbers: &mut Vec<ProfileNumber>, rule: &Rule, said: &RuleSpec, policy: &Policy) {
    let key = |part: &str| format!("rule.{}.{part}", rule.name);
    let own = Claim::new(said.source.as_ref(), said.confidence.as_ref());
    match &rule.kind {
        RuleKind::Limit(limit) => of_limit(numbers, &key, limit, said, policy),
        RuleKind::Check(check) if has_numbers(check) => numbers.push(own.number(key("check"), check.kind().words())),
        RuleKind::Check(_) => {}
    }
    if let RuleAction::Tarpit(span) = rule.action {
        numbers.push(own.number(key("answer"), format!("answers {span} later")));
    }
    if let Some(hold) = &rule.hold {
        let claim = own.or(said.hold_source.as_ref(), said.hold_confidence.as_ref());
        numbers.push(claim.number(key("hold"), words::held_in_short(hold)));
    }
}

fn of_limit(
    numbers: &mut Vec<ProfileNumber>,
    key: &dyn Fn(&str) -> String,
    limit: &Limit,
    said: &RuleSpec,
    policy: &Policy,
) {
    let own = Claim::new(said.source.as_ref(), said.confidence.as_ref());
    let of_limit = own.or(said.limit_source.as_ref(), said.limit_confidence.as_ref());
    if limit.is_limited() {
        let says = format!("{}: at most {}", limit.subject(), limit.value.in_short(&policy.tiers));
        numbers.push(of_limit.number(key("limit"), says));
        if let Some(window) = limit.window_in_short() {
            let claim = own.or(said.window_source.as_ref(), said.window_confidence.as_ref());
            numbers.push(claim.number(key("window"), window));
        }
    }
}

/// Whether a check goes by a number, and not only by what a client, recipient or message is.
pub(super) const fn has_numbers(check: &Check) -> bool {
    match check {
        Check::LongLocalPart(_)
        | Check::EarlyTalker(_)
        | Check::Idle(_)
        | Check::SessionAge(_)
        | Check::Size(_)
        | Check::Greylist(_)
        | Check::Reputation(_)
        | Check::Busy(_)
        | Check::Outage(_) => true,
        Check::Mailbox(_)
        | Check::Relaying
        | Check::BlockList
        | Check::NoPtr
        | Check::NoSenderDns
        | Check::Unauthenticated(_)
        | Check::Spam
        | Check::Always => false,
    }
}

/// What a number rests on.
#[derive(Clone, Copy)]
struct Claim<'a> {
    source: Option<&'a String>,
    confidence: Confidence,
}

impl<'a> Claim<'a> {
    fn new(source: Option<&'a String>, confidence: Option<&Spanned<Confidence>>) -> Self {
        Self { source, confidence: confidence.map(|said| said.value).unwrap_or_default() }
    }

    /// This, but for what is said otherwise.
    fn or(self, source: Option<&'a String>, confidence: Option<&Spanned<Confidence>>) -> Self {
        Self { source: source.or(self.source), confidence: confidence.map_or(self.confidence, |said| said.value) }
    }

    fn number(self, key: String, says: String) -> ProfileNumber {
        ProfileNumber { key, says, confidence: self.confidence, source: self.source.cloned() }
    }
}
