//! Do the intervals hold what they claim to hold? A run whose answer is known is repeated a thousand times, twenty
//! seeds each, and the 95 % intervals must contain the answer in 93 to 97 % of them.
//!
//! Messages of exponential service time (mean S) that one connection delivers one after the other take n · S on
//! average; by two connections, n - 1 ends come at twice the rate and the last at the single one: (n + 1) / 2 · S.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "oracle/lab.rs"]
mod lab;
#[path = "coverage/unknowns.rs"]
mod unknowns;

use mxlab::parallel;
use mxlab::record::Trial;
use mxlab::scenario::Scenario;
use mxlab::stats::{Estimate, Median, Moment, Paired};

/// Messages of a trial.
const MESSAGES: u32 = 30;
/// Mean service time, in seconds.
const SERVICE: f64 = 1.0;
/// Share of the recipients that do not exist.
const UNKNOWN: f64 = 0.2;

/// When trials are taken to end for the median, in seconds.
const END: f64 = 25.0;

const REPETITIONS: u64 = 1_000;
const SEEDS: u64 = 20;

const PROFILE: &str = r#"
name = "lab"
title = "Lab"
domains = ["lab.example"]
mx = ["mx.lab.example"]
[service]
per-message = { exponential = "1s" }
per-recipient = "0s"
[reply.unknown]
code = 550
text = "no such user"
[rule.mailbox]
at = "rcpt"
check = "unknown-recipient"
answer = { reply = "unknown" }
"#;

/// One connection against two.
fn scenario() -> Scenario {
    let strategies = [1, 2].map(|connections| {
        format!(
            "[[strategy]]\nname = \"{connections}\"\npreset = \"fixed\"\nconcurrency = {{ fixed = {connections} }}\n"
        )
    });
    let text = format!(
        r#"
duration = "1h"
[[provider]]
profile = "lab.toml"
[[source]]
ip = "192.0.2.1"
[[stream]]
arrivals = {{ at-once = {{ recipients = {MESSAGES} }} }}
list = {{ unknown = {UNKNOWN} }}
[network]
rtt = "0s"
{}"#,
        strategies.concat()
    );
    lab::scenario(&text, PROFILE)
}

/// The trials of every repetition: of each seed, one for each strategy.
fn repeated(scenario: &Scenario) -> Vec<Vec<Vec<Trial>>> {
    let repetitions: Vec<u64> = (0..REPETITIONS).collect();
    let seeds = |n: u64| (n * SEEDS + 1)..=(n + 1) * SEEDS;
    parallel::map(&repetitions, parallel::cores(), |n| seeds(*n).map(|seed| lab::trials(scenario, seed)).collect())
}

/// When all had their mail, in seconds.
fn completion(trial: &Trial) -> f64 {
    trial.reached_us[3].unwrap() as f64 / 1e6
}

/// Fails unless 93 to 97 % of the repetitions hold the answer.
fn covers(what: &str, held: impl Iterator<Item = bool>) {
    let held = held.filter(|held| *held).count();
    assert!((930..=970).contains(&held), "{what}: {held} of {REPETITIONS}");
}

fn holds(estimate: Estimate, answer: f64) -> bool {
    estimate.low().unwrap() <= answer && answer <= estimate.high().unwrap()
}

#[test]
fn intervals_hold_what_can_be_worked_out() {
    let repetitions = repeated(&scenario());
    let deliverable = f64::from(MESSAGES) * (1.0 - UNKNOWN);
    let (one, two) = (deliverable * SERVICE, f64::midpoint(deliverable, 1.0) * SERVICE);
    let mean = |of: fn(&[Trial]) -> f64, answer: f64| {
        repetitions.iter().map(move |seeds| {
            let values: Vec<f64> = seeds.iter().map(|trials| of(trials)).collect();
            holds(Estimate::of(&values).unwrap(), answer)
        })
    };
    covers("bounced", mean(|trials| trials[0].cells[0].totals.bounced as f64, f64::from(MESSAGES) * UNKNOWN));
    covers("time with one connection", mean(|trials| completion(&trials[0]), one));
    covers("time with two connections", mean(|trials| completion(&trials[1]), two));
    let differences = repetitions.iter().map(|seeds| {
        let pairs: Vec<(f64, f64)> =
            seeds.iter().map(|trials| (completion(&trials[0]), completion(&trials[1]))).collect();
        holds(Paired::of(&pairs).unwrap().difference, two - one)
    });
    covers("two connections less one", differences);
    medians(&repetitions);
}

/// Had the trials ended after 25 seconds, four in ten would not have been over, and no mean of the others is the mean
/// of all. The median is known still.
fn medians(repetitions: &[Vec<Vec<Trial>>]) {
    let seen = |trial: &Trial| Some(completion(trial)).filter(|time| *time <= END);
    let medians = repetitions.iter().map(|seeds| {
        let times: Vec<Moment> = seeds.iter().map(|trials| seen(&trials[0]).into()).collect();
        Median::of(&times).unwrap()
    });
    let medians: Vec<Median> = medians.collect();
    let censored: usize = medians.iter().map(|median| median.beyond).sum();
    let share = censored as f64 / (REPETITIONS * SEEDS) as f64;
    assert!((share - (1.0 - over_by(END))).abs() < 0.015, "{share} of the times are censored");
    let answer = Moment::At(median());
    let inside =
        medians.iter().map(|median| median.interval.is_some_and(|(low, high)| low <= answer && answer <= high));
    covers("median", inside);
}

/// The probability that one connection is done after so many seconds: the deliverable among the messages are binomial,
/// and the sum of k exponential times is over by t unless fewer than k of a Poisson stream have come by then (Erlang).
fn over_by(seconds: f64) -> f64 {
    let t = seconds / SERVICE;
    let mut fewer = 0.0;
    let mut poisson = (-t).exp();
    let mut binomial = UNKNOWN.powi(MESSAGES.cast_signed());
    let mut over = binomial;
    for k in 1..=MESSAGES {
        fewer += poisson;
        poisson *= t / f64::from(k);
        binomial *= f64::from(MESSAGES - k + 1) / f64::from(k) * (1.0 - UNKNOWN) / UNKNOWN;
        over += binomial * (1.0 - fewer);
    }
    over
}

/// The time by which one connection is done with probability ½.
fn median() -> f64 {
    let (mut low, mut high) = (0.0, END);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if over_by(middle) < 0.5 { low = middle } else { high = middle }
    }
    low
}
