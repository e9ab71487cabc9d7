//! From what a profile says to what it means: names become places, and whatever cannot be is told where it stands.
//!
//! Goes on after a mistake as far as what follows does not depend on it, so that all of them are told at once.

use std::collections::BTreeSet;

use super::answer::Replies;
use super::host_name::is_host;
use super::rule::KnownNames;
use super::spec::{ListenerSpec, ProfileSpec, ReplySpec, ServiceSpec};
use super::{attribution, domains, reputation};
use crate::dist::Dist;
use crate::provider::{ListenerCapacity, Placeholder, Policy, ReplyNote, ServiceTimes, Tier};
use crate::smtp::{Class, Code, EnhancedCode, Reply, gaps};
use crate::spanned::{Checker, NamedTable, Spanned, nearest_or_all};
use crate::time::Span;
use crate::units::Fraction;

/// The policy that a profile means; `None` only if something is wrong with it.
pub(super) fn policy(spec: &ProfileSpec, check: &mut Checker<'_>) -> Option<Policy> {
    let name = spec.name.as_ref().map(|name| {
        check.identifier("profile", name);
        name.value.clone()
    });
    for (key, there) in [
        ("name", spec.name.is_some()),
        ("title", spec.title.is_some()),
        ("domains", spec.domains.is_some()),
        ("mx", spec.mx.is_some()),
    ] {
        if !there {
            check.lacking(
                &(0..0),
                format!("the profile has no `{key}`"),
                "every profile has `name`, `title`, `domains` and `mx`",
            );
        }
    }
    let domains = spec.domains.as_ref().map(|spec| domains::build(spec, check));
    let mx = spec.mx.as_ref().map(|names| mx_hosts(names, check));
    let hosts = spec.hosts.as_ref().map_or(1, |hosts| check.count(hosts, 1..=HOSTS_MAX));
    let reputation = reputation::build(spec.reputation.as_ref(), spec.allowance.as_ref(), check);
    let placement = spec.placement.as_ref().map(|spec| reputation::build_placement(spec, check));
    let listener = spec.listener.as_ref().map(|spec| listener(spec, check));
    let service = spec.service.as_ref().map_or_else(at_once, |spec| service(spec, check));
    let tiers = match &spec.tiers {
        Some(table) => tiers(table, check),
        None if check.has_gap(&(0..0)) => None,
        None => Some(vec![Tier { name: "any".to_owned(), from: Fraction::NONE }]),
    };
    let replies: Vec<Option<Reply>> = spec.reply.iter().map(|(_, spec)| reply(spec, check)).collect();
    let notes: Vec<ReplyNote> = spec.reply.iter().map(|(_, spec)| note(spec, check)).collect();
    if let Some((name, _)) = spec.rule.iter().nth(Policy::RULES_MAX) {
        check.wrong(&name.span, format!("a profile has at most {} rules", Policy::RULES_MAX));
    }
    if let Some((name, _)) = spec.reply.iter().nth(Policy::REPLIES_MAX) {
        check.wrong(&name.span, format!("a profile has at most {} replies", Policy::REPLIES_MAX));
    }
    let known = KnownNames {
        tiers: tiers.as_deref(),
        replies: Replies {
            names: spec.reply.names().take(Policy::REPLIES_MAX).collect(),
            codes: replies.iter().map(|reply| reply.as_ref().map(|reply| reply.code)).collect(),
        },
    };
    let rules = spec.rule.iter().take(Policy::RULES_MAX);
    let rules: Vec<_> = rules.map(|(name, spec)| known.rule(name, spec, check)).collect();
    Some(Policy {
        name: name?,
        title: spec.title.clone()?,
        domains: domains?,
        mx: mx?,
        hosts: u8::try_from(hosts).expect("a hundred at most"),
        reputation,
        placement,
        listener,
        service,
        replies: replies.into_iter().collect::<Option<_>>()?,
        notes,
        rules: rules.into_iter().collect::<Option<_>>()?,
        tiers: tiers?,
    })
}

/// More than the DNS gives for one name, and within [`HostId`](crate::units::HostId).
const HOSTS_MAX: u32 = 100;

fn mx_hosts(names: &Spanned<Vec<Spanned<String>>>, check: &mut Checker<'_>) -> Vec<String> {
    if names.is_empty() {
        check.wrong(&names.span, "a provider has at least one MX host");
    }
    let mut known = BTreeSet::new();
    for name in &names.value {
        if !is_host(name) {
            check.wrong(&name.span, format!("`{}` is not the name of a MX host", name.value));
        } else if !known.insert(name.to_ascii_lowercase()) {
            check.wrong(&name.span, format!("the MX host `{}` is there twice", name.value));
        }
    }
    names.iter().map(|name| name.to_ascii_lowercase()).collect()
}

/// The bands of reputation; `None` if they are wrong.
fn tiers(table: &Spanned<NamedTable<Spanned<[f64; 2]>>>, check: &mut Checker<'_>) -> Option<Vec<Tier>> {
    if table.iter().nth(Policy::TIERS_MAX).is_some() {
        check.wrong(&table.span, format!("a profile has at most {} tiers", Policy::TIERS_MAX));
        return None;
    }
    let before = check.mistakes();
    let (mut tiers, mut edge) = (Vec::new(), 0.0);
    for (name, band) in table.iter() {
        let [from, to] = band.value;
        let start = match (Fraction::new(from), Fraction::new(to)) {
            (Some(start), Some(end)) if start < end => start,
            (Some(_), Some(_)) => {
                check.wrong(&band.span, format!("tier `{}` is empty: {from} to {to}", name.value));
                continue;
            }
            _ => {
                check.wrong(&band.span, format!("a tier is a band between 0 and 1, not {from} to {to}"));
                continue;
            }
        };
        #[expect(clippy::float_cmp, reason = "the two edges are written as the same number")]
        if from != edge && check.mistakes() == before && !check.has_gap(&table.span) {
            let what = if from < edge { "overlap" } else { "leave a gap" };
            let message = format!("tiers {what}: `{}` begins at {from}, the one before it ends at {edge}", name.value);
            check.wrong_do(&band.span, message, "write the worst tier first, each from where the last ends");
        }
        tiers.push(Tier { name: name.value.clone(), from: start });
        edge = to;
    }
    let sound = check.mistakes() == before && !check.has_gap(&table.span);
    match table.iter().last() {
        Some((_, last)) if sound && edge < 1.0 => {
            check.wrong(&last.span, format!("the tiers end at {edge}; the last one must end at 1"));
        }
        None if sound => check.wrong(&table.span, "there are no tiers here"),
        _ => {}
    }
    sound.then_some(tiers)
}

fn reply(spec: &ReplySpec, check: &mut Checker<'_>) -> Option<Reply> {
    attribution::build(spec.source.as_ref(), spec.confidence.as_ref(), check);
    let code = u16::try_from(spec.code.value.0).ok().and_then(|code| Code::try_from(code).ok());
    let code = code.filter(|code| code.class() != Class::Positive);
    if code.is_none() {
        let message = format!("{} is not the code of a refusal", spec.code.value.0);
        check.wrong_do(&spec.code.span, message, "write a code from 400 to 499 (come back) or 500 to 599 (do not)");
    }
    let enhanced = spec.enhanced.as_ref().map(|text| enhanced(text, code, check));
    if spec.text.is_empty() || spec.text.contains(|c: char| c.is_control() && c != '\n') {
        let help = "separate the lines of a multi-line reply by `\\n`, without `\\r`";
        check.wrong_do(&spec.text.span, "a reply is at least one line of printable text", help);
    }
    if spec.text.split('\n').any(|line| line.len() > LINE_MAX) {
        let help = "RFC 5321 allows 512 with the code and the line end; separate lines by `\\n`";
        check.wrong_do(&spec.text.span, format!("a line of a reply has at most {LINE_MAX} bytes"), help);
    }
    for gap in gaps(&spec.text) {
        if gap.parse::<Placeholder>().is_err() {
            let message = format!("no reply has a placeholder `{{{gap}}}`");
            check.wrong_do(&spec.text.span, message, nearest_or_all(gap, Placeholder::NAMES));
        }
    }
    let enhanced = match enhanced {
        Some(enhanced) => Some(enhanced?),
        None => None,
    };
    Some(Reply { code: code?, enhanced, text: spec.text.value.clone() })
}

/// What is said of a reply besides its text.
fn note(spec: &ReplySpec, check: &mut Checker<'_>) -> ReplyNote {
    let own_advice = spec.advice.as_ref().map(|advice| advice.trim().to_owned());
    if let (Some(said), Some("")) = (&spec.advice, own_advice.as_deref()) {
        check.wrong_do(&said.span, "this advice says nothing", "leave `advice` out for that of the reply's meaning");
    }
    ReplyNote { means: spec.means, own_advice }
}

fn enhanced(text: &Spanned<String>, code: Option<Code>, check: &mut Checker<'_>) -> Option<EnhancedCode> {
    let enhanced = match text.parse::<EnhancedCode>() {
        Ok(enhanced) => enhanced,
        Err(error) => {
            check.wrong(&text.span, error.to_string());
            return None;
        }
    };
    if let Some(code) = code.filter(|code| !enhanced.fits(*code)) {
        let message = format!("the enhanced code {enhanced} contradicts the code {code}");
        let help = format!("they begin with the same digit (RFC 2034): write `{}.…`", code.get() / 100);
        check.wrong_do(&text.span, message, help);
    }
    Some(enhanced)
}

/// A server that takes no time.
const fn at_once() -> ServiceTimes {
    ServiceTimes { per_message: Dist::Constant(Span::ZERO), per_recipient: Dist::Constant(Span::ZERO) }
}

fn service(spec: &ServiceSpec, check: &mut Checker<'_>) -> ServiceTimes {
    attribution::build(spec.source.as_ref(), spec.confidence.as_ref(), check);
    ServiceTimes {
        per_message: Dist::build(&spec.per_message, check),
        per_recipient: Dist::build(&spec.per_recipient, check),
    }
}

fn listener(spec: &ListenerSpec, check: &mut Checker<'_>) -> ListenerCapacity {
    attribution::build(spec.source.as_ref(), spec.confidence.as_ref(), check);
    ListenerCapacity {
        workers: check.count(&spec.workers, 1..=u32::MAX),
        backlog: check.count(&spec.backlog, 0..=u32::MAX),
    }
}

/// What is left of the 512 octets of RFC 5321 (4.5.3.1.5) after code, enhanced code and line end. Placeholders may
/// grow.
const LINE_MAX: usize = 496;
