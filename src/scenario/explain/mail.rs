//! The mail in words: how many recipients, by when, and how good the list is.

use std::fmt::Write as _;

use super::clock::clock;
use crate::scenario::model::Scenario;
use crate::units::{Fraction, percent};
use crate::workload::{Arrivals, MailStream, PoissonStage, Priority, Size};

/// The streams of a scenario.
pub(super) fn lines(scenario: &Scenario) -> Vec<String> {
    let streams = &scenario.workload.streams;
    let mut lines: Vec<String> = streams.iter().flat_map(|stream| stream_lines(stream, scenario)).collect();
    if streams.len() > 1 {
        lines.push(format!("in all {} recipients", about(scenario.expected_recipients() as f64)));
    }
    lines
}

fn stream_lines(stream: &MailStream, scenario: &Scenario) -> [String; 2] {
    let first = format!("{}: {}", stream.name, arrivals(stream));
    let (low, high) = stream.recipients_per_message;
    let mut second = format!("  {}; {}", size(&stream.size), per_message(low, high));
    if let Some(domain) = scenario.workload.sender_domains.get(stream.sender_domain.index()) {
        _ = write!(second, "; as {domain}");
    }
    let auth = stream.authentication;
    let failing: Vec<&str> = [("DNS", auth.dns), ("SPF", auth.spf), ("DKIM", auth.dkim), ("DMARC", auth.dmarc)]
        .into_iter()
        .filter_map(|(name, passes)| (!passes).then_some(name))
        .collect();
    if !failing.is_empty() {
        _ = write!(second, ", failing {}", failing.join(" and "));
    }
    if stream.sources.len() < scenario.sources.len() {
        _ = write!(second, "; carried by {} of {} sources", stream.sources.len(), scenario.sources.len());
    }
    match stream.priority {
        Priority::None => {}
        Priority::EngagedFirst => second.push_str("; engaged recipients before all other mail"),
        Priority::First => second.push_str("; before all other mail"),
    }
    _ = write!(second, "; {}", list(stream));
    [first, second]
}

fn arrivals(stream: &MailStream) -> String {
    let recipients = about(stream.expected_recipients());
    match &stream.arrivals {
        Arrivals::AtOnce { at, .. } => format!("{recipients} recipients, all at {at}"),
        Arrivals::Poisson { stages } => format!("about {recipients} recipients, arriving at random: {}", rates(stages)),
        Arrivals::Diurnal { over, day_starts, .. } => {
            format!("{recipients} recipients over {over}, by time of day from {} on", clock(*day_starts))
        }
        Arrivals::Trace { path, rows } => {
            let last = rows.last().map(|row| row.at).unwrap_or_default();
            let (messages, file) = (rows.len(), path.display());
            format!("{recipients} recipients in {messages} messages until {last}, from {file}")
        }
    }
}

fn rates(stages: &[PoissonStage]) -> String {
    let rate =
        |stage: &PoissonStage| format!("{} messages an hour until {}", about(stage.per_second * 3_600.0), stage.until);
    match stages {
        [first, .., last] if stages.len() > 4 => {
            format!("{}, … {} stages …, {}", rate(first), stages.len() - 2, rate(last))
        }
        _ => stages.iter().map(rate).collect::<Vec<_>>().join(", then "),
    }
}

fn size(size: &Size) -> String {
    match *size {
        Size::Constant(size) => format!("{size} each"),
        Size::Uniform(low, high) => format!("{low} to {high} each"),
        Size::LogNormal { median, sigma } => format!("{median} in the median (log-normal, sigma {sigma})"),
        Size::Pareto { minimum, shape } => format!("{minimum} or more (Pareto, shape {shape})"),
    }
}

fn per_message(low: u32, high: u32) -> String {
    match (low, high) {
        (1, 1) => "one recipient a message".to_owned(),
        _ if low == high => format!("{low} recipients a message"),
        _ => format!("{low} to {high} recipients a message"),
    }
}

fn list(stream: &MailStream) -> String {
    let list = &stream.list;
    let parts = [
        (list.unknown, "do not exist"),
        (list.full, "have a full mailbox"),
        (list.traps, "are spam traps"),
        (list.engaged, "are engaged"),
        (list.complaints, "of the deliveries to the rest end in a complaint"),
        (list.spam, "of the messages look like spam"),
    ];
    let mut said: Vec<String> = parts
        .iter()
        .filter(|(share, _)| *share > Fraction::NONE)
        .map(|(share, what)| format!("{} {what}", percent(share.get())))
        .collect();
    if let Some(addresses) = list.addresses {
        said.insert(0, format!("{} different addresses", about(f64::from(addresses))));
    }
    if said.is_empty() {
        return "everybody on the list exists".to_owned();
    }
    let after =
        if list.complaints > Fraction::NONE { format!(" after {}", list.complaint_delay) } else { String::new() };
    said.join(", ").replace("in a complaint", &format!("in a complaint{after}"))
}

/// A count with its thousands apart.
fn about(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
