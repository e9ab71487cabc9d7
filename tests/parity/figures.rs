//! Figures of whole scenarios. They take minutes of wall-clock time and a machine with nothing else to do, one after
//! the other: `cargo test --release --test parity -- --ignored --nocapture --test-threads 1`.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use mxlab::dist::Dist;
use mxlab::live::{ClientOptions, Receivers, Speed};
use mxlab::record::{LatencyPhase, Record, Trial};
use mxlab::scenario::{Scenario, load};
use mxlab::study::{LiveRun, RunOptions, run, run_live};
use mxlab::time::Span;

/// How far a figure of the one world may be from that of the other.
const WITHIN: f64 = 0.02;

fn scenario(name: &str, strategy: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name).with_extension("toml");
    let mut scenario = load(&path).unwrap_or_else(|wrong| panic!("{wrong}"));
    scenario.strategies.retain(|known| known.name == strategy);
    assert_eq!(scenario.strategies.len(), 1, "{name} has a strategy {strategy}");
    scenario.expectations.clear();
    scenario
}

fn options(scenario: &Scenario, threads: usize) -> RunOptions {
    let (first_seed, strategies) = (scenario.seed, Vec::new());
    RunOptions { first_seed, seeds: 1, threads, bound: false, strategies, spread: false }
}

fn live(scenario: &Scenario, speed: f64) -> LiveRun {
    let client_options = ClientOptions::new("mxlab.test".parse().unwrap());
    let (speed, never) = (Speed::new(speed).unwrap(), AtomicBool::new(false));
    run_live(scenario, &options(scenario, 1), &Receivers::Cluster, speed, &client_options, &|_| {}, &never).unwrap()
}

fn simulated(scenario: &Scenario) -> Record {
    run(scenario, &options(scenario, 1), &|_| {}, &AtomicBool::new(false)).unwrap()
}

/// Runs a strategy of a scenario in both worlds and compares.
///
/// When the last message is through is a matter of which one came when to a connection that was full, three times or
/// four, and round trips that differ by three parts in a thousand can move it by minutes. On the wire no two
/// connections have the same. So that one figure, and no other, is compared with what the simulation makes of round
/// trips that are drawn for each connection, again and again ([`DRAWN_APART`]).
fn same(name: &str, strategy: &str, speed: f64, shorten: impl Fn(&mut Scenario)) {
    let mut scenario = scenario(name, strategy);
    shorten(&mut scenario);
    let LiveRun { record: wired, latencies, .. } = live(&scenario, speed);
    assert_eq!((&wired.halted, wired.own_failures().is_empty()), (&None, true), "this machine had what it took");
    // MAIL, RCPT and DATA in one go, and the replies to them: a round trip, with what both ends do about it.
    let round_trip = latencies[0].latencies.of(LatencyPhase::Mail).value_at_quantile(0.5) as f64 * speed;
    let real = &wired.trials[0];
    let span = |part: f64| Span::from_secs_f64(part * round_trip / 1e6);
    let mut with = |rtt: Dist| {
        scenario.network.rtt = rtt;
        figures(real, &simulated(&scenario).trials[0])
    };
    let middle = with(Dist::Constant(span(1.0)));
    let drawn = DRAWN_APART.map(|percent| f64::from(percent) / 100.0);
    let drawn: Vec<_> = drawn.map(|apart| with(Dist::Uniform(span(1.0 - apart), span(1.0 + apart)))).collect();
    let mut wrong = Vec::new();
    eprintln!("{name}, {strategy}: round trip {:.1} ms", round_trip / 1e3);
    for (what, real, simulated, room) in &middle {
        let ends = |other: &&(String, f64, f64, f64)| other.0 == *what && what == LAST;
        let mut others: Vec<f64> = drawn.iter().flatten().filter(ends).map(|other| other.2).collect();
        others.sort_by(f64::total_cmp);
        // One of twenty may end by chance when no other does.
        let [least, most] = if let [_, least, .., most, _] = *others { [least, most] } else { [*simulated; 2] };
        let near = *real >= least - WITHIN * least - room && *real <= most + WITHIN * most + room;
        let mark = if near { "" } else { "  <-- apart" };
        eprintln!("  {what}: {real} on sockets, {simulated} simulated ({least} to {most}){mark}");
        if !near {
            wrong.push(what.clone());
        }
    }
    assert!(wrong.is_empty(), "{name}, {strategy}: the worlds differ in {wrong:?}");
}

/// How far from the median that was measured the round trips of connections are drawn, in hundredths of it.
const DRAWN_APART: RangeInclusive<i32> = 5..=25;

/// What is compared otherwise than all else.
const LAST: &str = "seconds to 100 %";

/// What is compared: a name, both values, and how much they may differ whatever their size. One message of a thousand
/// may come on this or that side of a boundary.
fn figures(real: &Trial, simulated: &Trial) -> Vec<(String, f64, f64, f64)> {
    let totals = |trial: &Trial| trial.cells[0].totals;
    let few = totals(simulated).injected as f64 * 0.001;
    let mut all = vec![("accepted".to_owned(), totals(real).delivered as f64, totals(simulated).delivered as f64, 0.0)];
    let replies = real.cells[0].replies.iter().chain(&simulated.cells[0].replies);
    let mut texts: Vec<&str> = replies.map(|reply| reply.text.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    for text in texts {
        let count = |trial: &Trial| {
            trial.cells[0].replies.iter().filter(|reply| reply.text == text).map(|reply| reply.count).sum::<u64>()
                as f64
        };
        all.push((text.to_owned(), count(real), count(simulated), few));
    }
    // A second: what the clock of the sender and that of the provider may disagree about a boundary.
    let moments = real.reached_us.iter().zip(&simulated.reached_us).zip(["50 %", "90 %", "99 %", "100 %"]);
    for ((real, simulated), share) in moments {
        let secs = |at: &Option<u64>| at.map_or(f64::INFINITY, |at| at as f64 / 1e6);
        if real.is_some() || simulated.is_some() {
            all.push((format!("seconds to {share}"), secs(real), secs(simulated), 1.0));
        }
    }
    all
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn hourly_limit_unpaced() {
    same("hourly-limit", "unpaced", 100.0, |_| {});
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn hourly_limit_by_the_hour() {
    same("hourly-limit", "by the hour", 60.0, |_| {});
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn hourly_limit_evenly() {
    same("hourly-limit", "evenly", 120.0, |_| {});
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn hourly_limit_with_a_burst() {
    same("hourly-limit", "with a burst", 100.0, |_| {});
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn yahoo_twenty_a_hundred() {
    same("yahoo-twenty", "a hundred", 20.0, |_| {});
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn yahoo_twenty_twenty() {
    same("yahoo-twenty", "twenty", 20.0, |_| {});
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn yahoo_twenty_on_ten() {
    same("yahoo-twenty", "twenty on ten", 20.0, |_| {});
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn charter_concurrency_throttled_rate() {
    same("charter-concurrency", "throttled-rate", 20.0, an_hour);
}

#[test]
#[ignore = "minutes of wall-clock time, and a quiet machine"]
fn charter_concurrency_ten_connections() {
    same("charter-concurrency", "ten-connections", 20.0, an_hour);
}

/// An hour of the three, for all of it is alike; and slow enough that a wait that ends a millisecond late, as waits do
/// of wall-clock time, is a hundredth of a message's two seconds.
fn an_hour(scenario: &mut Scenario) {
    scenario.duration = Span::HOUR;
}
