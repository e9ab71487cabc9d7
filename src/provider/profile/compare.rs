//! Two profiles beside each other, stage by stage: what `mxlab profiles compare` shows.

use schemars::JsonSchema;
use serde::Serialize;

use super::audit::has_numbers;
use super::{parse, words};
use crate::diagnostic::{Diagnostic, Document};
use crate::provider::{Meaning, Policy, Rule, RuleAction, RuleKind};
use crate::smtp::Stage;
use crate::units::ReplyId;

/// Two profiles beside each other.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ProfileComparison {
    /// Their names.
    pub profiles: [String; 2],
    /// What they limit and ask, in the order of the stages.
    pub rules: Vec<ComparedRules>,
    /// What they answer, by what it means.
    pub replies: Vec<ComparedReplies>,
}

/// The rules of both that are about the same thing at the same stage.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ComparedRules {
    /// When they are asked.
    pub stage: Stage,
    /// What they are about: "messages per client IP", "unknown recipients".
    pub about: String,
    /// What the first profile says, and what the second: a sentence for every rule.
    pub said: [Vec<String>; 2],
}

/// The replies of both that mean the same.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ComparedReplies {
    /// What they mean; `None` where a profile does not say.
    pub means: Option<Meaning>,
    /// The replies of the first profile, and of the second.
    pub said: [Vec<String>; 2],
}

/// Compares two profiles.
///
/// # Errors
/// Everything that is wrong with either of them, each mistake at its place.
pub fn compare(first: &Document, second: &Document) -> Result<ProfileComparison, Vec<Diagnostic>> {
    let policies = match (parse(first), parse(second)) {
        (Ok(first), Ok(second)) => [first, second],
        (first, second) => return Err([first.err(), second.err()].into_iter().flatten().flatten().collect()),
    };
    Ok(ProfileComparison {
        rules: rules(&policies),
        replies: replies(&policies),
        profiles: policies.map(|policy| policy.name),
    })
}

fn rules(policies: &[Policy; 2]) -> Vec<ComparedRules> {
    let mut rows: Vec<ComparedRules> = Vec::new();
    for stage in Stage::ALL {
        let first = rows.len();
        for (side, policy) in policies.iter().enumerate() {
            for rule in policy.rules.iter().filter(|rule| rule.at == stage) {
                let about = about(rule);
                let place = rows[first..].iter().position(|row| row.about == about).map(|place| first + place);
                let place = place.unwrap_or_else(|| {
                    rows.push(ComparedRules { stage, about, said: Default::default() });
                    rows.len() - 1
                });
                rows[place].said[side].push(said(rule, policy));
            }
        }
    }
    rows
}

/// What a rule is about, in words that are the same for the same thing.
fn about(rule: &Rule) -> String {
    match &rule.kind {
        RuleKind::Limit(limit) => limit.subject(),
        RuleKind::Check(check) => check.kind().reason().map_or_else(|| check.kind().words(), str::to_owned),
    }
}

/// What a rule says of it: "at most 20 in each 1h: 421 4.7.0 (rate) and close".
fn said(rule: &Rule, policy: &Policy) -> String {
    let number = match &rule.kind {
        RuleKind::Limit(limit) => {
            let window = limit.window_in_short().map(|window| format!(" {window}")).unwrap_or_default();
            format!("at most {}{window}: ", limit.value.in_short(&policy.tiers))
        }
        RuleKind::Check(check) if has_numbers(check) => format!("{}: ", check.kind().words()),
        RuleKind::Check(_) => String::new(),
    };
    let answer = match rule.action {
        RuleAction::Drop => "closes without a word".to_owned(),
        RuleAction::Tarpit(span) => format!("answers {span} later"),
        RuleAction::Reply { reply, close } => format!("{}{}", code(reply, policy), if close { ", closes" } else { "" }),
    };
    let hold = rule.hold.as_ref().map(|hold| format!("; {}", words::held_in_short(hold))).unwrap_or_default();
    format!("{}{number}{answer}{hold}", if rule.enabled { "" } else { "(off) " })
}

/// A reply by its codes and its meaning.
fn code(reply: ReplyId, policy: &Policy) -> String {
    let (text, note) = (&policy.replies[reply.index()], &policy.notes[reply.index()]);
    let enhanced = text.enhanced.map(|enhanced| format!(" {enhanced}")).unwrap_or_default();
    let means = note.means.map(|means| format!(" ({means})")).unwrap_or_default();
    format!("{}{enhanced}{means}", text.code)
}

fn replies(policies: &[Policy; 2]) -> Vec<ComparedReplies> {
    let meanings = Meaning::ALL.into_iter().map(Some).chain([None]);
    let row = |means: Option<Meaning>| {
        let said = policies.each_ref().map(|policy| {
            let of_meaning = policy.replies.iter().zip(&policy.notes).filter(|(_, note)| note.means == means);
            of_meaning.map(|(reply, _)| reply.to_string()).collect()
        });
        ComparedReplies { means, said }
    };
    meanings.map(row).filter(|row| row.said.iter().any(|said: &Vec<String>| !said.is_empty())).collect()
}
