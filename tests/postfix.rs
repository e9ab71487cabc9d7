//! The Postfix model against what was published and measured.
//!
//! Published: both tables of Postfix's `SCHEDULER_README`, which belong to its README's rule. Measured: Postfix 3.7.11
//! against receivers that enforce limits (`tests/facts/postfix-measured.tsv`), which ran the rule that Postfix ships.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "postfix/conditions.rs"]
mod conditions;
#[path = "postfix/measured.rs"]
mod measured;
#[path = "support/scenario.rs"]
mod scenario_text;

use std::collections::BTreeMap;

use conditions::{Condition, STARTED};
use measured::{Column, Measured};
use mxlab::record::{Totals, Trial};

/// Seeds over which the model is averaged.
const SEEDS: u64 = 20;

/// A row of a published table: feedback, cache, percent deferred and mean concurrency.
type Row = (&'static str, bool, f64, f64);

/// A server that refuses actively: five connections, then 421.
const REFUSED: [Row; 6] = [
    ("1/concurrency", false, 16.5, 5.17),
    ("1/concurrency", true, 16.5, 5.17),
    ("1/sqrt_concurrency", false, 24.5, 5.28),
    ("1/sqrt_concurrency", true, 24.3, 5.28),
    ("1", false, 49.7, 5.63),
    ("1", true, 49.7, 5.68),
];

/// A server whose listen queue is full: five processes, a backlog of five, and a connect time-out of 30 s.
const SILENT: [Row; 6] = [
    ("1/concurrency", false, 9.9, 19.4),
    ("1/concurrency", true, 10.3, 19.4),
    ("1/sqrt_concurrency", false, 10.4, 19.6),
    ("1/sqrt_concurrency", true, 10.6, 19.6),
    ("1", false, 10.1, 19.5),
    ("1", true, 10.8, 19.3),
];

/// A second for every recipient. What varies is every command by itself, and by little: with a jitter that stays with a
/// connection, cached connections would drift apart as they did not.
const SECOND: &str = "{ uniform = [\"1s\", \"1020ms\"] }";
const RTT: &str = "rtt = { uniform = [\"1ms\", \"3ms\"] }\n";

#[test]
fn the_published_table_of_a_server_that_refuses() {
    published(&REFUSED, 5, &measured::gauge(5, SECOND));
}

#[test]
fn the_published_table_of_a_server_whose_listen_queue_is_full() {
    let listener = "[listener]\nworkers = 5\nbacklog = 5\n";
    published(&SILENT, 20, &format!("{listener}{}", measured::service(SECOND)));
}

fn published(table: &[Row], initial: u32, receiver: &str) {
    let mut wrong = Vec::new();
    for (feedback, cache, deferred, window) in table {
        let condition = measured::readme(receiver.to_owned(), feedback, *cache);
        let sender = condition
            .sender
            .replace("\"postfix\"", "\"postfix-readme\"")
            .replace("initial_destination_concurrency = 5", &format!("initial_destination_concurrency = {initial}"));
        let runs = runs(&Condition { sender, network: RTT.to_owned(), ..condition });
        let share = mean(&runs, |t| 100.0 * (t.deferred + t.failed) as f64 / 2_000.0);
        let seen = mean(&runs, window_mean);
        eprintln!("{feedback:>18} cache {cache:5}: {share:4.1} % for {deferred} %, window {seen:5.2} for {window}");
        if (share - deferred).abs() > 1.5 || (seen - window).abs() > 0.3 {
            wrong.push(format!("{feedback}, cache {cache}: {share:.1} % for {deferred} %, {seen:.2} for {window}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_readme_experiment_as_measured() {
    as_measured(&["t"]);
}

#[test]
fn the_readme_experiment_with_varying_service_as_measured() {
    as_measured(&["tj"]);
}

#[test]
fn a_limit_on_the_rate_as_measured() {
    as_measured(&["d1", "d2"]);
}

#[test]
fn a_limit_on_transactions_as_measured() {
    as_measured(&["c", "k", "p"]);
}

#[test]
fn twenty_messages_a_connection_and_a_rate_delay_as_measured() {
    as_measured(&["e", "f1"]);
}

#[test]
fn the_retry_clock_as_measured() {
    as_measured(&["g"]);
}

#[test]
fn a_server_that_never_greets_as_measured() {
    as_measured(&["x"]);
}

/// A classic: a rate delay for a site does nothing once its recipient limit is 1.
#[test]
fn a_recipient_limit_of_one_undoes_a_rate_delay() {
    let slow = measured::condition(&measured::all().into_iter().find(|measured| measured.kind() == "f1").unwrap());
    let sender = slow.sender.replace("main-cf = {", "main-cf = { smtp_destination_recipient_limit = 1,");
    let undone = Condition { sender, ..slow.clone() }.run(1);
    let seconds = |trial: &Trial| trial.settled_us.unwrap() as f64 / 1e6;
    assert!(seconds(&slow.run(1)) > 600.0);
    assert!(seconds(&undone) < 6.0, "{} s", seconds(&undone));
    let open = undone.cells[0].series.open_max.iter().copied().max().unwrap();
    assert!((21..=100).contains(&open), "only the process limit holds: {open}");
}

/// What is compared: its name, what the model says, where the measurement stands, and the points it may differ by; 10 %
/// where those are 0.
type Figure = (&'static str, Option<f64>, fn(&Measured) -> Option<f64>, f64);

/// Compares every condition of these kinds with the mean of its repeats. Deferral shares within two points, the rest
/// within 10 %, or within the spread of the repeats where that is wider.
fn as_measured(kinds: &[&str]) {
    let mut wrong = Vec::new();
    for (name, repeats) in conditions_of(kinds) {
        let condition = measured::condition(&repeats[repeats.len() - 1]);
        let recipients = f64::from(condition.messages * condition.recipients);
        let (runs, first) = (runs(&condition), runs(&condition.first_pass()));
        let seconds = |at: Option<u64>| at.map(|at| at as f64 / 1e6 - STARTED);
        let reached = |n: usize| {
            let all: Option<Vec<f64>> = runs.iter().map(|t| seconds(t.reached_us[n])).collect();
            all.map(|all| all.iter().sum::<f64>() / all.len() as f64)
        };
        let not_accepted = |t: &Totals| 100.0 * (t.deferred + t.failed) as f64 / t.attempts.max(1) as f64;
        let figures: [Figure; 6] = [
            ("deferred in the first pass, %", Some(mean(&first, not_accepted)), deferral_share, 2.0),
            ("attempts per recipient", Some(mean(&runs, |t| t.attempts as f64 / recipients)), attempts, 0.0),
            ("connections", Some(mean(&runs, |t| t.connections as f64)), connections, 0.0),
            ("seconds to 50 %", reached(0), |m| m.get(Column::T50), 0.0),
            ("seconds to 90 %", reached(1), |m| m.get(Column::T90), 0.0),
            ("seconds to 100 %", reached(3), |m| m.get(Column::T100), 0.0),
        ];
        for (what, ours, column, points) in figures {
            let theirs: Vec<f64> = repeats.iter().filter_map(column).collect();
            // Where some repeats never came so far there is nothing to compare.
            if theirs.len() < repeats.len() {
                continue;
            }
            let (low, high) = theirs.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
            let middle = theirs.iter().sum::<f64>() / theirs.len() as f64;
            let room = (if points > 0.0 { points } else { 0.1 * middle }).max(high - low);
            let ours = ours.unwrap_or(f64::INFINITY);
            eprintln!("{name:16} {what:30} {ours:8.2} for {middle:8.2} ± {room:.2}");
            if (ours - middle).abs() > room {
                wrong.push(format!("{name}, {what}: {ours:.2}, measured {middle:.2} ± {room:.2}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Recipients deferred among those that were tried, first attempts only.
fn deferral_share(measured: &Measured) -> Option<f64> {
    let deferred = measured.get(Column::FirstDeferred)?;
    Some(100.0 * deferred / (1.0 - measured.get(Column::FirstSuspended)?))
}

fn attempts(measured: &Measured) -> Option<f64> {
    measured.get(Column::AttemptsPerRecipient)
}

fn connections(measured: &Measured) -> Option<f64> {
    measured.get(Column::Connections)
}

/// Repeats by condition: `d1-451mail-r1` and `-r2` are one.
fn conditions_of(kinds: &[&str]) -> BTreeMap<String, Vec<Measured>> {
    let mut conditions: BTreeMap<String, Vec<Measured>> = BTreeMap::new();
    for measured in measured::all().into_iter().filter(|measured| kinds.contains(&measured.kind())) {
        conditions.entry(measured.condition()).or_default().push(measured);
    }
    assert!(!conditions.is_empty(), "nothing was measured of {kinds:?}");
    conditions
}

fn runs(condition: &Condition) -> Vec<Totals> {
    (1..=SEEDS).map(|seed| condition.run(seed).cells[0].totals).collect()
}

fn mean(runs: &[Totals], of: impl Fn(&Totals) -> f64) -> f64 {
    runs.iter().map(of).sum::<f64>() / runs.len() as f64
}

fn window_mean(totals: &Totals) -> f64 {
    totals.window.sum as f64 / totals.window.times as f64
}
