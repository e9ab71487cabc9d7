//! From what a profile says to what it means: names become places, and whatever cannot be is refused where it stands.
//!
//! Rules have a file of their own, [`super::rule`].

use std::ops::Range;

use toml::Spanned;

use super::fault::Fault;
use super::named::Named;
use super::rule;
use super::spec::{ListenerSpec, ProfileSpec, ReplySpec, ReputationSpec, ServiceSpec};
use crate::dist::{Dist, DistSpec};
use crate::provider::{Attribution, Confidence, Listener, Policy, ReputationModel, ServiceTimes, Tier};
use crate::smtp::{Class, Code, EnhancedCode, Reply};
use crate::time::Span;
use crate::units::Fraction;

/// The policy that a profile means.
pub(super) fn policy(spec: &ProfileSpec) -> Result<Policy, Fault> {
    if spec.name.get_ref().trim().is_empty() {
        return Err(Fault::new(spec.name.span(), "a profile needs a name"));
    }
    let tiers = tiers(&spec.tiers)?;
    let replies = spec.reply.iter().map(|(_, reply)| self::reply(reply)).collect::<Result<Vec<_>, _>>()?;
    if let Some((name, _)) = spec.rule.iter().nth(Policy::RULES_MAX) {
        return Err(Fault::new(name.span(), format!("a profile has at most {} rules", Policy::RULES_MAX)));
    }
    let known = rule::Known { tiers: &tiers, names: &spec.reply, replies: &replies };
    let rules = spec.rule.iter().map(|(name, rule)| known.rule(name, rule)).collect::<Result<_, _>>()?;
    Ok(Policy {
        name: spec.name.get_ref().clone(),
        title: spec.title.clone(),
        domains: hosts(&spec.domains, "domain")?,
        mx: hosts(&spec.mx, "MX host")?,
        reputation: reputation(spec.reputation.as_ref())?,
        listener: spec.listener.as_ref().map(listener).transpose()?,
        service: service(spec.service.as_ref())?,
        replies,
        rules,
        tiers,
    })
}

/// The provenance of a table; a number that is said to be known must say from where.
pub(super) fn provenance(
    source: Option<&String>,
    confidence: Option<&Spanned<Confidence>>,
) -> Result<Attribution, Fault> {
    let source = source.map(|text| text.trim().to_owned()).unwrap_or_default();
    match confidence {
        Some(said) if source.is_empty() && *said.get_ref() != Confidence::Assumed => {
            let message = format!("`{}` by whom? There is no source", said.get_ref());
            Err(Fault::new(said.span(), message).help("add `source = \"…\"`, or say `confidence = \"assumed\"`"))
        }
        said => Ok(Attribution { source, confidence: said.map(|said| *said.get_ref()).unwrap_or_default() }),
    }
}

/// A number that has to be at least `least` and to fit 32 bits.
pub(super) fn count(number: &Spanned<i64>, least: u32, what: &str) -> Result<u32, Fault> {
    u32::try_from(*number.get_ref()).ok().filter(|n| *n >= least).ok_or_else(|| {
        let message = format!("{} makes no sense here; {what} is a whole number from {least} up", number.get_ref());
        Fault::new(number.span(), message)
    })
}

fn hosts(names: &Spanned<Vec<Spanned<String>>>, what: &str) -> Result<Vec<String>, Fault> {
    if names.get_ref().is_empty() {
        return Err(Fault::new(names.span(), format!("a provider has at least one {what}")));
    }
    let mut known: Vec<String> = Vec::new();
    for name in names.get_ref() {
        let text = name.get_ref();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if text.is_empty() || !text.chars().all(plain) {
            return Err(Fault::new(name.span(), format!("`{text}` is not the name of a {what}")));
        }
        let lower = text.to_ascii_lowercase();
        if known.contains(&lower) {
            return Err(Fault::new(name.span(), format!("the {what} `{text}` is there twice")));
        }
        known.push(lower);
    }
    Ok(known)
}

fn tiers(table: &Named<Spanned<[f64; 2]>>) -> Result<Vec<Tier>, Fault> {
    if table.is_empty() {
        return Ok(vec![Tier { name: "any".to_owned(), from: Fraction::NONE }]);
    }
    let (mut tiers, mut edge, mut last) = (Vec::new(), 0.0, Range::default());
    for (name, band) in table.iter() {
        let [from, to] = *band.get_ref();
        let fault = |message: String| Err(Fault::new(band.span(), message));
        if tiers.len() == Policy::TIERS_MAX {
            return fault(format!("a profile has at most {} tiers", Policy::TIERS_MAX));
        }
        let start = match (Fraction::new(from), Fraction::new(to)) {
            (Some(start), Some(end)) if start < end => start,
            (Some(_), Some(_)) => return fault(format!("tier `{}` is empty: {from} to {to}", name.get_ref())),
            _ => return fault(format!("a tier is a band between 0 and 1, not {from} to {to}")),
        };
        #[expect(clippy::float_cmp, reason = "the two edges are written as the same number")]
        if from != edge {
            let what = if from < edge { "overlap" } else { "leave a gap" };
            let message =
                format!("tiers {what}: `{}` begins at {from}, the one before it ends at {edge}", name.get_ref());
            return Err(
                Fault::new(band.span(), message).help("write the worst tier first, each from where the last ends")
            );
        }
        tiers.push(Tier { name: name.get_ref().clone(), from: start });
        (edge, last) = (to, band.span());
    }
    if edge < 1.0 {
        return Err(Fault::new(last, format!("the tiers end at {edge}; the last one must end at 1")));
    }
    Ok(tiers)
}

fn reply(spec: &ReplySpec) -> Result<Reply, Fault> {
    provenance(spec.source.as_ref(), spec.confidence.as_ref())?;
    let number = *spec.code.get_ref();
    let code = u16::try_from(number).ok().and_then(|code| Code::try_from(code).ok());
    let code = code.filter(|code| code.class() != Class::Positive).ok_or_else(|| {
        let message = format!("{number} is not the code of a refusal");
        Fault::new(spec.code.span(), message).help("write a code from 400 to 499 (come back) or 500 to 599 (do not)")
    })?;
    let enhanced = match &spec.enhanced {
        None => None,
        Some(text) => Some(enhanced(text, code)?),
    };
    let text = spec.text.get_ref();
    if text.is_empty() || text.contains(|c: char| c.is_control() && c != '\n') {
        return Err(Fault::new(spec.text.span(), "a reply is at least one line of printable text")
            .help("separate the lines of a multi-line reply by `\\n`, without `\\r`"));
    }
    if text.split('\n').any(|line| line.len() > LINE_MAX) {
        return Err(Fault::new(spec.text.span(), format!("a line of a reply has at most {LINE_MAX} bytes"))
            .help("RFC 5321 allows 512 with the code and the line end; separate lines by `\\n`"));
    }
    Ok(Reply { code, enhanced, text: text.clone() })
}

fn enhanced(text: &Spanned<String>, code: Code) -> Result<EnhancedCode, Fault> {
    let enhanced: EnhancedCode = text.get_ref().parse().map_err(|error| Fault::new(text.span(), format!("{error}")))?;
    if u16::from(enhanced.class) != code.get() / 100 {
        let message = format!("the enhanced code {enhanced} contradicts the code {code}");
        let help = format!("they begin with the same digit (RFC 2034): write `{}.…`", code.get() / 100);
        return Err(Fault::new(text.span(), message).help(help));
    }
    Ok(enhanced)
}

fn reputation(spec: Option<&ReputationSpec>) -> Result<ReputationModel, Fault> {
    let Some(spec) = spec else {
        return Ok(ReputationModel::fixed(Fraction::ALL));
    };
    provenance(spec.source.as_ref(), spec.confidence.as_ref())?;
    let growth = *spec.growth.get_ref();
    if !(1.0..=1e6).contains(&growth) {
        return Err(Fault::new(spec.growth.span(), format!("a growth of {growth} makes no sense"))
            .help("1 lets a day bring as much as the days before, 2 twice as much"));
    }
    Ok(ReputationModel {
        start: spec.start,
        gain: spec.gain,
        gain_per_day: spec.gain_per_day,
        complaint: spec.complaint,
        unknown_recipient: spec.unknown_recipient,
        spam_trap: spec.spam_trap,
        unauthenticated: spec.unauthenticated,
        surge: spec.surge,
        growth,
        volume_floor: count(&spec.volume_floor, 0, "a volume")?,
        rest_gain: spec.rest_gain,
        rest_toward: spec.rest_toward,
    })
}

fn service(spec: Option<&ServiceSpec>) -> Result<ServiceTimes, Fault> {
    let Some(spec) = spec else {
        return Ok(ServiceTimes { per_message: Dist::Constant(Span::ZERO), per_recipient: Dist::Constant(Span::ZERO) });
    };
    provenance(spec.source.as_ref(), spec.confidence.as_ref())?;
    Ok(ServiceTimes { per_message: dist(&spec.per_message)?, per_recipient: dist(&spec.per_recipient)? })
}

fn dist(spec: &Spanned<DistSpec>) -> Result<Dist, Fault> {
    Dist::try_from(spec.get_ref()).map_err(|error| Fault::new(spec.span(), error.to_string()))
}

fn listener(spec: &ListenerSpec) -> Result<Listener, Fault> {
    provenance(spec.source.as_ref(), spec.confidence.as_ref())?;
    Ok(Listener {
        workers: count(&spec.workers, 1, "the number of workers")?,
        backlog: count(&spec.backlog, 0, "the backlog")?,
    })
}

/// What is left of the 512 octets of RFC 5321 (4.5.3.1.5) after code, enhanced code and line end. Placeholders may
/// grow.
const LINE_MAX: usize = 496;
