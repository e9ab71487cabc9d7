//! `mxlab sweep`: one value of a scenario over a range.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::folder::{self, ResultsFolder};
use super::output::{OutputFormat, print, show_sweep};
use super::progress::ProgressDisplay;
use super::scenarios::{open, points};
use super::trial_args::TrialArgs;
use super::words::{grouped, quoted, seeds};
use super::{Exit, Failure, interrupt, memory, provenance, terminal};
use crate::metric::Criterion;
use crate::report;
use crate::scenario::sweep::{Sweep, Values, criterion, default_criterion};
use crate::scenario::{Draft, Scenario};
use crate::study::{self, RunError, SweepPlan};

/// Sweep one value of a scenario over a range: every strategy under every seed at every value.
///
/// Says up to which value it is safe, with its interval, and where goodput has its knee; writes the deferral curve,
/// goodput, a table and a report in one HTML file. The seeds are the same at every value. A scenario with a table
/// [sweep] says all of it itself; the command line goes before it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A scenario file.
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// The path of the value that changes, such as `strategy.fixed.concurrency.fixed`. [default: as the scenario says]
    #[arg(long, value_name = "PATH")]
    over: Option<String>,
    /// The values it takes, such as `1,2,5`, `1..40:1` or `10ms..1s:log5`. [default: as the scenario says]
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    values: Option<String>,
    /// When a value is safe: METRIC<=NUMBER or METRIC>=NUMBER, with @PROVIDER after the metric to measure it there.
    /// [default: as the scenario says, or else deferral-share<=0.01]
    #[arg(long, value_name = "CRITERION")]
    safe: Option<String>,
    /// List the values that the scenario has, by their paths, and run nothing.
    #[arg(long)]
    paths: bool,
    /// Results folder, new or empty. [default: results/<scenario>/sweep-<path>-<run>, with a number if that exists]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    trials: TrialArgs,
    /// What goes to standard output: a table, or the summary as JSON.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Table)]
    format: OutputFormat,
    /// Run the oracle too, the upper bound, at every value.
    #[arg(long)]
    bound: bool,
    /// No notes and no progress bar.
    #[arg(long, short)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  mxlab sweep scenarios/sweep-charter.toml
  mxlab sweep scenarios/quickstart.toml --paths
  mxlab sweep scenarios/yahoo-twenty.toml --over strategy.twenty.concurrency.fixed --values 1..20:1
  mxlab sweep scenarios/charter-concurrency.toml --over stream.newsletter.arrivals.poisson.per-hour --values 5000..30000:5000
  mxlab sweep scenarios/quickstart.toml --over network.rtt --values 10ms..1s:log5 --safe time-to-90<=2h

Paths:
  Keys with dots between them, as the scenario nests them. One table of several is named by its
  name (strategy.fixed, provider.charter, stream.newsletter) or by its number from 0 (source.0);
  what is not made of letters, digits, - and _ goes into quotes: strategy.\"twenty on ten\".
  A value that the scenario leaves to its default may be named too.

Values, with commas between them:
  5  20ms  75kB  true  charter    one value, as the scenario writes it; quotes may be left out
  1..40:1                         from 1 to 40 in steps of 1, both ends included
  0..1:lin11                      eleven values evenly spaced
  10ms..1s:log5                   five values evenly spaced on a logarithmic scale

A value is safe under a seed if it and all values on its safe side meet the criterion. The safe
side is the end of the range at which the metric is better.

Ctrl-C ends the trials in flight; values that are done are kept and the results marked partial
(exit code 130). A second Ctrl-C ends at once.";

/// Checks every value first, then runs all of them.
pub(super) fn sweep(args: &Args) -> Result<Exit, Failure> {
    let (draft, base) = open(&args.scenario)?;
    if args.paths {
        print(listed(&draft))?;
        return Ok(Exit::Met);
    }
    let sweep = wanted(args, &draft, &base)?;
    let mut options = args.trials.options(&base, args.bound)?;
    let plan = SweepPlan { points: points(&draft, &sweep)?, base, sweep };
    if !plan.concerns_any(&options) {
        return Err(Failure::input(format_args!(
            "{} concerns none of the strategies that run",
            plan.sweep.over.path()
        )));
    }
    let trials = plan.trials(&options);
    options.threads = options.threads.min(trials);
    let per_trial = plan.points.iter().map(Scenario::memory_per_trial).max().unwrap_or(0);
    let kept = (trials as u64).saturating_mul(FIGURES).saturating_mul(plan.base.providers.len() as u64 + 1);
    memory::suffices(&plan.base.name, per_trial, kept, options.threads)?;
    let folder = ResultsFolder::create(args.out.as_deref(), &plan.base.name, &run_name(&plan, &options))?;
    run(args, &plan, &options, &folder, interrupt::listen()?)
}

/// Bytes that are kept of a trial for each provider: its figures, in the record and in its text.
const FIGURES: u64 = 2_000;

/// What the command line and the scenario say together.
fn wanted(args: &Args, draft: &Draft, base: &Scenario) -> Result<Sweep, Failure> {
    let written = base.sweep.as_ref();
    let over = match (&args.over, written) {
        (Some(path), _) => draft.place(path).map_err(Failure::input)?,
        (None, Some(sweep)) => sweep.over.clone(),
        (None, None) => {
            return Err(Failure::input(format_args!(
                "{} has no table [sweep]: say which value changes, --over PATH; it has\n{}",
                base.name,
                listed(draft)
            )));
        }
    };
    let values = match (&args.values, written) {
        (Some(text), _) => Values::read(text).map_err(|wrong| Failure::input(format_args!("--values: {wrong}")))?,
        // The values of the table belong to its own path.
        (None, Some(sweep)) if sweep.over == over => sweep.values.clone(),
        _ => {
            let help = "such as --values 1,2,5,10 or --values 1..40:1";
            return Err(Failure::input(format_args!("say which values {} takes, {help}", over.path())));
        }
    };
    Ok(Sweep { over, values, safe: safe(args, base)? })
}

fn safe(args: &Args, base: &Scenario) -> Result<Criterion, Failure> {
    let providers: Vec<&str> = base.providers.iter().map(|policy| policy.name.as_str()).collect();
    match (&args.safe, &base.sweep) {
        (Some(text), _) => criterion(text, &providers).map_err(|wrong| Failure::input(format_args!("--safe: {wrong}"))),
        (None, Some(sweep)) => Ok(sweep.safe.clone()),
        (None, None) => Ok(default_criterion()),
    }
}

/// Every value of a scenario by its path, a line each.
fn listed(draft: &Draft) -> String {
    let values = draft.single_values();
    let width = values.iter().map(|(path, _)| path.chars().count()).max().unwrap_or(0);
    let line = |(path, value): &(String, String)| {
        let short: String = value.chars().take(40).collect();
        let more = if short.len() < value.len() { "..." } else { "" };
        format!("  {path:<width$}  {}{more}", short.replace('\n', " "))
    };
    values.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `sweep-strategy-fixed-concurrency-fixed-seed1-20-1a2b3c4d`: the same sweep has the same name everywhere.
fn run_name(plan: &SweepPlan, options: &study::RunOptions) -> String {
    let path: String =
        plan.sweep.over.path().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(80).collect();
    let hash = plan.points.iter().fold(0_u64, |hash, point| hash.rotate_left(5) ^ point.hash);
    format!("sweep-{path}-{}", folder::run_name(options.first_seed, options.seeds, hash))
}

fn run(
    args: &Args,
    plan: &SweepPlan,
    options: &study::RunOptions,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<Exit, Failure> {
    let name = &plan.base.name;
    if !args.quiet {
        terminal::note(headline(plan, options));
    }
    let record = {
        let progress = ProgressDisplay::new(name, args.quiet);
        study::sweep(plan, options, &|now| progress.show(now), stop).map_err(|error| failure(args, plan, &error))?
    };
    if record.values.is_empty() {
        terminal::note(format!("{name}: stopped before any value was finished; nothing is kept"));
        return Ok(Exit::Interrupted);
    }
    report::write_sweep(&record, &provenance::of_trials(&plan.base, options), folder).map_err(Failure::unwritten)?;
    show_sweep(&record, args.format)?;
    if !args.quiet {
        terminal::note(format!("results in {}", folder.display()));
    }
    Ok(if record.partial { Exit::Interrupted } else { Exit::Met })
}

/// What is about to run; seeds first.
fn headline(plan: &SweepPlan, options: &study::RunOptions) -> String {
    format!(
        "{}: {}; {} over {} values; {} trials, {} side by side",
        plan.base.name,
        seeds(options),
        plan.sweep.over.path(),
        plan.points.len(),
        grouped(&plan.trials(options).to_string()),
        options.threads
    )
}

/// Why a sweep came to nothing; for a broken invariant, with the command that shows it again.
fn failure(args: &Args, plan: &SweepPlan, error: &RunError) -> Failure {
    match error {
        RunError::Mail(error) => Failure::input(error),
        RunError::Broken(broken) => {
            let values: Vec<String> = plan.sweep.values.list.iter().map(|(value, _)| value.to_string()).collect();
            let [path, over, values, strategy] =
                [&args.scenario.to_string_lossy(), plan.sweep.over.path(), &values.join(","), &broken.strategy]
                    .map(quoted);
            let trial = format!("--seed {} --seeds 1 --strategy {strategy}", broken.seed);
            let replay = format!("mxlab sweep {path} --over {over} --values {values} {trial}");
            Failure::broken(format_args!("an invariant is broken: {broken}\n  replay: {replay}"))
        }
    }
}
