//! What the trade says of mailbox providers and of senders, as scenarios: each names a claim and its source, and
//! expects what the claim says. docs/claims.md lists them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread;

use mxlab::record::Record;
use mxlab::scenario;
use mxlab::study;

/// What must be among the replies of a scenario, where the words are a part of the claim.
const HEARD: [(&str, &[&str]); 15] = [
    ("authentication", &["421 4.7.32 ", "550 5.7.515 ", "554 5.7.9 "]),
    (
        "charter-2010-codes",
        &[
            "421 Charter.net Lost",
            "450 Unable to find",
            "452 Too many recipients",
            "503 Sender Already specified",
            "550 Message identified as SPAM",
            "552 Message size exceeds",
        ],
    ),
    ("charter-2010-hour", &["421 Connection Refused"]),
    ("charter-ladder", &["AUP#In-1310", "AUP#I-1320", "AUP#I-1330"]),
    ("laposte-records", &["LPN007_402", "OFR_506"]),
    ("listed", &["AUP#In-1240", "[BL21]", "(S3140)", "UnsolicitedIPError"]),
    ("microsoft-block", &["(S3113)", "(S775)", "(S3150)"]),
    ("orange-connections", &["OFR004_104"]),
    ("outlook-six-processes", &["451 4.7.652", "451 4.7.650"]),
    ("outlook-three-processes", &["451 4.7.652"]),
    ("qq-frequency", &["550 Connection frequency limited"]),
    ("sfr-two-hours", &["450 4.7.1 Service refused due to bad behavior SFR_IN_105"]),
    ("t-online-postmaster", &["None/bad reputation", "(NOWL)"]),
    ("tenant-limit", &["432 4.3.2", "550 5.7.233"]),
    (
        "too-many-connections-ironport",
        &["421 #4.4.5 Too many connections from your host", "452 Too many recipients received"],
    ),
];

#[test]
fn every_claim_holds() {
    let mut missed = Vec::new();
    for name in names() {
        let record = run(&name);
        assert!(!record.expected.is_empty(), "{name} expects nothing");
        missed.extend(record.expected.iter().filter(|it| !it.met).map(|it| format!("{name}: {it:?}")));
        missed.extend(unheard(&name, &record).map(|text| format!("{name}: nobody was told `{text}`")));
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Everything above and in the table of the documentation is a scenario, and the other way round.
#[test]
fn every_claim_is_listed() {
    let names = names();
    for (name, _) in HEARD {
        assert!(names.contains(name), "there is no scenarios/claims/{name}.toml");
    }
    let table = fs::read_to_string(root().join("docs/claims.md")).unwrap();
    let listed = |name: &String| table.contains(&format!("`{name}`"));
    let unlisted: Vec<_> = names.iter().filter(|name| !listed(name)).collect();
    assert!(unlisted.is_empty(), "docs/claims.md does not list {unlisted:?}");
}

fn run(name: &str) -> Record {
    let path = claims().join(format!("{name}.toml"));
    let scenario = scenario::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
    let options = study::RunOptions {
        first_seed: scenario.seed,
        seeds: scenario.seeds,
        threads: thread::available_parallelism().map_or(1, usize::from),
        bound: false,
        spread: false,
        strategies: Vec::new(),
    };
    study::run(&scenario, &options, &|_| {}, &AtomicBool::new(false)).unwrap()
}

/// What should have been among the replies and was not.
fn unheard<'a>(name: &str, record: &'a Record) -> impl Iterator<Item = &'a str> {
    let wanted = HEARD.iter().find(|(heard, _)| *heard == name).map_or(&[][..], |(_, texts)| texts);
    let cells = || record.trials.iter().flat_map(|trial| &trial.cells);
    wanted
        .iter()
        .copied()
        .filter(move |text| !cells().any(|cell| cell.replies.iter().any(|reply| reply.text.contains(text))))
}

fn names() -> BTreeSet<String> {
    let files = fs::read_dir(claims()).unwrap().map(|entry| entry.unwrap().path());
    let scenarios = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    scenarios.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn claims() -> PathBuf {
    root().join("scenarios/claims")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
