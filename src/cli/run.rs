//! `mxlab run`: from scenarios to results.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread;

use clap::ValueEnum;

use super::progress::Progress;
use super::{Exit, Failure, check, folder, interrupt, memory, terminal};
use crate::diagnostic::nearest;
use crate::record::{Machine, Provenance, Record};
use crate::report;
use crate::scenario::Scenario;
use crate::study::{self, RunError};
use crate::units::Bytes;

/// Run scenarios: every strategy under every seed.
///
/// Prints one table a scenario and writes everything else into a results folder: record, summary, comparisons, curves,
/// replies, plots, and a report in one HTML file. The same scenario, seeds and version give the same bytes.
///
/// What stands behind ± or in parentheses is a 95 % interval over the seeds. Strategies meet the same mail, unknown
/// limits and weather under a seed, and are compared seed by seed. A time that some seeds never reached is shown as a
/// median with the number of seeds that never did.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Scenario files.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Results folder, new or empty; with several scenarios, each gets a folder in it.
    /// [default: results/<scenario>/<run>, with a number if that exists]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many seeds. [default: as the scenario says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    seeds: Option<u32>,
    /// The first seed. [default: as the scenario says]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Only these strategies of the scenario; may be given more than once.
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<String>,
    /// Trials side by side. [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,
    /// What goes to standard output: a table, or the summary as JSON, a line for each scenario.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    format: Format,
    /// Do without the oracle, and so without the share of its bound that each strategy reached.
    #[arg(long)]
    no_bound: bool,
    /// Do without the second set of trials, which tells the spread of unknown limits apart from chance. It is run where
    /// a provider has unknown limits and there are five seeds or more, and nearly doubles the trials.
    #[arg(long)]
    no_spread: bool,
    /// No notes and no progress bar.
    #[arg(long, short)]
    quiet: bool,
}

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One table, for people.
    Table,
    /// The summary, for programs.
    Json,
}

const EXAMPLES: &str = "\
Examples:
  mxlab run scenarios/quickstart.toml
  mxlab run scenarios/quickstart.toml --seeds 100 --out results/hundred
  mxlab run scenarios/yahoo-twenty.toml --strategy fixed --strategy aimd
  mxlab run scenarios/quickstart.toml --format json --quiet | jq .
  mxlab run scenarios/quickstart.toml --no-spread    half the trials; chance and unknown limits stay mixed
  mxlab run scenarios/quickstart.toml --seed 17 --seeds 1    replays one trial of each strategy

Ctrl-C ends the trials in flight; finished trials are kept and the results marked partial (exit
code 130). A second Ctrl-C ends at once.";

/// A scenario with everything that is needed to run it.
struct Job<'a> {
    path: &'a Path,
    scenario: Scenario,
    options: study::Options,
    folder: PathBuf,
}

/// Checks everything first, then runs one scenario after the other.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let jobs = prepare(args)?;
    let stop = interrupt::listen()?;
    let mut exit = Exit::Met;
    for job in &jobs {
        match run_one(job, args, stop)? {
            Exit::Met => {}
            Exit::Missed => exit = Exit::Missed,
            other => return Ok(other),
        }
    }
    Ok(exit)
}

/// Loads all scenarios, refuses what cannot work, and only then makes the results folders.
fn prepare(args: &Args) -> Result<Vec<Job<'_>>, Failure> {
    let scenarios = check::load_all(&args.scenarios)?;
    let mut jobs = Vec::new();
    for (path, scenario) in args.scenarios.iter().zip(scenarios) {
        let options = options(args, &scenario)?;
        memory::suffices(&scenario.name, scenario.memory_per_trial(), kept(&scenario, &options), options.threads)?;
        jobs.push(Job { path, scenario, options, folder: PathBuf::new() });
    }
    let several = jobs.len() > 1;
    for (n, job) in jobs.iter().enumerate() {
        if args.out.is_some() && jobs[..n].iter().any(|before| before.scenario.name == job.scenario.name) {
            let name = &job.scenario.name;
            return Err(Failure::input(format_args!("two scenarios are called {name}; give each an --out of its own")));
        }
    }
    for job in &mut jobs {
        let wish = args.out.as_ref().map(|out| if several { out.join(&job.scenario.name) } else { out.clone() });
        job.folder = folder::create(wish.as_deref(), &job.scenario, job.options.first_seed, job.options.seeds)?;
    }
    Ok(jobs)
}

/// Bytes of what is kept of all trials until the report is written: time series and a histogram for each provider, and
/// the sums of crossed trials.
fn kept(scenario: &Scenario, options: &study::Options) -> u64 {
    let strategies = if options.strategies.is_empty() { scenario.strategies.len() } else { options.strategies.len() };
    let crossed = if study::tells_apart(scenario, options) { strategies as u64 * CROSSED_CELL } else { 0 };
    let bytes = ((strategies + usize::from(options.bound)) as u64).saturating_mul(CELL).saturating_add(crossed);
    bytes.saturating_mul(scenario.providers.len() as u64).saturating_mul(u64::from(options.seeds))
}

/// Bytes of one strategy, seed and provider in a record and its report, measured with ten thousand seeds.
const CELL: u64 = 64_000;

/// Bytes of one strategy, seed and provider of a crossed trial: sums, and the limits of each rule.
const CROSSED_CELL: u64 = 4_000;

/// What the command line and the scenario say together.
fn options(args: &Args, scenario: &Scenario) -> Result<study::Options, Failure> {
    let first_seed = args.seed.unwrap_or(scenario.seed);
    let seeds = args.seeds.unwrap_or(scenario.seeds);
    if first_seed.checked_add(u64::from(seeds.saturating_sub(1))).is_none() {
        return Err(Failure::input(format_args!("there are no {seeds} seeds from {first_seed} on")));
    }
    for name in &args.strategies {
        // The oracle is always there: alone it is only the bound.
        let known = || scenario.strategies.iter().map(|strategy| strategy.name.as_str()).chain(["oracle"]);
        if !known().any(|known| known == name) {
            let hint = match nearest(name, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", known().collect::<Vec<_>>().join(", ")),
            };
            return Err(Failure::input(format_args!("{} has no strategy `{name}`; {hint}", scenario.name)));
        }
    }
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let strategies = if args.strategies.is_empty() { scenario.strategies.len() } else { args.strategies.len() };
    let trials = (strategies + usize::from(!args.no_bound)).saturating_mul(seeds as usize);
    let threads = args.threads.map_or_else(cores, usize::from).min(trials);
    let (bound, spread) = (!args.no_bound, !args.no_spread);
    Ok(study::Options { first_seed, seeds, threads, bound, spread, strategies: args.strategies.clone() })
}

fn run_one(job: &Job<'_>, args: &Args, stop: &AtomicBool) -> Result<Exit, Failure> {
    if !args.quiet {
        terminal::note(&headline(job));
    }
    let record = {
        let progress = Progress::new(&job.scenario.name, args.quiet);
        study::run(&job.scenario, &job.options, &|now| progress.show(now), stop)
            .map_err(|error| failure(job, &error))?
    };
    if record.trials.is_empty() {
        // Only the folder made for this run, and only while it is empty.
        let _ = fs::remove_dir(&job.folder);
        terminal::note(&format!("{}: stopped before any trial was finished; nothing is kept", job.scenario.name));
        return Ok(Exit::Interrupted);
    }
    report::write_all(&record, &provenance(job), &job.folder).map_err(Failure::unwritten)?;
    show(&record, args.format)?;
    if !args.quiet {
        terminal::note(&format!("results in {}", job.folder.display()));
    }
    Ok(exit(&record))
}

/// Prints a record as it was asked for.
pub(super) fn show(record: &Record, format: Format) -> Result<(), Failure> {
    match format {
        Format::Table => terminal::print(&report::table(record, terminal::look())),
        Format::Json => terminal::print(&report::summary_json(record).to_string()),
    }
}

/// How a run ends that went through.
fn exit(record: &Record) -> Exit {
    if record.partial {
        Exit::Interrupted
    } else if record.expected.iter().all(|expected| expected.met) {
        Exit::Met
    } else {
        Exit::Missed
    }
}

/// What is about to run; seeds first.
fn headline(job: &Job<'_>) -> String {
    let options = &job.options;
    let last = options.first_seed + u64::from(options.seeds) - 1;
    let seeds = match options.seeds {
        1 => format!("seed {last}"),
        _ => format!("seeds {} to {last}", options.first_seed),
    };
    let crossed =
        if study::tells_apart(&job.scenario, options) { ", each again with the next one's unknown limits" } else { "" };
    let memory = Bytes(job.scenario.memory_per_trial().saturating_mul(options.threads as u64));
    format!(
        "{}: {seeds}{crossed}; about {} recipients a trial, {} side by side, about {memory} of memory",
        job.scenario.name,
        grouped(&format!("{:.0}", job.scenario.expected_recipients())),
        options.threads
    )
}

/// A count as people read it: `50,000`.
fn grouped(digits: &str) -> String {
    let comma = |n: usize| n > 0 && (digits.len() - n).is_multiple_of(3);
    digits.char_indices().flat_map(|(n, digit)| comma(n).then_some(',').into_iter().chain([digit])).collect()
}

/// Why a run came to nothing; for a broken invariant, with the command that shows it again.
fn failure(job: &Job<'_>, error: &RunError) -> Failure {
    match error {
        RunError::Mail(error) => Failure::input(error),
        RunError::Broken(broken) => {
            let (path, strategy) = (quoted(&job.path.to_string_lossy()), quoted(&broken.strategy));
            // Which unknown limits a crossed trial meets depends on where the seeds begin and end.
            let (seed, seeds) = match (broken.seed, broken.unknowns) {
                (seed, unknowns) if seed == unknowns => (seed, 1),
                _ => (job.options.first_seed, job.options.seeds),
            };
            let replay = format!("mxlab run {path} --seed {seed} --seeds {seeds} --strategy {strategy}");
            Failure::broken(format_args!("an invariant is broken: {broken}\n  replay: {replay}"))
        }
    }
}

fn provenance(job: &Job<'_>) -> Provenance {
    let arguments = env::args().skip(1).map(|argument| format!(" {}", quoted(&argument)));
    Provenance {
        format: Record::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: job.scenario.name.clone(),
        scenario_hash: format!("{:016x}", job.scenario.hash),
        command: format!("mxlab{}", arguments.collect::<String>()),
        seed: job.options.first_seed,
        seeds: job.options.seeds,
        machine: Machine {
            os: env::consts::OS.to_owned(),
            arch: env::consts::ARCH.to_owned(),
            cores: thread::available_parallelism().map_or(1, usize::from),
        },
    }
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_three() {
        assert_eq!(["0", "999", "50000", "1234567"].map(grouped), ["0", "999", "50,000", "1,234,567"]);
    }

    #[test]
    fn arguments_are_quoted_as_a_shell_takes_them() {
        let words = ["a/b.toml", "--out=x", "two words", "it's", ""].map(quoted);
        assert_eq!(words, ["a/b.toml", "--out=x", "'two words'", r"'it'\''s'", "''"]);
    }
}
