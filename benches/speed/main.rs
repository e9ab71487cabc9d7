//! Is it fast? One table, one command: `cargo bench --bench speed`, or `-- --quick` for a look that takes seconds.
//!
//! The world beside a bare event loop and the SimPy model of it, all in the same rounds: quote the ratios, not the
//! seconds. Time is CPU time, each figure the median over the rounds. Every measurement is a process of its own (this
//! program, told `--measure`). SimPy is skipped where python3 has none; `PYTHON` names another interpreter.
//!
//! `--sites` measures only the campaign of two million recipients at thirty sites from a hundred sources, each
//! preset once. `--once SCENARIO` and `--once wide AMOUNT` run one seed and print nothing: `.ci/run` counts their
//! instructions.

#![allow(clippy::print_stdout, reason = "a table is printed")]

mod bare;
mod meter;
mod table;
mod worlds;

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use bare::Load;
use table::{Race, Table};
use worlds::Limits;

/// How much is measured.
struct Size {
    rounds: usize,
    /// Recipients of a world.
    recipients: u64,
    /// Messages of the bare loop.
    messages: u64,
    /// Messages of the SimPy model.
    simpy: u64,
    /// Recipients of the worlds that show how time and memory grow.
    growth: &'static [u64],
    /// Recipients of the worlds of thirty sites and a hundred sources.
    sites: u64,
    /// Trials of a study and recipients of each.
    study: (u32, u64),
}

const FULL: Size = Size {
    rounds: 3,
    recipients: 10_000_000,
    messages: 2_000_000,
    simpy: 200_000,
    growth: &[10_000, 100_000, 1_000_000, 10_000_000, 100_000_000],
    sites: 2_000_000,
    study: (16, 100_000),
};

const QUICK: Size = Size {
    rounds: 1,
    recipients: 50_000,
    messages: 200_000,
    simpy: 20_000,
    growth: &[1_000, 10_000, 100_000],
    sites: 50_000,
    study: (4, 10_000),
};

/// What came of a case.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) attempts: u64,
    pub(crate) deferred: u64,
}

/// One measurement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) attempts: f64,
    pub(crate) deferred: f64,
    pub(crate) seconds: f64,
    /// Most memory while it ran, above what the process had before.
    pub(crate) bytes: f64,
}

impl Figures {
    pub(crate) fn rate(&self) -> f64 {
        self.attempts / self.seconds
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| *word != "--bench").collect();
    match words.as_slice() {
        ["--measure", case, amount] => measure(case, amount.parse().expect("a number")),
        ["--once", "wide", amount] => {
            worlds::run(&worlds::campaign(amount.parse().expect("a number"), Limits::Wide));
        }
        ["--once", path] => worlds::replay(Path::new(path)),
        ["--sites"] => {
            let mut table = Table::default();
            many_sites(&FULL, &mut table);
            println!("{}", table.sites_rows());
        }
        [] => return all(&FULL),
        ["--quick"] => return all(&QUICK),
        _ => {
            eprintln!("usage: cargo bench --bench speed [-- --quick | --sites]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// What a process of its own does: one case, and its figures on a line.
fn measure(case: &str, amount: u64) {
    let messages = u32::try_from(amount).expect("at most 2^32");
    let load = |burst| Load { senders: senders(amount), messages, burst };
    let timed = |work: &dyn Fn() -> Done| {
        let (memory, cpu) = (meter::peak_memory(), meter::cpu());
        let mut done = work();
        let (bytes, mut runs) = (meter::peak_memory() - memory, 1.0);
        // What is over in no time is done again until it can be measured.
        while meter::cpu() - cpu < 0.3 {
            done = work();
            runs += 1.0;
        }
        let seconds = (meter::cpu() - cpu) / runs;
        println!("{} {} {seconds} {bytes}", done.attempts, done.deferred);
    };
    match case {
        "wide" => {
            let scenario = worlds::campaign(amount, Limits::Wide);
            timed(&|| worlds::run(&scenario));
        }
        "bite" => {
            let scenario = worlds::campaign(amount, Limits::Bite);
            timed(&|| worlds::run(&scenario));
        }
        "sites-backoff" | "sites-aimd" => {
            let scenario = worlds::many_sites(case.trim_start_matches("sites-"), 30, 100, amount);
            timed(&|| worlds::run(&scenario));
        }
        "burst" => timed(&|| bare::run(load(true))),
        "steady" => timed(&|| bare::run(load(false))),
        "first" => {
            worlds::run(&worlds::campaign(amount, Limits::Wide));
        }
        _ => panic!("no case {case}"),
    }
}

/// As many as give the model the load of the full size.
fn senders(messages: u64) -> u32 {
    if messages < 100_000 { 10 } else { 100 }
}

/// Measures everything and prints the table. Fails where one of the models is not the other.
fn all(size: &Size) -> ExitCode {
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_simpy = Command::new(&python).args(["-c", "import simpy"]).output().is_ok_and(|out| out.status.success());
    let mut table = Table::default();
    for round in 1..=size.rounds {
        eprintln!("round {round} of {}", size.rounds);
        table.races.push(race(size, has_simpy.then_some(python.as_str())));
        table.starts.push(start());
        table.first_events.push(child("first", 1).1 * 1e3);
        let (trials, recipients) = size.study;
        let [one, two] = [1, 2].map(|threads| worlds::study(trials, recipients, threads));
        table.speedups.push(one / two);
    }
    for &recipients in size.growth {
        if fits(recipients) {
            eprintln!("{recipients} recipients");
            table.growth.push((recipients, one("wide", recipients)));
        } else {
            table.skipped.push(recipients);
        }
    }
    many_sites(size, &mut table);
    println!("{table}");
    if table.models_agree() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Thirty sites and a hundred sources in one trial, with two presets.
fn many_sites(size: &Size, table: &mut Table) {
    for preset in ["backoff", "aimd"] {
        eprintln!("{} recipients, 30 sites, 100 sources, {preset}", size.sites);
        table.sites.push((preset, size.sites, one(&format!("sites-{preset}"), size.sites)));
    }
}

/// A round of everything that is compared, one after the other.
fn race(size: &Size, python: Option<&str>) -> Race {
    Race {
        recipients: size.recipients,
        wide: one("wide", size.recipients),
        steady: one("steady", size.messages),
        bite: one("bite", size.recipients),
        burst: one("burst", size.messages),
        small_burst: one("burst", size.simpy),
        simpy: python.map(|python| [simpy(python, size.simpy, "steady"), simpy(python, size.simpy, "burst")]),
    }
}

fn one(case: &str, amount: u64) -> Figures {
    figures(&child(case, amount).0)
}

/// Runs this program as a process of its own: what it printed, and seconds from start to exit.
fn child(case: &str, amount: u64) -> (String, f64) {
    let this = env::current_exe().expect("a program has a path");
    let mut command = Command::new(this);
    let (text, took) = meter::output(command.args(["--measure", case, &amount.to_string()]))
        .unwrap_or_else(|| panic!("measuring {case} with {amount} came to nothing"));
    (text, took.as_secs_f64())
}

fn simpy(python: &str, messages: u64, shape: &str) -> Figures {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/speed/simpy_model.py");
    let mut command = Command::new(python);
    command.args([model, &senders(messages).to_string(), &messages.to_string(), shape]);
    figures(&meter::output(&mut command).expect("the model runs").0)
}

fn figures(line: &str) -> Figures {
    let mut numbers = line.split_whitespace().map(|word| word.parse::<f64>().expect("a number"));
    let mut next = || numbers.next().unwrap_or(0.0);
    Figures { attempts: next(), deferred: next(), seconds: next(), bytes: next() }
}

/// Milliseconds of a whole `mxlab run` of one recipient, from start to exit, report written.
fn start() -> f64 {
    let folder = env::temp_dir().join(format!("mxlab-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder can be made");
    let scenario = folder.join("one.toml");
    let text = "duration = \"1h\"\n[[provider]]\nprofile = \"charter\"\n[[source]]\nip = \"192.0.2.1\"\n[[stream]]\n\
                arrivals = { at-once = { recipients = 1 } }\n[[strategy]]\npreset = \"fixed\"\n";
    fs::write(&scenario, text).expect("a file can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mxlab"));
    command.arg("run").arg(&scenario).args(["--format", "json", "--quiet", "--out"]).arg(folder.join("out"));
    let took = meter::output(&mut command).map(|(_, took)| took.as_secs_f64() * 1e3);
    let _ = fs::remove_dir_all(&folder);
    took.expect("a scenario of one recipient runs")
}

/// Whether a world of so many recipients fits into memory beside everything else.
fn fits(recipients: u64) -> bool {
    meter::available_memory().is_none_or(|available| recipients * 60 < available / 10 * 8)
}
