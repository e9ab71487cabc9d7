//! A swarm of scenarios drawn from seeds, run to their ends with every checker on. Nothing they say makes sense, all of
//! it is allowed: recipients are conserved, no window is exceeded, no gauge is above its limit at any moment, time does
//! not go back, nothing happens on what is closed, the sums add up, nothing goes round in circles, and twice is the
//! same.
//!
//! The checkers read what an observer wrote down, word by word (`swarm/log.rs`), and count everything again;
//! `swarm/broken.rs` shows that each of them can fail.
//!
//! `MXLAB_SEED=17 cargo test --test swarm` runs one seed and says where its files are; `MXLAB_SWARM=5000` runs more.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "swarm/broken.rs"]
mod broken;
#[path = "swarm/checks.rs"]
mod checks;
#[path = "swarm/connections.rs"]
mod connections;
#[path = "swarm/draws.rs"]
mod draws;
#[path = "swarm/log.rs"]
mod log;
#[path = "swarm/naive.rs"]
mod naive;
#[path = "swarm/profile.rs"]
mod profile;
#[path = "swarm/recipients.rs"]
mod recipients;
#[path = "swarm/scenario.rs"]
mod scenario;
#[path = "support/scenario.rs"]
mod scenario_text;
#[path = "swarm/windows.rs"]
mod windows;

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use log::Log;
use mxlab::parallel;
use mxlab::record::Trial;
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::sender::Strategy;
use mxlab::sim;
use mxlab::trial::TrialInput;
use mxlab::workload::{Mail, generate};

#[test]
fn swarm_of_scenarios_conserves_recipients_and_keeps_every_limit() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let trials = number("MXLAB_SWARM").unwrap_or(200);
    let stop = watchdog(Duration::from_secs(120 + trials / 5));
    if let Some(seed) = number("MXLAB_SEED") {
        run(seed, &stop);
        eprintln!("seed {seed} is well; its scenario: {}", save(seed));
        return;
    }
    let seeds: Vec<u64> = (0..trials).collect();
    let outcomes: Vec<Result<Seen, String>> = parallel::map(&seeds, parallel::cores(), |&seed| {
        catch_unwind(AssertUnwindSafe(|| run(seed, &stop))).map_err(|why| told(seed, why.as_ref()))
    });
    let failed: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err().map(String::as_str)).collect();
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
    // A swarm in which something never happens says nothing about it.
    let mut seen = Seen::new();
    for (what, count) in outcomes.into_iter().flatten().flatten() {
        *seen.entry(what).or_default() += count;
    }
    let never: Vec<_> = seen.iter().filter(|(_, count)| **count == 0).collect();
    assert!(trials < 200 || never.is_empty(), "never happened: {never:?}, of {seen:?}");
}

/// How often what happened.
type Seen = BTreeMap<&'static str, u64>;

/// What went wrong under a seed, and how to see it again.
fn told(seed: u64, why: &(dyn Any + Send)) -> String {
    let why = why.downcast_ref::<String>().map(String::as_str).or(why.downcast_ref::<&str>().copied());
    let replay = format!("MXLAB_SEED={seed} cargo test --test swarm");
    format!("{replay}\n  {}\n  scenario: {}", why.unwrap_or_default(), save(seed))
}

/// Runs every strategy of a seed's scenario twice, once under the eyes of an observer, and checks what comes out.
fn run(seed: u64, stop: &AtomicBool) -> Seen {
    let (text, files) = scenario::scenario(seed);
    let scenario = read(&text, &files);
    let mail = generate(&scenario.workload, Seed(seed)).unwrap();
    let mut happened = Seen::new();
    for strategy in &scenario.strategies {
        let (first, log) = observed_trial(&scenario, strategy, seed, &mail, stop);
        checks::check(&scenario, &mail, &first);
        let recounted = connections::check(&log)
            .and_then(|()| recipients::check(&log, &first, mail.rows.len(), strategy.oracle))
            .and_then(|()| windows::check(&scenario, &log));
        let [passed, refused] = recounted.unwrap_or_else(|wrong| panic!("{}: {wrong}", strategy.name));
        *happened.entry("passed a limit that was recounted").or_default() += passed;
        *happened.entry("refused by a limit that was recounted").or_default() += refused;
        assert_eq!(first, trial(&scenario, strategy, seed, &mail, stop), "{}: not the same twice", strategy.name);
        checks::count(&first, &mut happened);
    }
    happened
}

fn read(text: &str, files: &BTreeMap<String, String>) -> Scenario {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    scenario_text::scenario("swarm.toml", text, &files)
}

fn trial(scenario: &Scenario, strategy: &Strategy, seed: u64, mail: &Mail, stop: &AtomicBool) -> Trial {
    let trial = sim::trial(TrialInput { scenario, strategy, seed, unknowns: seed, mail }, stop);
    let trial = trial.unwrap_or_else(|broken| panic!("{broken}"));
    trial.unwrap_or_else(|| panic!("{}: goes round in circles", strategy.name))
}

/// A trial, and every event of it.
fn observed_trial(scenario: &Scenario, strategy: &Strategy, seed: u64, mail: &Mail, stop: &AtomicBool) -> (Trial, Log) {
    let log = Rc::new(RefCell::new(Log::default()));
    let trial = sim::observed_trial(TrialInput { scenario, strategy, seed, unknowns: seed, mail }, stop, log.clone());
    let trial = trial.unwrap_or_else(|broken| panic!("{broken}"));
    (trial.unwrap_or_else(|| panic!("{}: goes round in circles", strategy.name)), log.take())
}

/// Stops what does not end by itself: two hundred trials together take seconds.
#[allow(clippy::disallowed_methods, reason = "a watchdog measures wall-clock time, from outside the worlds")]
fn watchdog(patience: Duration) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let rings = Arc::clone(&stop);
    thread::spawn(move || {
        thread::sleep(patience);
        rings.store(true, Ordering::Relaxed);
    });
    stop
}

/// Writes a seed's scenario and profiles where they can be looked at and run.
fn save(seed: u64) -> String {
    let (text, files) = scenario::scenario(seed);
    let dir = std::env::temp_dir().join(format!("mxlab-swarm-{seed}"));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("scenario.toml"), text).unwrap();
    for (name, text) in files {
        fs::write(dir.join(name), text).unwrap();
    }
    dir.join("scenario.toml").display().to_string()
}
