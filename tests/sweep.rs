//! Sweeps: against theory where there is one, from file to answer, and on the command line.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "cli/command.rs"]
mod command;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use command::{are_refused, code, mxlab, stderr, stdout};
use mxlab::metric::Metric;
use mxlab::record::{SweepFigure, SweepRecord};
use mxlab::scenario::Draft;
use mxlab::stats::Estimate;
use mxlab::study::{self, RunOptions, SweepPlan};
use tempfile::TempDir;

/// A provider with room for ten connections of two seconds and five round trips each, and a sender that opens one for
/// every message as it comes: Erlang's loss system. Retries come after the end.
const ERLANG: &str = r#"# From which rate on does a provider with room for ten connections refuse more than one in a hundred?
seeds = 10
duration = "1h"
network = { rtt = "1ms" }
source = [{ ip = "192.0.2.1", reputation = 0.9, daily-volume = 1_000_000 }]
stream = [{ arrivals = { poisson = { per-hour = 20000 } } }]
[[provider]]
profile = "charter"
[provider.set]
rule.connections.limit = 10
rule.connection-rate.enabled = false
rule.message-rate.enabled = false
rule.recipient-rate.enabled = false
service.per-message = { exponential = "2s" }
service.per-recipient = "0s"
[[strategy]]
preset = "fixed"
concurrency = "unlimited"
session = { messages-per-connection = 1, idle = "0s" }
retry = { list = ["6h"], give-up = "5d" }
[sweep]
over = "stream.0.arrivals.poisson.per-hour"
values = "3600..32400:3600"
"#;

/// How long a connection of that provider is open, in seconds.
const HELD: f64 = 2.0 + 5.0 * 0.001;

/// The share that is refused where `room` connections have room and `load` would be open on average (Erlang, 1917).
fn erlang_b(room: u32, load: f64) -> f64 {
    (1..=room).fold(1.0, |refused, n| load * refused / (f64::from(n) + load * refused))
}

#[test]
fn a_sweep_over_the_rate_is_erlangs_curve() {
    assert!((erlang_b(10, 4.461) - 0.01).abs() < 1e-5, "the published table: 4.461 erlang for 1 % at 10 lines");
    let record = swept(ERLANG, 2);
    assert!(!record.partial);
    for (place, value) in record.values.iter().enumerate() {
        let load = value.x / 3_600.0 * HELD;
        let expected = erlang_b(10, load);
        let estimate = mean(&record, SweepFigure::Of(Metric::DeferralShare), place);
        // Nine intervals at once: a 95 % interval for all of them is one of 99.4 % for each, by Bonferroni; Student's t
        // with 9 degrees of freedom has its quantile at 3.64 there, at 2.262 for 95 %.
        let half = estimate.half.unwrap() * 3.64 / 2.262;
        assert!(
            (estimate.mean - expected).abs() <= half,
            "{} an hour are {load:.2} erlang: {:.5} refused, not {expected:.5} ± {half:.5}",
            value.text,
            estimate.mean,
        );
        // What is offered is what comes, and what is carried is what is not refused.
        let (offered, goodput) =
            (mean(&record, SweepFigure::OfferedPerHour, place), mean(&record, SweepFigure::GoodputPerHour, place));
        assert!((offered.mean / value.x - 1.0).abs() < 0.02, "{} an hour: {offered:?} offered", value.text);
        assert!((goodput.mean / value.x - (1.0 - expected)).abs() < 0.02, "{} an hour: {goodput:?}", value.text);
    }
    let found = record.found_for(0, None).unwrap();
    let safe = found.safe.as_ref().unwrap();
    // 1 % are refused at 4.461 erlang, 8,010 an hour: above 7,200, below 10,800.
    assert!(safe.low_is_safe);
    assert_eq!((safe.every, safe.median, safe.interval), (2, 2, Some((2, 2))), "{safe:?}");
    assert_eq!(record.values[safe.every - 1].text, "7200");
    // Ten connections of 2.005 s carry 17,955 an hour at the most: the knee cannot be far from there.
    let knee = record.values[found.knee.as_ref().unwrap().value].x;
    assert!((14_400.0..=21_600.0).contains(&knee), "{knee}");
}

#[test]
fn threads_change_nothing() {
    assert_eq!(swept(SMALL, 1), swept(SMALL, 3));
}

#[test]
fn what_the_value_does_not_concern_is_the_same_everywhere() {
    let record = swept(SMALL, 2);
    assert_eq!(record.concerned, [true, false]);
    let hashes = |strategy: usize, value: usize| -> Vec<&str> {
        let trials = record.trials.iter().filter(|trial| trial.strategy == strategy && trial.value == value);
        trials.map(|trial| trial.hash.as_str()).collect()
    };
    assert_eq!(hashes(1, 0), hashes(1, 2));
    assert_ne!(hashes(0, 0), hashes(0, 2));
    // It is as if the scenario had been written with the value, and run.
    let home = home();
    let text = SMALL.replace("concurrency = { fixed = 1 }", "concurrency = { fixed = 8 }");
    fs::write(home.path().join("written.toml"), text).unwrap();
    let scenario = mxlab::scenario::load(&home.path().join("written.toml")).unwrap();
    let run = study::run(&scenario, &options(&scenario, 1), &|_| {}, &AtomicBool::new(false)).unwrap();
    let written: Vec<&str> = run.trials_of("fixed").map(|trial| trial.hash.as_str()).collect();
    assert_eq!(hashes(0, 2), written);
}

#[test]
fn a_sweep_that_is_stopped_before_it_began_has_no_values() {
    let home = home();
    let plan = plan(&home.path().join("a.toml"));
    let stopped = AtomicBool::new(true);
    let record = study::sweep(&plan, &options(&plan.base, 2), &|_| {}, &stopped).unwrap();
    assert!(record.partial && record.values.is_empty() && record.trials.is_empty());
}

#[test]
fn a_sweep_that_is_stopped_keeps_whole_values() {
    let home = home();
    let plan = plan(&home.path().join("a.toml"));
    let stop = AtomicBool::new(false);
    // The second strategy's two trials run once and first; then two trials for every value.
    let progress = |now: study::RunProgress| stop.store(now.done >= 5, std::sync::atomic::Ordering::Relaxed);
    let record = study::sweep(&plan, &options(&plan.base, 1), &progress, &stop).unwrap();
    assert!(record.partial);
    assert_eq!(record.values.iter().map(|value| value.text.as_str()).collect::<Vec<_>>(), ["1"]);
    assert_eq!(record.trials.len(), 4);
}

// ---- on the command line ------------------------------------------------------------------------------------------

#[test]
fn a_scenario_with_a_table_sweep_says_all() {
    let home = home();
    let output = mxlab(&home, "sweep a.toml --out mine");
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(stderr(&output).starts_with("a: seeds 1 to 2; strategy.fixed.concurrency.fixed over 3 values; 8 trials"));
    assert!(stdout(&output).starts_with("Safe up to 2, but not at 8: "), "{}", stdout(&output));
    for file in ["run.json", "sweep.json", "summary.json", "sweep.csv", "plots/goodput.svg", "plots/deferral-curve.png"]
    {
        assert!(home.path().join("mine").join(file).exists(), "{file}");
    }
    // A row for each value and strategy.
    let table = fs::read_to_string(home.path().join("mine/sweep.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + 3 * 2);
}

#[test]
fn the_command_line_goes_before_the_table() {
    let home = home();
    let output =
        mxlab(&home, "sweep a.toml --over network.rtt --values 1ms,5ms --safe time-to-90<=1h --strategy fixed --quiet");
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(stdout(&output).contains("network.rtt"), "{}", stdout(&output));
    assert!(
        stdout(&output).contains("Every value is safe (5ms at least): time-to-90 of 3600 s or less"),
        "{}",
        stdout(&output)
    );
    let folder = fs::read_dir(home.path().join("results/a")).unwrap().next().unwrap().unwrap();
    assert!(folder.file_name().to_str().unwrap().starts_with("sweep-network-rtt-seed1-2-"), "{folder:?}");
}

#[test]
fn bad_input_is_told_and_nothing_runs() {
    let home = home();
    let cases = [
        ("sweep missing.toml", "cannot read missing.toml"),
        ("sweep plain.toml", "plain has no table [sweep]: say which value changes, --over PATH; it has\n  duration"),
        ("sweep plain.toml --over strategy.fixed.concurrency.fixed", "say which values"),
        ("sweep a.toml --over strategy.fixd.concurrency.fixed --values 1", "did you mean `fixed`?"),
        ("sweep a.toml --over strategy.fixed.concurency.fixed --values 1", "did you mean `concurrency`?"),
        ("sweep a.toml --over provider.charter.set.rule.conections.limit --values 1", "did you mean `connections`?"),
        ("sweep a.toml --over strategy.fixed --values 1", "strategy.fixed.concurrency.fixed"),
        ("sweep a.toml --over seeds --values 1..3:1", "changes nothing that happens in a trial"),
        ("sweep a.toml --values 1..40", "1..40:lin10"),
        ("sweep a.toml --values 0..2:1", "strategy.fixed.concurrency.fixed cannot be 0\n"),
        ("sweep a.toml --values 0..2:1", "1 | strategy.fixed.concurrency.fixed = 0"),
        ("sweep a.toml --values x,y,z", "cannot be x, nor 2 other values of the sweep"),
        ("sweep a.toml --over network.rtt --values 5,6", "network.rtt cannot be 5, nor 1 other value"),
        ("sweep a.toml --safe deferral-share", "--safe: `deferral-share` is no criterion"),
        ("sweep a.toml --safe deferal-share<=1%", "did you mean `deferral-share`?"),
        ("sweep a.toml --strategy fixd", "did you mean `fixed`?"),
        ("sweep a.toml --strategy aimd", "fixed.concurrency.fixed concerns none of the strategies that run"),
        ("sweep a.toml --out a.toml", "a.toml is not a folder"),
        ("check bad.toml", "strategy.fixed.concurrency.fixed cannot be 0"),
    ];
    are_refused(&home, &cases);
}

#[test]
fn help_teaches_the_grammar() {
    let home = home();
    let help = stdout(&mxlab(&home, "sweep --help"));
    for words in ["Paths:", "1..40:1", "10ms..1s:log5", "strategy.fixed.concurrency.fixed", "safe"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    let paths = stdout(&mxlab(&home, "sweep a.toml --paths"));
    assert!(paths.contains("provider.charter.set.rule.connections.limit  2"), "{paths}");
    let explained = stdout(&mxlab(&home, "check a.toml"));
    assert!(explained.contains("strategy.fixed.concurrency.fixed over 1, 2, 8"), "{explained}");
    assert_eq!(code(&mxlab(&home, "run a.toml --quiet --seeds 1 --no-bound")), 0);
}

#[test]
fn a_folder_redraws_to_the_same_bytes() {
    let home = home();
    let path = |file: &str| home.path().join(file);
    assert_eq!(code(&mxlab(&home, "sweep a.toml --out one --threads 1 --quiet")), 0);
    assert_eq!(code(&mxlab(&home, "sweep a.toml --out two --threads 2 --quiet --bound")), 0);
    for file in ["report.html", "sweep.csv", "plots/deferral-curve.svg", "summary.json"] {
        let before = fs::read(path("one").join(file)).unwrap();
        fs::remove_file(path("one").join(file)).unwrap();
        assert_eq!(code(&mxlab(&home, "report one")), 0);
        assert!(fs::read(path("one").join(file)).unwrap() == before, "{file}");
    }
    let json: serde_json::Value = serde_json::from_str(&stdout(&mxlab(&home, "report two --format json"))).unwrap();
    assert_eq!(json["found"][0]["safe"]["every-seed"], "2");
    assert_eq!(json["rows"][0]["figures"]["deferral-share"]["mean"], 0.0);
    let text = fs::read_to_string(path("one/sweep.json")).unwrap();
    fs::write(path("one/sweep.json"), text.replacen("\"value\":0", "\"value\":7", 1)).unwrap();
    let damaged = mxlab(&home, "report one");
    assert_eq!(code(&damaged), 2);
    assert!(stderr(&damaged).contains("does not fit the rest"), "{}", stderr(&damaged));
}

/// A provider that allows two connections, a sender that opens one, two or eight.
const SMALL: &str = r#"# How many connections does a provider take that allows two?
seeds = 2
duration = "2h"
source = [{ ip = "192.0.2.1", reputation = 0.9, daily-volume = 100_000 }]
stream = [{ arrivals = { at-once = { recipients = 300 } } }]
[[provider]]
profile = "charter"
set = { rule.connections.limit = 2 }
[[strategy]]
preset = "fixed"
concurrency = { fixed = 1 }
[[strategy]]
preset = "aimd"
[sweep]
over = "strategy.fixed.concurrency.fixed"
values = [1, 2, 8]
"#;

fn swept(text: &str, threads: usize) -> SweepRecord {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    fs::write(&path, text).unwrap();
    let plan = plan(&path);
    study::sweep(&plan, &options(&plan.base, threads), &|_| {}, &AtomicBool::new(false)).unwrap()
}

fn plan(path: &Path) -> SweepPlan {
    let draft = Draft::open(path).unwrap();
    let base = draft.scenario().unwrap();
    let sweep = base.sweep.clone().unwrap();
    SweepPlan { points: draft.points(&sweep).unwrap(), base, sweep }
}

fn options(scenario: &mxlab::scenario::Scenario, threads: usize) -> RunOptions {
    RunOptions {
        first_seed: scenario.seed,
        seeds: scenario.seeds,
        threads,
        bound: false,
        spread: false,
        strategies: Vec::new(),
    }
}

/// The mean of a figure of the first strategy over the seeds.
fn mean(record: &SweepRecord, figure: SweepFigure, value: usize) -> Estimate {
    let figures: Option<Vec<f64>> = record.figures_of(figure, value, 0, None).into_iter().collect();
    Estimate::of(&figures.unwrap()).unwrap()
}

/// A folder with small scenarios in it.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a.toml"), SMALL).unwrap();
    fs::write(home.path().join("plain.toml"), SMALL.split("[sweep]").next().unwrap()).unwrap();
    fs::write(home.path().join("bad.toml"), SMALL.replace("[1, 2, 8]", "[0, 1]")).unwrap();
    home
}
