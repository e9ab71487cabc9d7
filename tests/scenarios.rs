//! The scenarios of this repository, run as they are: their expectations hold, and the reference results are what comes
//! out.
//!
//! `MXLAB_BLESS=1 cargo test --test scenarios` writes the reference results again; look at what changed before you
//! commit it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread;

use mxlab::record::{Machine, Record, RunProvenance};
use mxlab::report;
use mxlab::scenario::sweep::Sweep;
use mxlab::scenario::{self, Draft, Scenario};
use mxlab::study::{self, SweepPlan};

/// What is kept of a run, where it is kept.
const KEPT: [&str; 4] = ["run.json", "summary.json", "summary.csv", "replies.csv"];

/// The scenario whose plots are kept too, and these plots: the README shows them.
const SHOWN: (&str, [&str; 2]) = ("quickstart", ["plots/delivered.svg", "plots/trade-off.svg"]);

/// What is kept of a sweep, for the scenarios that have one.
const KEPT_OF_SWEEP: [&str; 4] = ["run.json", "sweep.csv", "plots/deferral-curve.svg", "plots/goodput.svg"];

/// A hash of everything that happened in every trial.
const HASHES: &str = "hashes.txt";

#[test]
fn charter_concurrency() {
    check("charter-concurrency");
}

#[test]
fn hourly_limit() {
    check("hourly-limit");
}

#[test]
fn microsoft_reputation() {
    check("microsoft-reputation");
}

#[test]
fn quickstart() {
    check("quickstart");
}

#[test]
fn recipients_per_message() {
    check("recipients-per-message");
}

#[test]
fn postfix_limit() {
    check("postfix-limit");
}

#[test]
fn postfix_scheduler() {
    check("postfix-scheduler");
}

#[test]
fn sweep_charter() {
    check("sweep-charter");
}

#[test]
fn stage_matters() {
    check("stage-matters");
}

#[test]
fn stampede() {
    check("stampede");
}

#[test]
fn warm_up() {
    check("warm-up");
}

#[test]
fn yahoo_twenty() {
    check("yahoo-twenty");
}

/// Every scenario has a test above, and reference results; nothing else has.
#[test]
fn every_scenario_is_checked() {
    let this = include_str!("scenarios.rs");
    for name in names("scenarios", "toml") {
        assert!(this.contains(&format!("    check(\"{name}\");")), "tests/scenarios.rs does not check {name}");
    }
    assert_eq!(names("results", ""), names("scenarios", "toml"), "results/ and scenarios/ do not match");
}

/// Reference results are for reading: they stay small.
#[test]
fn reference_results_are_small() {
    let mut total = 0;
    for name in names("results", "") {
        let mut folders = vec![reference(&name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    total += entry.metadata().unwrap().len();
                }
            }
        }
    }
    assert!(total < 2_000_000, "results/ has {total} bytes");
}

/// Runs a scenario as its file says, and compares.
fn check(name: &str) {
    let path = root().join(format!("scenarios/{name}.toml"));
    let scenario = scenario::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
    let record = run(&scenario);
    let mut results = Results::of(&scenario, &record);
    if let Some(sweep) = &scenario.sweep {
        results.sweep(&path, sweep, &scenario);
    }
    if std::env::var_os("MXLAB_BLESS").is_some() {
        results.keep(name);
    }
    for expected in &record.expected {
        assert!(expected.met, "{name}: an expectation is missed: {expected:?}");
    }
    assert!(!record.expected.is_empty(), "{name} expects nothing");
    results.compare(name);
}

fn run(scenario: &Scenario) -> Record {
    study::run(scenario, &options(scenario, true), &|_| {}, &AtomicBool::new(false)).unwrap()
}

fn options(scenario: &Scenario, bound: bool) -> study::RunOptions {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let seeds = (scenario.seed, scenario.seeds);
    study::RunOptions { first_seed: seeds.0, seeds: seeds.1, threads, bound, spread: bound, strategies: Vec::new() }
}

/// The files of a run that are kept.
struct Results {
    files: Vec<(String, Vec<u8>)>,
}

impl Results {
    /// What `mxlab run` would write, but for which unknown matters, and the hashes.
    fn of(scenario: &Scenario, record: &Record) -> Self {
        let folder = tempfile::tempdir().unwrap();
        report::write_all(&report::Analysis::of(record), &provenance(scenario, "run"), folder.path()).unwrap();
        let shown = if scenario.name == SHOWN.0 { &SHOWN.1[..] } else { &[] };
        let read = |file: &&str| ((*file).to_owned(), fs::read(folder.path().join(file)).unwrap());
        let mut files: Vec<_> = KEPT.iter().chain(shown).map(read).collect();
        let hashes = record.trials.iter().map(|trial| format!("{} {} {}\n", trial.hash, trial.seed, trial.strategy));
        files.push((HASHES.to_owned(), hashes.collect::<String>().into_bytes()));
        Self { files }
    }

    /// Adds what `mxlab sweep` would write.
    fn sweep(&mut self, path: &Path, sweep: &Sweep, scenario: &Scenario) {
        let points = Draft::open(path).unwrap().points(sweep).unwrap();
        let plan = SweepPlan { base: scenario.clone(), sweep: sweep.clone(), points };
        let record = study::sweep(&plan, &options(scenario, false), &|_| {}, &AtomicBool::new(false)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        report::write_sweep(&record, &provenance(scenario, "sweep"), folder.path()).unwrap();
        let read = |file: &&str| (format!("sweep/{file}"), fs::read(folder.path().join(file)).unwrap());
        self.files.extend(KEPT_OF_SWEEP.iter().map(read));
    }

    fn keep(&self, name: &str) {
        for (file, bytes) in &self.files {
            let path = reference(name).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    fn compare(&self, name: &str) {
        let differ: Vec<&str> = self
            .files
            .iter()
            .filter(|(file, bytes)| fs::read(reference(name).join(file)).ok().as_ref() != Some(bytes))
            .map(|(file, _)| file.as_str())
            .collect();
        assert!(
            differ.is_empty(),
            "results/{name}/reference differs from what a run gives now: {}. If that is meant, write it anew with \
             `MXLAB_BLESS=1 cargo test --test scenarios` and commit what changed.",
            differ.join(", ")
        );
    }
}

/// Where reference results come from: the same on every machine.
fn provenance(scenario: &Scenario, command: &str) -> RunProvenance {
    RunProvenance {
        format: Record::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        scenario_hash: format!("{:016x}", scenario.hash),
        command: format!("mxlab {command} scenarios/{}.toml", scenario.name),
        seed: scenario.seed,
        seeds: scenario.seeds,
        machine: Machine { os: "any".to_owned(), arch: "any".to_owned(), cores: 1 },
    }
}

/// Names in a folder, without the extension.
fn names(folder: &str, extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let wanted = |path: &PathBuf| path.extension().map_or("", |found| found.to_str().unwrap()) == extension;
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let reference = |path: &PathBuf| extension == "toml" || path.join("reference").is_dir();
    entries.filter(wanted).filter(reference).map(stem).collect()
}

fn reference(name: &str) -> PathBuf {
    root().join("results").join(name).join("reference")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
