//! The answer of a sweep, a few sentences for each strategy: up to where it is safe, and where goodput has its knee.

use std::fmt::Write as _;

use crate::harmless;
use crate::metric::{Measure, Metric};
use crate::record::{Knee, SafeRange, SweepFigure, SweepFinding, SweepRecord};
use crate::report::words::{number, percent};

/// The answer: a line for each strategy that the value concerns.
pub(in crate::report) fn answer(record: &SweepRecord) -> Vec<String> {
    if record.values.is_empty() {
        return vec!["No value was finished: there is no answer.".to_owned()];
    }
    let concerned = || (0..record.strategies.len()).filter(|strategy| record.concerned[*strategy]);
    if concerned().next().is_none() {
        return vec![format!("Nothing that ran depends on {}: there is no answer.", harmless::line(&record.over))];
    }
    let several = concerned().count() > 1;
    let senders = concerned().filter(|strategy| !record.strategies[*strategy].bound);
    let one = |strategy: usize| {
        let said = match record.found_for(strategy, record.judged_at()) {
            Some(found) if record.measure != Measure::Name => ordered(record, found),
            _ => unordered(record, strategy),
        };
        if several { format!("{}: {said}", harmless::line(&record.strategies[strategy].name)) } else { said }
    };
    senders.map(one).collect()
}

/// What makes a sweep less than whole, if anything does.
pub(in crate::report) fn warning(record: &SweepRecord) -> Option<String> {
    record.partial.then(|| {
        let done = number(record.values.len() as f64);
        format!(
            "PARTIAL SWEEP: it was stopped before all values were done; what follows rests on the {done} that were."
        )
    })
}

/// The value at which so many values from the safe end on are safe, as people say it; beyond the ends there is no more.
pub(in crate::report) fn limit(record: &SweepRecord, safe: &SafeRange, rank: usize) -> String {
    let last = record.values.len() - 1;
    let text = |place: usize| record.values.get(place).map_or_else(String::new, |value| harmless::line(&value.text));
    match (rank, safe.low_is_safe) {
        (0, true) => format!("below {}", text(0)),
        (0, false) => format!("above {}", text(last)),
        (all, true) if all > last => format!("{} at least", text(last)),
        (all, false) if all > last => format!("{} at most", text(0)),
        (rank, true) => text(rank - 1),
        (rank, false) => text(last + 1 - rank),
    }
}

/// The place of the last safe value from the safe end on; `None` where the limit lies beyond the ends.
pub(in crate::report) fn last_safe(record: &SweepRecord, safe: &SafeRange, rank: usize) -> Option<usize> {
    let inside = rank > 0 && rank < record.values.len();
    inside.then(|| if safe.low_is_safe { rank - 1 } else { record.values.len() - rank })
}

fn ordered(record: &SweepRecord, found: &SweepFinding) -> String {
    let safe = found.safe.as_ref().map(|safe| safety(record, safe)).unwrap_or_default();
    format!("{safe}{}", knee(record, found))
}

fn safety(record: &SweepRecord, safe: &SafeRange) -> String {
    let (criterion, seeds) = (harmless::line(&record.safe.to_string()), safe.ranks.len());
    let every = if seeds == 1 { "under its one seed".to_owned() } else { format!("under every one of {seeds} seeds") };
    let limit = |rank| limit(record, safe, rank);
    let direction = if safe.low_is_safe { "up to" } else { "from" };
    let on = if safe.low_is_safe { "" } else { " on" };
    if safe.every == record.values.len() {
        return format!("Every value is safe ({}): {criterion} {every}.", limit(safe.every));
    }
    let confidence = percent(safe.coverage);
    let mut said = if safe.every == 0 {
        let first = if safe.low_is_safe { record.values.first() } else { record.values.last() };
        let first = first.map_or_else(String::new, |value| harmless::line(&value.text));
        let missed = safe.ranks.iter().filter(|rank| **rank == 0).count();
        format!("No value is safe {every}: even {first} misses {criterion} under {missed}.")
    } else {
        let value = limit(safe.every);
        let next = if safe.low_is_safe { safe.every } else { record.values.len() - 1 - safe.every };
        let next = record.values.get(next).map_or_else(String::new, |value| harmless::line(&value.text));
        format!(
            "Safe {direction} {value}{on}, but not at {next}: {criterion} {every}, so with 95 % confidence under at least {confidence} % of \
             all seeds there could be."
        )
    };
    let ends = safe.ranks.first().zip(safe.ranks.last()).filter(|_| seeds > 1);
    if let Some((least, most)) = ends {
        let spread = between(&limit(*least), &limit(*most));
        let interval = match safe.interval {
            Some((low, high)) => format!("95 % interval {}", between(&limit(low), &limit(high))),
            None => "too few seeds for an interval".to_owned(),
        };
        let median = limit(safe.median);
        _ = write!(said, " The median over the seeds is {median} ({interval}); they reach from {spread}.");
    }
    said
}

fn between(low: &str, high: &str) -> String {
    format!("{low} to {high}")
}

fn knee(record: &SweepRecord, found: &SweepFinding) -> String {
    let text = |place: usize| record.values.get(place).map_or_else(String::new, |value| harmless::line(&value.text));
    let Some(Knee { value, seeds, median, interval }) = &found.knee else {
        return " Goodput has no knee in this range.".to_owned();
    };
    let mean = |place: usize| {
        let all = record.figures_of(SweepFigure::GoodputPerHour, place, found.strategy, found.provider);
        let defined: Vec<f64> = all.into_iter().flatten().collect();
        defined.iter().sum::<f64>() / defined.len().max(1) as f64
    };
    let best = (0..record.values.len()).max_by(|a, b| mean(*a).total_cmp(&mean(*b))).unwrap_or(*value);
    let most = if best == *value {
        "the most there is".to_owned()
    } else {
        format!("of {} at the most (at {})", number(mean(best)), text(best))
    };
    let mut said = format!(" Mean goodput has its knee at {}: {} an hour, {most}", text(*value), number(mean(*value)));
    if let (Some(median), Some((low, high))) = (median, interval) {
        let interval = between(&text(*low), &text(*high));
        _ = write!(
            said,
            "; the knees of {seeds} single seeds have a median of {} (95 % interval {interval})",
            text(*median)
        );
    }
    said.push('.');
    said
}

/// Values without an order: which of them are safe under every seed.
fn unordered(record: &SweepRecord, strategy: usize) -> String {
    let Ok(metric) = record.safe.metric.parse::<Metric>() else { return String::new() };
    let safe = |value: &usize| {
        let figures = record.figures_of(SweepFigure::Of(metric), *value, strategy, record.judged_at());
        figures.iter().all(|figure| record.safe.meets(*figure))
    };
    let safe: Vec<String> =
        (0..record.values.len()).filter(safe).map(|value| harmless::line(&record.values[value].text)).collect();
    let criterion = harmless::line(&record.safe.to_string());
    match safe.as_slice() {
        [] => format!("No value is safe under every seed: all miss {criterion} under some."),
        all if all.len() == record.values.len() => format!("Every value is safe: {criterion} under every seed."),
        some => format!("Safe under every seed ({criterion}): {}.", some.join(", ")),
    }
}
