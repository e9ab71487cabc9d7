//! Every reply of every built-in profile, as a client hears it: with its name, the stage at which it comes and every
//! placeholder filled.

use mxlab::provider::profile::{NAMES, built_in, parse};
use mxlab::provider::{Meaning, Placeholder, Policy, RuleAction};
use mxlab::smtp::{Code, EnhancedCode, Reply, Stage};

/// A reply as a client hears it.
pub(crate) struct SaidReply {
    pub(crate) profile: &'static str,
    /// Its name in the profile.
    pub(crate) name: String,
    pub(crate) means: Meaning,
    /// When it is given, where a rule's own answer is this reply; else the ladder of a hold gives it.
    pub(crate) stage: Option<Stage>,
    pub(crate) code: Code,
    pub(crate) enhanced: Option<EnhancedCode>,
    /// Its lines, as they go over the wire.
    pub(crate) lines: Vec<String>,
    /// Who says it.
    pub(crate) mx: String,
    /// Of mail to whom.
    pub(crate) recipient: String,
}

/// The replies of all profiles that are built in.
pub(crate) fn said_replies() -> Vec<SaidReply> {
    NAMES.iter().flat_map(|name| of_profile(name)).collect()
}

fn of_profile(profile: &'static str) -> Vec<SaidReply> {
    let document = built_in(profile).unwrap();
    let policy = parse(&document).unwrap();
    let file: toml::Table = document.text.parse().unwrap();
    let names: Vec<String> = file["reply"].as_table().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), policy.replies.len(), "{profile}");
    let domain = policy.domains.names().next().unwrap_or("customer.example");
    let (mx, recipient) = (policy.mx[0].clone(), format!("ann@{domain}"));
    let said = |(index, (name, reply)): (usize, (String, &Reply))| SaidReply {
        profile,
        means: policy.notes[index].means.unwrap_or_else(|| panic!("{profile}: what does {name} mean?")),
        name,
        stage: stage(&policy, index),
        code: reply.code,
        enhanced: reply.enhanced,
        lines: reply.lines(|gap| Some(filled(gap.parse().ok()?, &mx, domain))),
        mx: mx.clone(),
        recipient: recipient.clone(),
    };
    names.into_iter().zip(&policy.replies).enumerate().map(said).collect()
}

fn stage(policy: &Policy, index: usize) -> Option<Stage> {
    let gives = |action: RuleAction| matches!(action, RuleAction::Reply { reply, .. } if reply.index() == index);
    policy.rules.iter().find(|rule| gives(rule.action)).map(|rule| rule.at)
}

/// Example values: addresses and names that are kept for documentation.
fn filled(placeholder: Placeholder, mx: &str, domain: &str) -> String {
    match placeholder {
        Placeholder::Ip => "192.0.2.25".to_owned(),
        Placeholder::Range => "192.0.2.0/24".to_owned(),
        Placeholder::Host | Placeholder::Helo => "mail.sender.example".to_owned(),
        Placeholder::Mx => mx.to_owned(),
        Placeholder::Sender => "news@sender.example".to_owned(),
        Placeholder::SenderDomain | Placeholder::FromDomain => "sender.example".to_owned(),
        Placeholder::Rcpt => format!("ann@{domain}"),
        Placeholder::RcptDomain => domain.to_owned(),
        Placeholder::Id => "0123456789ab".to_owned(),
        Placeholder::Url => format!("https://postmaster.{domain}/"),
    }
}
