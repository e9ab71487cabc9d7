//! What the simulator asks of the memory: nothing for an event once it is warm, and at most 32 bytes for a recipient
//! that waits, its row in the table of mail included.
//!
//! Counted by an allocator that sees every request of this thread. It knows no growing in place: a vector that grows
//! is charged with its old and its new room at the same time, which is the most that any allocator would need.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "support/scenario.rs"]
mod scenario_text;

use std::sync::atomic::AtomicBool;

use allocation_counter::{AllocationInfo, measure};
use mxlab::record::Trial;
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::sim::trial;
use mxlab::trial::TrialInput;
use mxlab::workload::{Mail, generate};

/// What a recipient that waits may cost.
const BYTES_PER_RECIPIENT_MAX: f64 = 32.0;

/// Of so many events more, one may find a vector, a log or a series too short.
const EVENTS_PER_ALLOCATION_MIN: u64 = 2_000;

/// A queue that is longer than ever before asks for room for so many deliveries at a time.
const CHUNK: u64 = 32;

/// Mail that comes in as fast as it goes out, to a list of limited size: a world that has seen everything after a day.
fn steady(profile: &str, preset: &str, hours: u32) -> Scenario {
    scenario(&format!(
        r#"
duration = "{hours}h"
[[provider]]
profile = "{profile}"
[[source]]
ip = "192.0.2.1"
count = 2
reputation = 0.6
daily-volume = 20000
[[stream]]
arrivals = {{ poisson = {{ per-hour = 600 }} }}
recipients-per-message = [1, 3]
list = {{ addresses = 200, unknown = 0.01, complaints = 0.001 }}
[network]
rtt = {{ log-normal = {{ median = "40ms", sigma = 0.3 }} }}
reset = 0.01
bad-hosts = 0.02
[[strategy]]
preset = "{preset}"
"#
    ))
}

#[test]
fn charter_costs_no_allocation_per_event() {
    costs_nothing_per_event("charter");
}

#[test]
fn gmail_costs_no_allocation_per_event() {
    costs_nothing_per_event("gmail");
}

#[test]
fn microsoft_costs_no_allocation_per_event() {
    costs_nothing_per_event("microsoft");
}

#[test]
fn yahoo_costs_no_allocation_per_event() {
    costs_nothing_per_event("yahoo");
}

fn costs_nothing_per_event(profile: &str) {
    for preset in ["fixed", "paced", "backoff", "aimd", "oracle"] {
        let count = |hours| {
            let scenario = steady(profile, preset, hours);
            let mail = generate(&scenario.workload, Seed(1)).unwrap();
            let (asked, trial) = counted(|| run(&scenario, &mail));
            (asked.count_total, trial.events, most_queued(&trial))
        };
        let ((few, short, before), (many, long, queued)) = (count(20), count(120));
        let growth = (long - short) / EVENTS_PER_ALLOCATION_MIN + queued.saturating_sub(before) / CHUNK;
        assert!(long > 5 * short, "{profile}, {preset}: {short} and {long} events");
        assert!(
            many <= few + growth,
            "{profile}, {preset}: {few} allocations for {short} events and {before} queued, {many} for {long} and {queued}"
        );
    }
}

/// The most recipients in the queue at the end of any bucket.
fn most_queued(trial: &Trial) -> u64 {
    let series = &trial.cells[0].series;
    series.held_back.iter().zip(&series.waiting).map(|(ready, delayed)| ready + delayed).max().unwrap_or(0)
}

/// One more than a power of two: where a vector that doubles has just doubled.
const RECIPIENTS: u32 = (1 << 20) + 1;

/// Everything is ready at once and waits for its turn.
#[test]
fn ready_mail_costs_at_most_32_bytes_a_recipient() {
    let scenario = waiting(r#"pacing = { token-bucket = { messages = 100, per = "1s", burst = 1 } }"#, "1h");
    let (bytes, trial) = bytes_per_recipient(&scenario);
    assert!(trial.cells[0].totals.queued > 0, "some mail still waits");
    assert!(bytes <= BYTES_PER_RECIPIENT_MAX, "{bytes:.1} bytes a recipient");
}

/// Everything is refused once, and waits for its retry.
#[test]
fn delayed_mail_costs_at_most_32_bytes_a_recipient() {
    let scenario = waiting(r#"retry = { list = ["6h"] }"#, "5h");
    let (bytes, trial) = bytes_per_recipient(&scenario);
    let totals = &trial.cells[0].totals;
    assert_eq!((totals.deferred, totals.queued), (u64::from(RECIPIENTS), u64::from(RECIPIENTS)));
    assert!(bytes <= BYTES_PER_RECIPIENT_MAX, "{bytes:.1} bytes a recipient");
}

/// Everything is refused again and again, and goes back and forth between ready and delayed, much of it at one moment.
#[test]
fn mail_on_its_way_from_delayed_to_ready_costs_at_most_32_bytes_a_recipient() {
    let scenario = waiting(r#"retry = { list = ["20min"] }"#, "2h");
    let (bytes, trial) = bytes_per_recipient(&scenario);
    assert!(trial.cells[0].totals.deferred > 3 * u64::from(RECIPIENTS), "tried several times");
    assert!(bytes <= BYTES_PER_RECIPIENT_MAX, "{bytes:.1} bytes a recipient");
}

/// A provider that refuses everything, and a campaign to it.
fn waiting(strategy: &str, duration: &str) -> Scenario {
    scenario(&format!(
        r#"
duration = "{duration}"
[[provider]]
profile = "shut.toml"
[[source]]
ip = "192.0.2.1"
count = 8
[[stream]]
arrivals = {{ at-once = {{ recipients = {RECIPIENTS} }} }}
[network]
rtt = "20ms"
[[strategy]]
preset = "fixed"
concurrency = {{ fixed = 100 }}
{strategy}
"#
    ))
}

/// The most bytes that are asked for at any moment, from the making of the mail to the end of the trial.
fn bytes_per_recipient(scenario: &Scenario) -> (f64, Trial) {
    let (asked, trial) = counted(|| run(scenario, &generate(&scenario.workload, Seed(1)).unwrap()));
    (asked.bytes_max as f64 / f64::from(RECIPIENTS), trial)
}

fn counted<T>(work: impl FnOnce() -> T) -> (AllocationInfo, T) {
    let mut result = None;
    let asked = measure(|| result = Some(work()));
    (asked, result.unwrap())
}

fn run(scenario: &Scenario, mail: &Mail) -> Trial {
    let input = TrialInput { scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail };
    trial(input, &AtomicBool::new(false)).unwrap().unwrap()
}

/// A provider that refuses every client.
const SHUT: &str = r#"
name = "shut"
title = "Shut"
domains = ["shut.example"]
mx = ["mx.shut.example"]
about = "No real provider."
[reply.shut]
code = 421
text = "Try again later"
[rule.shut]
at = "connect"
check = "always"
answer = { reply = "shut" }
"#;

fn scenario(text: &str) -> Scenario {
    scenario_text::scenario("allocations.toml", text, &[("shut.toml", SHUT)])
}
