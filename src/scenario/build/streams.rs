//! Mail streams: what is sent, to whom, how good the list is, and from which sources.

use std::collections::{BTreeMap, BTreeSet};

use super::arrivals::{self, Bounds};
use super::files::NamedFiles;
use super::names::{Unique, at_most, domain};
use super::sources;
use crate::dist::Dist;
use crate::scenario::model::Source;
use crate::scenario::spec::{ListSpec, StreamSpec, VaryingSizeSpec};
use crate::smtp::{Address, AddressError};
use crate::spanned::{Checker, CountRange, Spanned, TextOrTable};
use crate::time::Span;
use crate::units::{Bytes, Fraction, SenderDomainId, SourceId};
use crate::workload::{Authentication, ListQuality, Mail, MailStream, Size, Workload};

/// The mail of a scenario.
pub(super) fn build(
    specs: &[Spanned<StreamSpec>],
    bounds: &Bounds<'_>,
    files: &mut NamedFiles<'_>,
    check: &mut Checker<'_>,
) -> Workload {
    if specs.is_empty() {
        let help = "add one:\n[[stream]]\narrivals = { at-once = { recipients = 20000 } }";
        check.lacking(&(0..0), "the scenario has nothing to send", help);
    }
    let mut names = Unique::new("stream");
    let mut sender_domains = SenderDomains::default();
    let mut streams = Vec::new();
    let mut expected = 0.0;
    for spec in at_most(STREAMS_MAX, "streams", specs, check) {
        match &spec.name {
            Some(name) => {
                check.title("stream", name);
                names.add(name, "give each stream a name of its own", check);
            }
            None if specs.len() > 1 => {
                check.lacking(&spec.span, "one of several streams has no name", "write name = \"newsletter\"");
            }
            None => {}
        }
        let recipients_per_message =
            spec.recipients_per_message.as_ref().map_or((1, 1), |range| per_message(range, check));
        let arrivals = arrivals::build(&spec.arrivals, bounds, files, check);
        let stream = MailStream {
            name: spec.name.as_ref().map_or_else(|| "mail".to_owned(), |name| name.value.clone()),
            arrivals,
            recipients_per_message,
            size: spec.size.as_ref().map_or(Size::Constant(Bytes(75_000)), |written| size(written, check)),
            domains: bounds.providers.weights.clone(),
            list: list(&spec.list, check),
            authentication: Authentication {
                dns: spec.authentication.dns.unwrap_or(true),
                spf: spec.authentication.spf.unwrap_or(true),
                dkim: spec.authentication.dkim.unwrap_or(true),
                dmarc: spec.authentication.dmarc.unwrap_or(true),
            },
            sender_domain: sender_domains.id(spec.sender_domain.as_ref(), check),
            sender_local_part: sender_local_part(spec, check),
            sources: carriers(spec.sources.as_ref(), bounds.sources, check),
            priority: spec.priority,
        };
        expected += stream.expected_recipients();
        // Room for the chance of independent arrivals: six standard deviations.
        if expected + 6.0 * expected.sqrt() > f64::from(Mail::RECIPIENTS_MAX) {
            check.wrong_do(
                &spec.arrivals.span,
                format!("about {expected:.1e} recipients are more than a trial can have ({})", Mail::RECIPIENTS_MAX),
                "send less, or to a sample of the list",
            );
            expected = 0.0;
        }
        streams.push(stream);
    }
    if let Some(first) = specs.first().filter(|_| expected > 0.0 && expected < 0.5) {
        check.wrong_do(
            &first.arrivals.span,
            "the scenario has no mail to send: less than one recipient is expected",
            "send more, or for longer",
        );
    }
    Workload { streams, sender_domains: sender_domains.names }
}

fn per_message(written: &Spanned<CountRange>, check: &mut Checker<'_>) -> (u32, u32) {
    let CountRange(low, high) = written.value;
    if low > high {
        check.wrong(&written.span, format!("the range {low} to {high} is upside down; write the smaller one first"));
        return (1, 1);
    }
    let bounds = 1..=RECIPIENTS_PER_MESSAGE_MAX;
    let low = check.within(low, &written.span, bounds.clone());
    // One complaint about a number that is both ends of the range.
    let high = if written.0 == written.1 { low } else { check.within(high, &written.span, bounds) };
    (low, high)
}

fn size(written: &Spanned<TextOrTable<Bytes, VaryingSizeSpec>>, check: &mut Checker<'_>) -> Size {
    let mut one = |bytes: Bytes| {
        if !(1..=u64::from(Size::LARGEST)).contains(&bytes.0) {
            check.wrong(&written.span, format!("no message has {bytes}; sizes run from 1 B to 1 GiB"));
        }
        bytes
    };
    let wrong = match &written.value {
        TextOrTable::Text(bytes) => return Size::Constant(one(*bytes)),
        TextOrTable::Table(VaryingSizeSpec::Uniform([low, high])) if low <= high => {
            return Size::Uniform(one(*low), one(*high));
        }
        TextOrTable::Table(VaryingSizeSpec::LogNormal { median, sigma }) if (0.0..=5.0).contains(sigma) => {
            return Size::LogNormal { median: one(*median), sigma: *sigma };
        }
        TextOrTable::Table(VaryingSizeSpec::Pareto { minimum, shape }) if shape.is_finite() && *shape > 0.0 => {
            return Size::Pareto { minimum: one(*minimum), shape: *shape };
        }
        TextOrTable::Table(VaryingSizeSpec::Uniform([low, high])) => {
            format!("the range {low} to {high} is upside down; write the smaller one first")
        }
        TextOrTable::Table(VaryingSizeSpec::LogNormal { sigma, .. }) => {
            format!("sigma {sigma} makes no sense here; write a number from 0 to 5")
        }
        TextOrTable::Table(VaryingSizeSpec::Pareto { shape, .. }) => {
            format!("shape {shape} makes no sense here; write a number above 0")
        }
    };
    check.wrong(&written.span, wrong);
    Size::Constant(Bytes(1))
}

fn list(spec: &ListSpec, check: &mut Checker<'_>) -> ListQuality {
    let parts = [&spec.unknown, &spec.full, &spec.traps, &spec.engaged];
    let share = |part: &Option<Spanned<Fraction>>| part.as_ref().map_or(Fraction::NONE, |share| share.value);
    let total: f64 = parts.iter().map(|part| share(part).get()).sum();
    if total > 1.0
        && let Some(last) = parts.iter().rev().find_map(|part| part.as_ref())
    {
        let message = format!("unknown, full, traps and engaged are {:.1} % of the recipients together", total * 100.0);
        check.wrong_do(
            &last.span,
            message,
            "a recipient is one of these at most: write shares that add up to 1 or less",
        );
    }
    ListQuality {
        addresses: spec.addresses.as_ref().map(|addresses| check.count(addresses, 1..=u32::MAX)),
        unknown: share(&spec.unknown),
        full: share(&spec.full),
        traps: share(&spec.traps),
        engaged: share(&spec.engaged),
        complaints: spec.complaints,
        complaint_delay: spec
            .complaint_delay
            .as_ref()
            .map_or(Dist::Exponential(Span::from_secs(4 * 3_600)), |delay| Dist::build(delay, check)),
        spam: spec.spam,
    }
}

fn carriers(
    written: Option<&Spanned<Vec<Spanned<String>>>>,
    known: &[Source],
    check: &mut Checker<'_>,
) -> Vec<SourceId> {
    let Some(written) = written else {
        return (0..known.len()).map(SourceId::from_index).collect();
    };
    if written.is_empty() {
        check.wrong_do(
            &written.span,
            "a stream without sources cannot be sent",
            "leave `sources` out to use all of them",
        );
    }
    let (mut carriers, mut taken) = (Vec::new(), BTreeSet::new());
    if written.len() > known.len() {
        check.wrong(&written.span, format!("there are only {} sources", known.len()));
    }
    for name in written.iter().take(known.len()) {
        let Some(id) = sources::find(name, known, check) else { continue };
        if !taken.insert(id) {
            check.wrong(&name.span, format!("the source {} is there twice", name.value));
        }
        carriers.push(id);
    }
    carriers
}

/// What the local part of MAIL FROM ends with; says so if no address can.
fn sender_local_part(spec: &StreamSpec, check: &mut Checker<'_>) -> String {
    let Some(written) = &spec.sender_local_part else { return String::new() };
    let domain = spec.sender_domain.as_ref().map_or(SENDER_DOMAIN, |domain| domain.value.as_str());
    // With the longest that is written before it: all that can be wrong with a message, and its number.
    let longest = format!("nodns.nospf.nodkim.nodmarc.spam.b{}+{}@{domain}", u32::MAX, written.value);
    match Address::parse(&longest, false) {
        Ok(_) => {}
        Err(AddressError::TooLong) => {
            let message = format!("with the domain `{domain}` the sender's address gets too long");
            check.wrong_do(&written.span, message, "RFC 5321 allows 254 octets, the number of the message among them");
        }
        Err(error) => {
            let message = format!("`{}` cannot end a local part: {error}", written.value);
            check.wrong_do(&written.span, message, "write letters, digits and signs as in `bounces-user=x.example`");
        }
    }
    written.value.clone()
}

/// Sender domains, each once.
#[derive(Default)]
struct SenderDomains {
    names: Vec<String>,
    ids: BTreeMap<String, SenderDomainId>,
}

impl SenderDomains {
    fn id(&mut self, written: Option<&Spanned<String>>, check: &mut Checker<'_>) -> SenderDomainId {
        let name = written.map_or_else(|| SENDER_DOMAIN.to_owned(), |written| domain(written, check));
        let next = SenderDomainId::from_index(self.names.len());
        *self.ids.entry(name.clone()).or_insert_with(|| {
            self.names.push(name);
            next
        })
    }
}

/// The domain of MAIL FROM where a stream says none.
const SENDER_DOMAIN: &str = "sender.example";
/// As many as [`crate::units::MailStreamId`] can tell apart.
const STREAMS_MAX: usize = 256;
/// More than any server takes in one transaction.
const RECIPIENTS_PER_MESSAGE_MAX: u32 = 100_000;
