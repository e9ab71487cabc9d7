//! `mxlab run`: from scenarios to results.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;

use super::descriptors::ConnectionEnds;
use super::folder::{self, ResultsFolder};
use super::live_client::{ClientSwitches, client_options, live_failure};
use super::output::{OutputFormat, show_nothing, show_run};
use super::progress::ProgressDisplay;
use super::scenarios::load_all;
use super::trial_args::TrialArgs;
use super::words::{grouped, quoted, seeds};
use super::{Exit, Failure, descriptors, interrupt, memory, own_side, provenance, terminal};
use crate::live::{Receivers, Speed};
use crate::record::Record;
use crate::report::{self, Analysis};
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
#[expect(clippy::struct_excessive_bools, reason = "a command line has switches")]
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
    #[command(flatten)]
    trials: TrialArgs,
    /// What goes to standard output: a table, or the summary as JSON, a line for each scenario (see
    /// `mxlab schema events`).
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Table)]
    format: OutputFormat,
    /// Do without the oracle, and so without the share of its bound that each strategy reached.
    #[arg(long)]
    no_bound: bool,
    /// Do without the trials that tell the spread of unknown limits apart from chance, and which unknown matters to the
    /// best strategy. They are run where something is unknown and there are five seeds or more: as many again as the
    /// strategies have, then for each unknown at least five, at most as many as all before together.
    #[arg(long)]
    no_spread: bool,
    /// In virtual time, or over real SMTP between a sender and MX hosts on loopback addresses.
    #[arg(long, value_enum, value_name = "WORLD", default_value_t = WorldKind::Sim)]
    world: WorldKind,
    /// For --world live: how much faster than the wall the clocks of sender and providers go. The network is the real
    /// one: a loopback round trip, times this factor, whatever [network] says.
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    speed: Speed,
    /// For --world live: STARTTLS on every connection.
    #[arg(long)]
    tls: bool,
    /// For --world live: messages go with BDAT (RFC 3030) instead of DATA.
    #[arg(long)]
    chunking: bool,
    /// No notes and no progress bar.
    #[arg(long, short)]
    quiet: bool,
}

/// Where trials take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WorldKind {
    /// In virtual time.
    Sim,
    /// On sockets.
    Live,
}

const EXAMPLES: &str = "\
Examples:
  mxlab run scenarios/quickstart.toml
  mxlab run scenarios/quickstart.toml --seeds 100 --out results/hundred
  mxlab run scenarios/yahoo-twenty.toml --strategy fixed --strategy aimd
  mxlab run scenarios/quickstart.toml --format json --quiet | jq .
  mxlab run scenarios/quickstart.toml --no-spread    half the trials; chance and unknown limits stay mixed
  mxlab run scenarios/hourly-limit.toml --world live --speed 60    over real SMTP on loopback
  mxlab run scenarios/quickstart.toml --seed 17 --seeds 1    replays one trial of each strategy

Ctrl-C ends the trials in flight; finished trials are kept and the results marked partial (exit
code 130). A second Ctrl-C ends at once.";

/// The name that the driver gives with EHLO.
const HELO: &str = "mxlab.test";

/// A scenario with everything that is needed to run it.
struct Job<'a> {
    path: &'a Path,
    scenario: Scenario,
    options: study::RunOptions,
    folder: ResultsFolder,
}

/// Checks everything first, then runs one scenario after the other.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if args.world == WorldKind::Sim && (args.speed != Speed::REAL || args.tls || args.chunking) {
        return Err(Failure::input("--speed, --tls and --chunking are about sockets: say --world live too"));
    }
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
    let scenarios = load_all(&args.scenarios)?;
    let mut checked = Vec::new();
    for (n, scenario) in scenarios.iter().enumerate() {
        let options = options(args, scenario)?;
        memory::suffices_for(scenario, &options)?;
        if args.out.is_some() && scenarios[..n].iter().any(|before| before.name == scenario.name) {
            let name = &scenario.name;
            return Err(Failure::input(format_args!("two scenarios are called {name}; give each an --out of its own")));
        }
        if args.world == WorldKind::Live {
            descriptors::suffice(scenario, &options, ConnectionEnds::Both)?;
        }
        checked.push(options);
    }
    let several = scenarios.len() > 1;
    let job = |((path, scenario), options): ((_, Scenario), study::RunOptions)| {
        let requested = args.out.as_ref().map(|out| if several { out.join(&scenario.name) } else { out.clone() });
        let run = folder::run_name(options.first_seed, options.seeds, scenario.hash);
        let folder = ResultsFolder::create(requested.as_deref(), &scenario.name, &run)?;
        Ok(Job { path, scenario, options, folder })
    };
    args.scenarios.iter().map(PathBuf::as_path).zip(scenarios).zip(checked).map(job).collect()
}

/// What the command line and the scenario say together.
fn options(args: &Args, scenario: &Scenario) -> Result<study::RunOptions, Failure> {
    let mut options = args.trials.options(scenario, !args.no_bound)?;
    let strategies = if options.strategies.is_empty() { scenario.strategies.len() } else { options.strategies.len() };
    let trials = (strategies + usize::from(options.bound)).saturating_mul(options.seeds as usize);
    options.threads = options.threads.min(trials);
    options.spread = !args.no_spread;
    Ok(options)
}

fn run_one(job: &Job<'_>, args: &Args, stop: &AtomicBool) -> Result<Exit, Failure> {
    if !args.quiet {
        terminal::note(headline(job));
    }
    let (record, latencies) = {
        let progress = ProgressDisplay::new(&job.scenario.name, args.quiet);
        let show = |now| progress.show(now);
        match args.world {
            WorldKind::Sim => study::run(&job.scenario, &job.options, &show, stop)
                .map(|record| (record, Vec::new()))
                .map_err(|error| failure(job, &error)),
            WorldKind::Live => {
                let switches = ClientSwitches { tls: args.tls, tls_optional: false, chunking: args.chunking };
                let helo = HELO.parse().map_err(Failure::input)?;
                let client_options = client_options(helo, switches)?;
                let receivers = &Receivers::Cluster;
                study::run_live(&job.scenario, &job.options, receivers, args.speed, &client_options, &show, stop)
                    .map(|live_run| (live_run.record, live_run.latencies))
                    .map_err(|error| live_failure(&error))
            }
        }?
    };
    let mut record = record;
    if args.world == WorldKind::Sim {
        look_at_unknowns(job, args, &mut record, stop)?;
    }
    let exit = own_side::judged_run(exit(&record), &record);
    let analysis = Analysis::of(&record);
    if record.trials.is_empty() {
        terminal::note(format!("{}: stopped before any trial was finished; nothing is kept", job.scenario.name));
        show_nothing(&analysis, args.format)?;
        return Ok(exit);
    }
    report::write_all(&analysis, &provenance::of_trials(&job.scenario, &job.options), &job.folder)
        .map_err(Failure::unwritten)?;
    show_run(&analysis, args.format)?;
    if !latencies.is_empty() {
        report::write_latencies(&latencies, &job.folder).map_err(Failure::unwritten)?;
        if !args.quiet {
            terminal::note(report::latency_table(&latencies));
        }
    }
    if !args.quiet {
        terminal::note(format!("results in {}", job.folder.display()));
    }
    Ok(exit)
}

/// Looks which unknown matters to the strategy that did best, where the run told unknown limits from chance.
fn look_at_unknowns(job: &Job<'_>, args: &Args, record: &mut Record, stop: &AtomicBool) -> Result<(), Failure> {
    let Some(best) = Analysis::of(record).best().map(str::to_owned) else { return Ok(()) };
    let progress = ProgressDisplay::new(&format!("{}: unknowns", job.scenario.name), args.quiet);
    let show = |now| progress.show(now);
    study::move_unknowns(&job.scenario, &job.options, &best, record, &show, stop).map_err(|error| failure(job, &error))
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
    let crossed = if study::has_crossed_trials(&job.scenario, options) {
        let most = study::moved_trials_at_most(&job.scenario, options);
        format!(", each again with the next one's unknown limits, and at most {most} trials more with one of these")
    } else {
        String::new()
    };
    let memory = Bytes(job.scenario.memory_per_trial().saturating_mul(options.threads as u64));
    format!(
        "{}: {}{crossed}; about {} recipients a trial, {} side by side, about {memory} of memory",
        job.scenario.name,
        seeds(options),
        grouped(&format!("{:.0}", job.scenario.expected_recipients())),
        options.threads
    )
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
