//! A run is a pure function of scenario, seed and version: twice the same bytes, however many threads, in a debug build
//! as in a release build; and what is drawn in one place moves nothing in another.
//!
//! `tests/golden-hashes.txt` holds the hash of one trial of each scenario below. `.ci/run` runs this file in both
//! builds, so both must agree with it. Where a change is meant to change results: `MXLAB_GOLDEN=write cargo test
//! --test determinism`, and say so in the changelog.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/scenario.rs"]
mod scenario_text;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use mxlab::record::{Machine, Record, RunProvenance, Trial};
use mxlab::report::{Analysis, write_all};
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::sim;
use mxlab::study::{self, RunOptions};
use mxlab::trial::TrialInput;
use mxlab::workload::{Mail, generate};

/// Everything that draws: unknown limits, weather, coins, jitter, a network that varies, lists, complaints.
const CAMPAIGN: &str = r#"
duration = "6h"
[[provider]]
profile = "charter"
[[provider]]
profile = "yahoo"
[[provider]]
profile = "gmail"
[[source]]
ip = "192.0.2.1"
count = 2
[[stream]]
arrivals = { poisson = { per-hour = 600, until = "2h" } }
recipients-per-message = [1, 3]
size = { log-normal = { median = "50kB", sigma = 1.0 } }
list = { unknown = 0.02, full = 0.01, traps = 0.001, engaged = 0.3, complaints = 0.02, complaint-delay = "10min" }
[network]
rtt = { log-normal = { median = "40ms", sigma = 0.3 } }
reset = 0.01
bad-hosts = 0.02
[[strategy]]
preset = "backoff"
[[strategy]]
preset = "aimd"
"#;

/// A daily curve under a reputation that moves, with changes on the way.
const WARM_UP: &str = r#"
duration = "3d"
starts-at = "7h"
[[provider]]
profile = "microsoft"
[[source]]
ip = "192.0.2.1"
reputation = 0.4
daily-volume = 2000
[[stream]]
arrivals = { diurnal = { recipients = 6000 } }
list = { complaints = 0.01 }
[[strategy]]
preset = "fixed"
concurrency = { fixed = 2 }
retry = { exponential = { jitter = "decorrelated" } }
[[timeline]]
at = "1d"
rule = "messages-per-connection"
limit = 20
[[timeline]]
at = "2d"
source = "192.0.2.1"
reputation = 0.8
"#;

/// No chance at all.
const CLOCKWORK: &str = r#"
duration = "2h"
[[provider]]
profile = "yahoo"
[provider.set]
service.per-message = "500ms"
rule.busy.enabled = false
rule.volume.limit = 900
rule.volume-per-day.enabled = false
rule.patience.enabled = false
rule.connections.limit = 5
[[source]]
ip = "192.0.2.1"
[[stream]]
arrivals = { at-once = { recipients = 2000 } }
[[strategy]]
preset = "paced"
"#;

const SCENARIOS: [(&str, &str); 3] = [("campaign", CAMPAIGN), ("warm-up", WARM_UP), ("clockwork", CLOCKWORK)];

#[test]
fn twice_and_on_any_number_of_threads_every_file_has_the_same_bytes() {
    for (name, text) in SCENARIOS {
        let scenario = scenario(name, text);
        let first = files(&scenario, &run(&scenario, 1));
        assert!(first.len() > 10, "{:?}", first.keys());
        for threads in [1, 2] {
            let again = files(&scenario, &run(&scenario, threads));
            assert!(first.keys().eq(again.keys()), "{name}: {:?} and {:?}", first.keys(), again.keys());
            for (file, bytes) in &first {
                assert!(*bytes == again[file], "{name}: {file} differs on {threads} threads");
            }
        }
    }
}

#[test]
fn the_golden_hashes_hold_in_every_build() {
    let mut hashes = String::new();
    for (name, text) in SCENARIOS {
        for trial in &run(&scenario(name, text), 2).trials {
            writeln!(hashes, "{name} {} {} {}", trial.strategy, trial.seed, trial.hash).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-hashes.txt");
    if std::env::var("MXLAB_GOLDEN").is_ok_and(|value| value == "write") {
        fs::write(&path, &hashes).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    assert!(golden == hashes, "results have changed; expected\n{golden}but got\n{hashes}");
}

#[test]
fn another_seed_is_another_trial() {
    let record = run(&scenario("campaign", CAMPAIGN), 2);
    for strategy in &record.strategies {
        let hashes: Vec<&str> = record.trials_of(&strategy.name).map(|trial| trial.hash.as_str()).collect();
        assert!(hashes.len() == 2 && hashes[0] != hashes[1], "{}: {hashes:?}", strategy.name);
    }
}

/// A list that complains, or that is larger elsewhere, leaves everything else where it was.
#[test]
fn a_draw_in_one_place_moves_nothing_in_another() {
    let mail = |text: &str| generate(&scenario("campaign", text).workload, Seed(7)).unwrap();
    let before = mail(CAMPAIGN);
    let quiet = mail(&CAMPAIGN.replace("complaints = 0.02", "complaints = 0.0"));
    let clean = mail(&CAMPAIGN.replace("unknown = 0.02", "unknown = 0.0"));
    let light = mail(&CAMPAIGN.replace("median = \"50kB\"", "median = \"5kB\""));
    let second =
        "[[stream]]\nname = \"news\"\narrivals = { at-once = { recipients = 50 } }\nsender-domain = \"n.example\"\n";
    let more = mail(
        &CAMPAIGN
            .replace("[[stream]]\n", "[[stream]]\nname = \"first\"\n")
            .replace("[network]", &format!("{second}[network]")),
    );
    for other in [&quiet, &clean, &light] {
        assert_eq!(before.intended, other.intended, "arrivals");
        assert!(domains(&before).eq(domains(other)), "recipients' domains");
    }
    assert!(sizes(&before).eq(sizes(&quiet)) && sizes(&before).eq(sizes(&clean)), "sizes");
    assert!(!sizes(&before).eq(sizes(&light)), "the sizes are not those of another list");
    let of_first = |mail: &Mail| -> Vec<_> {
        mail.intended.iter().zip(mail.rows.iter()).filter(|(_, row)| row.stream.0 == 0).map(|(at, _)| at).collect()
    };
    assert_eq!(of_first(&before), of_first(&more), "arrivals of a stream beside another");
}

/// Crossed trials: the unknown limits of the next seed, and all else of their own.
#[test]
fn unknown_limits_have_a_seed_of_their_own() {
    // All at once, so that the limits are met.
    let all_at_once = "at-once = { recipients = 1500 }";
    let text = CAMPAIGN.replace("poisson = { per-hour = 600, until = \"2h\" }", all_at_once);
    assert!(text.contains(all_at_once));
    let scenario = scenario("campaign", &text);
    let options = RunOptions { first_seed: 7, seeds: 5, threads: 2, bound: true, spread: true, strategies: Vec::new() };
    assert!(study::has_crossed_trials(&scenario, &options));
    let record = study::run(&scenario, &options, &|_| {}, &AtomicBool::new(false)).unwrap();
    assert_eq!((record.trials.len(), record.crossed.len()), (15, 10), "the bound is not crossed");
    let limits = |trial: &Trial| -> Vec<Vec<Option<u32>>> {
        trial.cells.iter().flat_map(|cell| &cell.rules).map(|rule| rule.limits.clone()).collect()
    };
    for crossed in &record.crossed {
        assert_eq!(crossed.unknowns, if crossed.seed == 11 { 7 } else { crossed.seed + 1 });
        let own = |seed: u64| record.trials_of(&crossed.strategy).find(|trial| trial.seed == seed).unwrap();
        let (chance, unknowns) = (own(crossed.seed), own(crossed.unknowns));
        assert_eq!(limits(crossed), limits(unknowns));
        assert_ne!(limits(crossed), limits(chance));
        let injected = |trial: &Trial| -> Vec<u64> { trial.cells.iter().map(|cell| cell.totals.injected).collect() };
        assert_eq!(injected(crossed), injected(chance));
        assert_ne!(crossed.hash, chance.hash);
    }
    // Without unknowns the same trial would come twice, and it is not run.
    let (head, tail) = CLOCKWORK.split_once("profile = \"yahoo\"").unwrap();
    let (_, tail) = tail.split_once("[[source]]").unwrap();
    let open = self::scenario("open", &format!("{head}profile = \"open\"\n[[source]]{tail}"));
    assert!(!study::has_crossed_trials(&open, &options));
    let mail = generate(&open.workload, Seed(7)).unwrap();
    let hash = |unknowns| {
        let input = TrialInput { scenario: &open, strategy: &open.strategies[0], seed: 7, unknowns, mail: &mail };
        sim::trial(input, &AtomicBool::new(false)).unwrap().unwrap().hash
    };
    assert_eq!(hash(7), hash(8));
}

/// A strategy beside it, a rule that never speaks, or a profile's unknowns elsewhere do not touch a trial.
#[test]
fn what_does_not_concern_a_trial_does_not_change_it() {
    let hashes = |text: &str| -> Vec<String> {
        let record = run(&scenario("campaign", text), 2);
        record.trials_of("backoff").map(|trial| trial.hash.clone()).collect()
    };
    let before = hashes(CAMPAIGN);
    assert_eq!(before, hashes(&CAMPAIGN.replace("[[strategy]]\npreset = \"aimd\"\n", "")), "another strategy");
    // Complaints that come after the end are drawn, and nothing hears of them.
    let later = CAMPAIGN.replace("complaint-delay = \"10min\"", "complaint-delay = \"9d\"");
    let never = later.replace("complaints = 0.02", "complaints = 0.0");
    assert_eq!(hashes(&later), hashes(&never), "complaints that come too late");
    assert_ne!(before, hashes(&later), "complaints that come in time");
}

fn domains(mail: &Mail) -> impl Iterator<Item = u16> {
    mail.rows.iter().map(|row| row.domain.0)
}

fn sizes(mail: &Mail) -> impl Iterator<Item = u32> {
    mail.rows.iter().map(|row| row.size)
}

fn scenario(name: &str, text: &str) -> Scenario {
    scenario_text::scenario(&format!("{name}.toml"), text, &[])
}

fn run(scenario: &Scenario, threads: usize) -> Record {
    let options = RunOptions { first_seed: 7, seeds: 2, threads, bound: true, spread: true, strategies: Vec::new() };
    study::run(scenario, &options, &|_| {}, &AtomicBool::new(false)).unwrap()
}

/// Every file that a run writes, by its path in the folder.
fn files(scenario: &Scenario, record: &Record) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let provenance = RunProvenance {
        format: Record::FORMAT,
        version: "test".to_owned(),
        scenario: scenario.name.clone(),
        scenario_hash: format!("{:016x}", scenario.hash),
        command: "mxlab run".to_owned(),
        seed: 7,
        seeds: 2,
        machine: Machine { os: "any".to_owned(), arch: "any".to_owned(), cores: 1 },
    };
    write_all(&Analysis::of(record), &provenance, folder.path()).unwrap();
    let mut found = BTreeMap::new();
    collect(folder.path(), "", &mut found);
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), found);
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
}
