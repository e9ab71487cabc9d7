//! Many trials: every strategy of a scenario under every seed, side by side on all cores.
//!
//! A world never runs in parallel inside; trials do. The result does not depend on how many threads ran it.
//!
//! - `live`: all of that over real sockets
//! - `sweep`: all of that at every value of a sweep
//! - `unknowns`: some of it again, to tell which unknown matters
//! - `knee`, `safe_range`: what is found in its curves

mod knee;
#[cfg(feature = "live")]
mod live;
mod safe_range;
mod sweep;
mod unknowns;

pub use knee::knee;
#[cfg(feature = "live")]
pub use live::{LiveError, LiveRun, run_live};
pub use sweep::{SweepPlan, sweep};
pub use unknowns::{move_unknowns, moved_trials_at_most};

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::parallel;
use crate::record::{self, ExpectationResult, Record, StrategyInfo, Trial};
use crate::rng::Seed;
use crate::scenario::{Expectation, Scenario};
use crate::sender::{Strategy, preset};
use crate::sim::{self, BrokenInvariant};
use crate::stats::Estimate;
use crate::trial::{TrialInput, provider_info, strategy_info};
use crate::workload::{GenerateError, generate};

/// What is run of a scenario, and how.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The first seed; the others are counted up from it.
    pub first_seed: u64,
    /// How many seeds, counted up from the first; at least 1.
    pub seeds: u32,
    /// How many trials at a time; at least 1.
    pub threads: usize,
    /// Whether the oracle is run as the bound of all others.
    pub bound: bool,
    /// Only strategies with these names; empty is all.
    pub strategies: Vec<String>,
    /// Whether unknown limits are told apart from chance, where there are any: by a second set of trials, in which each
    /// seed meets the unknown limits of the next. See [`has_crossed_trials`].
    pub spread: bool,
}

/// Whether a run of the scenario has a second set of trials to tell unknown limits apart from chance: if that is asked
/// for, some limit is unknown, and there are seeds enough to say anything.
pub fn has_crossed_trials(scenario: &Scenario, options: &RunOptions) -> bool {
    options.spread && options.seeds >= FEWEST_SEEDS && scenario.has_unknowns()
}

/// With fewer seeds the interval of the share reaches from nearly nothing to nearly all.
const FEWEST_SEEDS: u32 = 5;

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct RunProgress {
    /// Trials that are over.
    pub done: usize,
    /// Trials that the run has in all.
    pub of: usize,
}

/// Why a run came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An invariant does not hold.
    #[error(transparent)]
    Broken(#[from] BrokenInvariant),
    /// The mail cannot be made.
    #[error(transparent)]
    Mail(#[from] GenerateError),
}

/// Runs all trials of a scenario. When `stop` is set, the trials that are done are kept and the record says that it is
/// partial.
///
/// # Errors
///
/// Where the mail cannot be made, or an invariant of a trial does not hold.
pub fn run(
    scenario: &Scenario,
    options: &RunOptions,
    progress: &(dyn Fn(RunProgress) + Sync),
    stop: &AtomicBool,
) -> Result<Record, RunError> {
    let chosen = chosen(scenario, options);
    let [own, crossed] = tasks(scenario, &chosen, options);
    let of = own.len() + crossed.len();
    let done = AtomicUsize::new(0);
    let one = |&TrialTask { strategy, seed, unknowns }: &TrialTask| -> Result<Option<Trial>, RunError> {
        let trial = trial(scenario, &chosen[strategy].strategy, seed, unknowns, stop)?;
        let trial = if unknowns == seed { trial } else { trial.map(Trial::sums) };
        if trial.is_some() {
            progress(RunProgress { done: done.fetch_add(1, Ordering::Relaxed) + 1, of });
        }
        Ok(trial)
    };
    let all =
        |tasks: &[TrialTask]| parallel::map(tasks, options.threads, one).into_iter().collect::<Result<Vec<_>, _>>();
    // One after the other: who stops a run early has as many of the trials that count as can be.
    let mut trials = all(&own)?;
    trials.extend(all(&crossed)?);
    Ok(assemble(scenario, &chosen, trials, of))
}

/// One trial; `None` if it was stopped.
fn trial(
    scenario: &Scenario,
    strategy: &Strategy,
    seed: u64,
    unknowns: u64,
    stop: &AtomicBool,
) -> Result<Option<Trial>, RunError> {
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let mail = generate(&scenario.workload, Seed(seed))?;
    Ok(sim::trial(TrialInput { scenario, strategy, seed, unknowns, mail: &mail }, stop)?)
}

/// A trial to run.
struct TrialTask {
    /// Place among the chosen strategies.
    strategy: usize,
    seed: u64,
    unknowns: u64,
}

/// All trials to run: every strategy under every seed, and the crossed ones. The bound is no choice, so where
/// its spread comes from is not asked.
fn tasks(scenario: &Scenario, chosen: &[ChosenStrategy], options: &RunOptions) -> [Vec<TrialTask>; 2] {
    let of_seed = |n: u32| options.first_seed.wrapping_add(u64::from(n % options.seeds.max(1)));
    let all = (0..options.seeds).flat_map(|n| (0..chosen.len()).map(move |strategy| (n, strategy)));
    let own = all.clone().map(|(n, strategy)| TrialTask { strategy, seed: of_seed(n), unknowns: of_seed(n) });
    let crossed = all
        .filter(|(_, strategy)| has_crossed_trials(scenario, options) && !chosen[*strategy].bound)
        .map(|(n, strategy)| TrialTask { strategy, seed: of_seed(n), unknowns: of_seed(n + 1) });
    [own.collect(), crossed.collect()]
}

/// A strategy to run.
struct ChosenStrategy {
    strategy: Strategy,
    /// Whether it is only there as the bound.
    bound: bool,
}

impl ChosenStrategy {
    fn info(&self) -> StrategyInfo {
        strategy_info(&self.strategy, self.bound)
    }
}

/// The strategies to run.
fn chosen(scenario: &Scenario, options: &RunOptions) -> Vec<ChosenStrategy> {
    let wanted = |strategy: &&Strategy| options.strategies.is_empty() || options.strategies.contains(&strategy.name);
    let own = |strategy: &Strategy| ChosenStrategy { strategy: strategy.clone(), bound: false };
    let mut chosen: Vec<ChosenStrategy> = scenario.strategies.iter().filter(wanted).map(own).collect();
    let asked = options.strategies.iter().any(|name| name == "oracle");
    if (options.bound || asked) && !chosen.iter().any(|chosen| chosen.strategy.oracle) {
        chosen.extend(bound(scenario).map(|strategy| ChosenStrategy { strategy, bound: true }));
    }
    chosen
}

/// The oracle that bounds a scenario's strategies. It packs as many recipients into a message as any of them.
fn bound(scenario: &Scenario) -> Option<Strategy> {
    let mut oracle = preset::strategy("oracle")?.ok()?;
    let axes = scenario.strategies.iter().flat_map(Strategy::all_axes);
    oracle.axes.session.recipients_per_message = axes.map(|axes| axes.session.recipients_per_message).max()?;
    Some(oracle)
}

fn assemble(scenario: &Scenario, chosen: &[ChosenStrategy], trials: Vec<Option<Trial>>, of: usize) -> Record {
    let mut trials: Vec<Trial> = trials.into_iter().flatten().collect();
    let place = |trial: &Trial| chosen.iter().position(|chosen| chosen.strategy.name == trial.strategy);
    trials.sort_by_key(|trial| (place(trial), trial.seed));
    let partial = trials.len() < of;
    let (trials, crossed) = trials.into_iter().partition(|trial| trial.unknowns == trial.seed);
    let strategies = chosen.iter().map(ChosenStrategy::info).collect();
    let providers = scenario.providers.iter().map(provider_info).collect();
    let mut record = Record {
        duration_us: scenario.duration.as_micros(),
        bucket_us: record::Recorder::bucket_width(scenario.duration).as_micros(),
        partial,
        trials,
        crossed,
        ..Record::empty(scenario.name.clone(), scenario.question.clone(), strategies, providers)
    };
    record.expected = scenario.expectations.iter().filter_map(|e| judge(&record, chosen, e)).collect();
    record
}

/// What came out of an expectation; `None` if its strategy was not run.
fn judge(record: &Record, chosen: &[ChosenStrategy], expectation: &Expectation) -> Option<ExpectationResult> {
    let Expectation { metric, strategy, provider, min, max } = expectation.clone();
    chosen.iter().find(|chosen| chosen.strategy.name == strategy)?;
    let trials = record.trials_of(&strategy);
    let values: Option<Vec<f64>> =
        trials.map(|trial| record::value(trial, record, &metric, provider.as_deref())).collect();
    let estimate = values.and_then(|values| Estimate::of(&values));
    let mean = estimate.map(|estimate| estimate.mean);
    let half = estimate.and_then(|estimate| estimate.half);
    let met = mean.is_some_and(|mean| (min..=max).contains(&mean));
    Some(ExpectationResult { metric, strategy, provider, min, max, mean, half, met })
}
