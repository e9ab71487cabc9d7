//! Which unknown matters, where it can be worked out: an hour in which each of two providers takes as many messages as
//! its limit says, and the limits are all that is not known.

use std::sync::atomic::AtomicBool;

use mxlab::metric::Metric;
use mxlab::record::{MovedTrial, Record, Trial};
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::stats::{Move, UnknownShare};
use mxlab::study::{self, RunOptions};

use super::lab;

/// Two providers that draw their limits apart: `wide` from 100 to 700, `narrow` from 100 to 400. Another limit of each
/// is never reached, and one is but refuses only what the first would.
fn scenario() -> Scenario {
    let profile = r#"
name = "wide"
title = "Wide"
domains = ["wide.example", "narrow.example"]
mx = ["mx.lab.example"]
[service]
per-message = "0s"
per-recipient = "0s"
[reply.later]
code = 450
text = "later"
[rule.tries]
at = "mail"
per = "client-ip"
count = "messages"
counts = "attempts"
window = { fixed = "1h" }
limit = { unknown = [701, 720] }
answer = { reply = "later" }
[rule.hour]
at = "mail"
per = "client-ip"
count = "messages"
window = { fixed = "1h" }
limit = { unknown = [100, 700] }
answer = { reply = "later" }
[rule.far]
at = "mail"
per = "client-ip"
count = "messages"
window = { fixed = "1h" }
limit = { unknown = [800, 900] }
answer = { reply = "later" }
"#;
    let text = r#"
duration = "59min"
[[provider]]
profile = "lab.toml"
domains = { "wide.example" = 1 }
[[provider]]
profile = "lab.toml"
name = "narrow"
domains = { "narrow.example" = 1 }
[provider.set]
rule.hour.limit = { unknown = [100, 400] }
[[source]]
ip = "192.0.2.1"
[[stream]]
arrivals = { at-once = { recipients = 2000 } }
[[strategy]]
preset = "fixed"
"#;
    lab::scenario(text, profile)
}

/// The record of a run of so many seeds, and what it says of each unknown's share in what was delivered.
fn shares(first_seed: u64, seeds: u32) -> (Record, Vec<UnknownShare>) {
    let scenario = scenario();
    let options = RunOptions { first_seed, seeds, threads: 2, bound: false, strategies: Vec::new(), spread: true };
    let stop = AtomicBool::new(false);
    let mut record = study::run(&scenario, &options, &|_| {}, &stop).unwrap();
    study::move_unknowns(&scenario, &options, "fixed", &mut record, &|_| {}, &stop).unwrap();
    let value = |trial: &Trial| trial.figure(Metric::Delivered, &record, None).unwrap();
    let [own, crossed] = [&record.trials, &record.crossed].map(|trials| trials.iter().map(value).collect::<Vec<f64>>());
    let moves = record.unknowns.iter().map(|unknown| {
        let of =
            |(moved, own): (&MovedTrial, &f64)| Move { figure: value(&moved.trial) - own, draw: moved.to - moved.from };
        unknown.moved.iter().zip(&own).map(of).collect()
    });
    let shares = UnknownShare::of(&own, &crossed, &moves.collect::<Vec<_>>()).unwrap();
    (record, shares)
}

/// What is delivered is the sum of two uniform draws, one twice as wide as the other: four fifths and one fifth.
#[test]
fn what_each_limit_is_behind_is_what_can_be_worked_out() {
    let (record, shares) = shares(1, 20);
    let names: Vec<(usize, &str)> =
        record.unknowns.iter().map(|unknown| (unknown.provider, unknown.name.as_str())).collect();
    assert_eq!(names, [(0, "tries"), (0, "hour"), (0, "far"), (1, "tries"), (1, "hour"), (1, "far")]);
    let [wide, narrow] = [shares[1], shares[4]];
    assert!((wide.share / narrow.share - 4.0).abs() < 0.1, "{shares:?}");
    assert!(wide.interval.0 <= 0.8 && 0.8 <= wide.interval.1 && wide.share > 0.65, "{shares:?}");
    assert!(narrow.interval.0 <= 0.2 && 0.2 <= narrow.interval.1 && narrow.share < 0.3, "{shares:?}");
    let moved = [0, 2].map(|place| record.unknowns[place].moved.len());
    assert_eq!(moved, [10, 0], "what refuses nothing is not tried");
    for place in [0, 2, 3, 5] {
        assert!(shares[place].share == 0.0 && shares[place].interval.1 < 0.31, "{place}: {shares:?}");
    }
}

/// A limit that is moved to its own seed's number is where it was: nothing changes.
#[test]
fn to_know_what_is_drawn_anyway_changes_nothing() {
    let scenario = scenario();
    let before = lab::trials(&scenario, 3);
    let mut known = scenario.clone();
    for unknown in scenario.unknowns() {
        known = known.knowing(unknown, Seed(3));
    }
    assert!(!known.has_unknowns());
    assert_eq!(lab::trials(&known, 3)[0].hash, before[0].hash);
    assert_ne!(lab::trials(&known, 4)[0].cells[0].totals, lab::trials(&scenario, 4)[0].cells[0].totals);
}
