//! The answer in one sentence: which strategy did best, and the numbers that say so.

use std::cmp::Ordering;

use crate::record::{Metric, Record};

use super::summary::{Row, Summary};
use super::words::{duration, number, percent, printable};

/// The answer of a run.
///
/// Best is who delivers the largest share; among those equal to a tenth of a percent, who is deferred least; among
/// those equal again, who reaches 90 % first. The bound takes no part unless nothing else ran.
pub(super) fn answer(record: &Record, summary: &Summary) -> String {
    let oracle = record.oracle().map(|oracle| oracle.name.as_str());
    let ran = |row: &&Row| row.figure(Metric::Delivered).defined() > 0;
    let rivals: Vec<&Row> = summary.at(None).filter(ran).filter(|row| Some(name(record, row)) != oracle).collect();
    let rivals = if rivals.is_empty() { summary.at(None).filter(ran).collect() } else { rivals };
    let Some(best) = rivals.iter().copied().min_by(|a, b| compare(a, b)) else {
        return "No trial was finished: there is no answer.".to_owned();
    };
    if best.mean(Metric::Injected) == Some(0.0) {
        return "No mail was injected: there is no answer.".to_owned();
    }
    let best_name = printable(name(record, best));
    let does = if rivals.len() > 1 { " does best: it" } else { "" };
    let mut parts = vec![match best.mean(Metric::DeliveredShare) {
        Some(share) => format!("{best_name}{does} delivers {} %{}", percent(share), whole(best)),
        None => format!("{best_name} had nobody to deliver to"),
    }];
    if let Some(share) = best.mean(Metric::DeferralShare) {
        parts.push(format!(", {} % of its attempts are deferred", percent(share)));
    }
    parts.push(reached(best));
    parts.push(".".to_owned());
    if let Some(share) = best.mean(Metric::BoundShare).filter(|_| Some(name(record, best)) != oracle) {
        let share = percent(share);
        parts.push(format!(
            " By the time the oracle has delivered 90 % of its mail, it has delivered {share} % as much."
        ));
    }
    let last = rivals.iter().copied().max_by(|a, b| compare(a, b)).filter(|last| last.strategy != best.strategy);
    parts.extend(last.and_then(|last| {
        let delivered = percent(last.mean(Metric::DeliveredShare)?);
        let deferred = percent(last.mean(Metric::DeferralShare)?);
        let last = printable(name(record, last));
        Some(format!(" Last comes {last}: {delivered} % delivered, {deferred} % deferred."))
    }));
    parts.concat()
}

/// What makes a run less than whole, if anything does.
pub(super) fn warning(record: &Record) -> Option<String> {
    record.partial.then(|| {
        format!(
            "PARTIAL RUN: it was stopped before all trials were done; what follows rests on the {} that were.",
            number(record.trials.len() as f64)
        )
    })
}

/// How the expectations came out, in a sentence; `None` if there were none.
pub(super) fn verdict(record: &Record) -> Option<String> {
    let all = record.expected.len();
    let missed = record.expected.iter().filter(|expected| !expected.met).count();
    match (all, missed) {
        (0, _) => None,
        (1, 0) => Some("The expectation was met.".to_owned()),
        (_, 0) => Some(format!("All {all} expectations were met.")),
        _ => Some(format!("{missed} of {all} expectations missed.")),
    }
}

fn name<'a>(record: &'a Record, row: &Row) -> &'a str {
    &record.strategies[row.strategy].name
}

fn whole(row: &Row) -> String {
    let recipients = row.mean(Metric::Injected).unwrap_or(0.0);
    let given_up = row.mean(Metric::DeliveredShare).is_some_and(|share| share < 0.9995);
    let of = if given_up { " of the recipients it could" } else { "" };
    format!("{of} ({} injected)", number(recipients))
}

fn reached(row: &Row) -> String {
    let figure = row.figure(Metric::TimeTo90);
    match figure.estimate {
        Some(estimate) if figure.defined() == figure.seeds => {
            format!(", and 90 % have their mail after {}", duration(estimate.mean))
        }
        Some(_) => format!(", and 90 % have their mail in only {} of {} seeds", figure.defined(), figure.seeds),
        None if row.mean(Metric::DeliveredShare).is_some() => ", and 90 % is never reached".to_owned(),
        None => String::new(),
    }
}

fn compare(a: &Row, b: &Row) -> Ordering {
    let tenths = |row: &Row, metric| (row.mean(metric).unwrap_or(0.0) * 1_000.0).round();
    let time = |row: &Row| {
        let figure = row.figure(Metric::TimeTo90);
        let all = figure.defined() == figure.seeds;
        figure.estimate.filter(|_| all).map_or(f64::INFINITY, |estimate| estimate.mean)
    };
    tenths(b, Metric::DeliveredShare)
        .total_cmp(&tenths(a, Metric::DeliveredShare))
        .then(tenths(a, Metric::DeferralShare).total_cmp(&tenths(b, Metric::DeferralShare)))
        .then(time(a).total_cmp(&time(b)))
}
