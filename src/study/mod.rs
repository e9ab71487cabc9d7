//! Many trials: every strategy of a scenario under every seed, side by side on all cores.
//!
//! A world never runs in parallel inside; trials do. The result does not depend on how many threads ran it.
//!
//! - `sweep`: all of that at every value of a sweep
//! - `knee`, `safe`: what is found in its curves; `median`: how sure one can be of a median

mod knee;
mod median;
mod safe;
mod sweep;

pub use knee::knee;
pub use sweep::{Plan, sweep};

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::record::{self, Expected, Provider, Record, Trial};
use crate::rng::Seed;
use crate::scenario::{Expectation, Scenario};
use crate::sender::{Strategy, preset};
use crate::sim::{self, Broken, Setting};
use crate::workload::{GenerateError, generate};

/// What is run of a scenario, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds, counted up from the first; at least 1.
    pub seeds: u32,
    /// How many trials at a time; at least 1.
    pub threads: usize,
    /// Whether the oracle is run as the bound of all others.
    pub bound: bool,
    /// Only strategies with these names; empty is all.
    pub strategies: Vec<String>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Trials done.
    pub done: usize,
    /// Trials in all.
    pub of: usize,
}

/// Why a run came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An invariant does not hold.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The mail cannot be made.
    #[error(transparent)]
    Mail(#[from] GenerateError),
}

/// Runs all trials of a scenario. When `stop` is set, the trials that are done are kept and the record says that it is
/// partial.
pub fn run(
    scenario: &Scenario,
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &AtomicBool,
) -> Result<Record, RunError> {
    let chosen = chosen(scenario, options);
    let seeds = (0..u64::from(options.seeds)).map(|n| options.first_seed.wrapping_add(n));
    let tasks: Vec<(usize, u64)> = seeds.flat_map(|seed| (0..chosen.len()).map(move |index| (index, seed))).collect();
    let done = AtomicUsize::new(0);
    let one = |&(index, seed): &(usize, u64)| -> Result<Option<Trial>, RunError> {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mail = generate(&scenario.workload, Seed(seed))?;
        let trial = sim::trial(Setting { scenario, strategy: &chosen[index].0, seed, mail: &mail }, stop)?;
        progress(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, of: tasks.len() });
        Ok(trial)
    };
    let outcomes: Vec<Result<Option<Trial>, RunError>> =
        match rayon::ThreadPoolBuilder::new().num_threads(options.threads).build() {
            Ok(pool) => pool.install(|| tasks.par_iter().map(one).collect()),
            // A machine that gives us no threads can still run one trial after the other.
            Err(_) => tasks.iter().map(one).collect(),
        };
    let trials = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(assemble(scenario, &chosen, trials, tasks.len()))
}

/// The strategies to run, and whether each is only there as the bound.
fn chosen(scenario: &Scenario, options: &Options) -> Vec<(Strategy, bool)> {
    let wanted = |strategy: &&Strategy| options.strategies.is_empty() || options.strategies.contains(&strategy.name);
    let mut chosen: Vec<(Strategy, bool)> =
        scenario.strategies.iter().filter(wanted).map(|s| (s.clone(), false)).collect();
    let asked = options.strategies.iter().any(|name| name == "oracle");
    if (options.bound || asked) && !chosen.iter().any(|(strategy, _)| strategy.oracle) {
        chosen.extend(bound(scenario).map(|oracle| (oracle, true)));
    }
    chosen
}

/// The oracle that bounds a scenario's strategies. It packs as many recipients into a message as any of them.
fn bound(scenario: &Scenario) -> Option<Strategy> {
    let mut oracle = preset::strategy("oracle")?.ok()?;
    let sessions = scenario.strategies.iter().map(|strategy| &strategy.session);
    oracle.session.recipients_per_message = sessions.map(|session| session.recipients_per_message).max()?;
    Some(oracle)
}

fn assemble(scenario: &Scenario, chosen: &[(Strategy, bool)], trials: Vec<Option<Trial>>, of: usize) -> Record {
    let mut trials: Vec<Trial> = trials.into_iter().flatten().collect();
    let place = |trial: &Trial| chosen.iter().position(|(strategy, _)| strategy.name == trial.strategy);
    trials.sort_by_key(|trial| (place(trial), trial.seed));
    let mut record = Record {
        format: Record::FORMAT,
        scenario: scenario.name.clone(),
        question: scenario.question.clone(),
        duration_us: scenario.duration.as_micros(),
        bucket_us: record::Recorder::new(&[], scenario.duration).bucket().as_micros(),
        partial: trials.len() < of,
        strategies: chosen
            .iter()
            .map(|(s, bound)| record::Strategy { name: s.name.clone(), about: s.about.clone(), bound: *bound })
            .collect(),
        providers: scenario
            .providers
            .iter()
            .map(|policy| Provider { name: policy.name.clone(), title: policy.title.clone() })
            .collect(),
        expected: Vec::new(),
        trials,
    };
    record.expected = scenario.expectations.iter().filter_map(|e| judge(&record, chosen, e)).collect();
    record
}

/// What came out of an expectation; `None` if its strategy was not run.
fn judge(record: &Record, chosen: &[(Strategy, bool)], expectation: &Expectation) -> Option<Expected> {
    let Expectation { metric, strategy, provider, min, max } = expectation.clone();
    chosen.iter().find(|(run, _)| run.name == strategy)?;
    let trials = record.trials_of(&strategy);
    let values: Option<Vec<f64>> =
        trials.map(|trial| record::value(trial, record, &metric, provider.as_deref())).collect();
    let mean =
        values.filter(|values| !values.is_empty()).map(|values| values.iter().sum::<f64>() / values.len() as f64);
    let met = mean.is_some_and(|mean| (min..=max).contains(&mean));
    Some(Expected { metric, strategy, provider, min, max, mean, met })
}
