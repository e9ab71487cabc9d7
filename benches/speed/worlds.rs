//! The worlds that are measured: Charter with all its rules and eight sources, recording on.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use mxlab::diagnostic::Document;
use mxlab::rng::Seed;
use mxlab::scenario::{Scenario, load, parse};
use mxlab::sender::Strategy;
use mxlab::sim::trial;
use mxlab::study::{self, RunOptions};
use mxlab::trial::TrialInput;
use mxlab::workload::generate;

use crate::Done;

/// How Charter's limits meet the mail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Every rule is asked, and hardly any refuses.
    Wide,
    /// Messages and recipients an hour are as the profile has them: most of a burst is deferred, again and again. There
    /// is no time-out, whose 550 would lose part of it.
    Bite,
}

/// Charter's limits that a campaign meets. The first is wide for a burst too, which comes back on new connections.
const MET: [&str; 5] = ["connection-rate", "unknown-rate", "message-rate", "recipient-rate", "connections"];

/// A campaign to Charter from eight sources.
pub(crate) fn campaign(recipients: u64, limits: Limits) -> Scenario {
    let (wide, duration) = match limits {
        Limits::Wide => (&MET[..], "30d"),
        Limits::Bite => (&MET[..1], "12h"),
    };
    let set = wide.iter().map(|rule| format!("rule.{rule}.limit = 10000000\n")).collect::<Vec<_>>().concat();
    let time_out = limits == Limits::Wide;
    let text = format!(
        r#"
duration = "{duration}"
[[provider]]
profile = "charter"
[provider.set]
{set}rule.time-out.enabled = {time_out}
[[source]]
ip = "192.0.2.1"
count = 8
reputation = 0.9
daily-volume = 4000000
[[stream]]
arrivals = {{ at-once = {{ recipients = {recipients} }} }}
list = {{ unknown = 0.001, complaints = 0.0001, engaged = 0.3 }}
[[strategy]]
preset = "fixed"
concurrency = {{ fixed = 10 }}
"#
    );
    let files = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    parse(&Document::new("bench", text), Path::new(""), &files).unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

/// A campaign to many small providers: two million recipients at thirty of them from a hundred sources may want 60,000
/// connections or more at once, where a sender opens 20,000; each provider takes ten connections and sixty messages an
/// hour from an IP, so that most mail comes back several times.
pub(crate) fn many_sites(preset: &str, sites: usize, sources: usize, recipients: u64) -> Scenario {
    let site =
        |n| format!("[[provider]]\nprofile = \"small.toml\"\nname = \"p{n}\"\ndomains = {{ \"p{n}.example\" = 1 }}\n");
    let providers = (0..sites).map(site).collect::<Vec<_>>().concat();
    let text = format!(
        "duration = \"24h\"\n{providers}[[source]]\nip = \"198.18.0.1\"\ncount = {sources}\n[[stream]]\narrivals = \
         {{ at-once = {{ recipients = {recipients} }} }}\nlist = {{ unknown = 0.01 }}\n[[strategy]]\npreset = \
         \"{preset}\"\n"
    );
    let files = |_: &Path| Ok(SMALL.to_owned());
    parse(&Document::new("bench", text), Path::new(""), &files).unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

/// A provider with two limits.
const SMALL: &str = r#"
name = "small"
title = "Small"
domains = ["small.example"]
mx = ["mx.small.example"]
about = "No real provider."
[service]
per-message = { log-normal = { median = "200ms", sigma = 0.4 } }
per-recipient = "5ms"
[reply.connections]
code = 421
enhanced = "4.7.0"
text = "Too many connections from {ip}"
[reply.rate]
code = 450
enhanced = "4.7.1"
text = "Too many messages from {ip} this hour"
[rule.connections]
at = "connect"
per = "client-ip"
count = "open-connections"
window = "gauge"
limit = 10
answer = { reply = "connections", close = true }
[rule.rate]
at = "mail"
per = "client-ip"
count = "messages"
window = { fixed = "1h" }
limit = 60
answer = { reply = "rate" }
"#;

/// One trial of every strategy in the file.
pub(crate) fn replay(path: &Path) {
    let scenario = load(path).unwrap_or_else(|wrong| panic!("{wrong}"));
    for strategy in &scenario.strategies {
        one(&scenario, strategy);
    }
}

/// One trial of the first strategy.
pub(crate) fn run(scenario: &Scenario) -> Done {
    one(scenario, &scenario.strategies[0])
}

/// Makes the mail and runs the trial, as `mxlab run` does for each.
fn one(scenario: &Scenario, strategy: &Strategy) -> Done {
    let mail = generate(&scenario.workload, Seed(1)).expect("the mail fits");
    let input = TrialInput { scenario, strategy, seed: 1, unknowns: 1, mail: &mail };
    let trial = trial(input, &AtomicBool::new(false)).expect("recipients are conserved").expect("it is not stopped");
    trial.cells.iter().fold(Done::default(), |sum, cell| Done {
        attempts: sum.attempts + cell.totals.attempts,
        deferred: sum.deferred + cell.totals.deferred,
    })
}

/// Seconds of wall-clock time for so many trials on so many threads.
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
pub(crate) fn study(trials: u32, recipients: u64, threads: usize) -> f64 {
    let scenario = campaign(recipients, Limits::Wide);
    let options =
        RunOptions { first_seed: 1, seeds: trials, threads, bound: false, spread: false, strategies: Vec::new() };
    let began = Instant::now();
    study::run(&scenario, &options, &|_| {}, &AtomicBool::new(false)).expect("recipients are conserved");
    began.elapsed().as_secs_f64()
}
