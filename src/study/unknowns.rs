//! Which unknown matters: trials of one strategy again, each with one unknown of the next seed.
//!
//! Everything else stays as it is under the trial's own seed, so that what comes out otherwise is that unknown's doing;
//! an unknown without effect changes nothing at all.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{FEWEST_SEEDS, RunError, RunOptions, RunProgress, chosen, has_crossed_trials, tasks, trial};
use crate::parallel;
use crate::provider::Unknown;
use crate::record::{MovedTrial, Record, Trial, UnknownInfo};
use crate::rng::Seed;
use crate::scenario::{Scenario, ScenarioUnknown};
use crate::sender::Strategy;

/// The most trials that [`move_unknowns`] may add to a run: as many again, but five for each unknown.
pub fn moved_trials_at_most(scenario: &Scenario, options: &RunOptions) -> usize {
    if !has_crossed_trials(scenario, options) {
        return 0;
    }
    let run: usize = tasks(scenario, &chosen(scenario, options), options).iter().map(Vec::len).sum();
    run.max(scenario.unknowns().len() * FEWEST_SEEDS as usize)
}

/// Under how many seeds each of so many unknowns is moved, in a run of so many trials.
fn seeds(run: usize, unknowns: usize, options: &RunOptions) -> usize {
    let affordable = run / unknowns.max(1);
    affordable.clamp(FEWEST_SEEDS as usize, options.seeds.max(FEWEST_SEEDS) as usize)
}

/// Adds to a record of the scenario under these options what is unknown and how much of it matters to a strategy. An
/// unknown limit whose rule refused nothing in any of the strategy's trials did not matter, and is not tried. Does
/// nothing where the run did not tell unknown limits from chance. When `stop` is set, what was tried is given up,
/// and the record says that it is partial.
///
/// # Errors
///
/// Where the mail cannot be made, or an invariant of a trial does not hold.
pub fn move_unknowns(
    scenario: &Scenario,
    options: &RunOptions,
    strategy: &str,
    record: &mut Record,
    progress: &(dyn Fn(RunProgress) + Sync),
    stop: &AtomicBool,
) -> Result<(), RunError> {
    let all = chosen(scenario, options);
    let Some(chosen) = all.iter().find(|chosen| chosen.strategy.name == strategy) else { return Ok(()) };
    if record.partial || !record.crossed.iter().any(|trial| trial.strategy == strategy) {
        return Ok(());
    }
    let unknowns = scenario.unknowns();
    let acting: Vec<ScenarioUnknown> =
        unknowns.iter().copied().filter(|unknown| acts(*unknown, strategy, record)).collect();
    let seeds = seeds(record.trials.len() + record.crossed.len(), acting.len(), options);
    let of_seed = |n: usize| options.first_seed.wrapping_add(n as u64 % u64::from(options.seeds.max(1)));
    let tasks: Vec<MovedTask> = acting
        .iter()
        .flat_map(|unknown| {
            (0..seeds).map(|n| MovedTask { unknown: *unknown, seed: of_seed(n), other: of_seed(n + 1) })
        })
        .collect();
    let done = AtomicUsize::new(0);
    let one = |task: &MovedTask| -> Result<Option<MovedTrial>, RunError> {
        let moved = task.run(scenario, &chosen.strategy, stop)?;
        progress(RunProgress { done: done.fetch_add(1, Ordering::Relaxed) + 1, of: tasks.len() });
        Ok(moved)
    };
    let moved = parallel::map(&tasks, options.threads, one).into_iter().collect::<Result<Option<Vec<_>>, _>>()?;
    let Some(moved) = moved else {
        record.partial = true;
        return Ok(());
    };
    let mut moved = moved.into_iter();
    let info = |unknown: ScenarioUnknown| UnknownInfo {
        provider: unknown.provider.index(),
        name: scenario.name_of(unknown),
        range: scenario.range_of(unknown),
        moved: if acting.contains(&unknown) { moved.by_ref().take(seeds).collect() } else { Vec::new() },
    };
    record.unknowns = unknowns.into_iter().map(info).collect();
    Ok(())
}

/// Whether an unknown can have mattered: whether its rule refused anything.
fn acts(unknown: ScenarioUnknown, strategy: &str, record: &Record) -> bool {
    let rule = match unknown.unknown {
        Unknown::Allowance => return true,
        Unknown::Limit(rule) | Unknown::ChangedLimit(rule) => rule.index(),
    };
    let refused = |trial: &Trial| {
        let cell = trial.cells.get(unknown.provider.index());
        cell.and_then(|cell| cell.rules.get(rule)).is_some_and(|rule| rule.refused + rule.holds > 0)
    };
    record.trials_of(strategy).chain(record.crossed.iter().filter(|trial| trial.strategy == strategy)).any(refused)
}

/// A trial to run.
struct MovedTask {
    unknown: ScenarioUnknown,
    seed: u64,
    /// The seed that the unknown is from.
    other: u64,
}

impl MovedTask {
    /// The trial; `None` if it was stopped.
    fn run(&self, scenario: &Scenario, strategy: &Strategy, stop: &AtomicBool) -> Result<Option<MovedTrial>, RunError> {
        let Self { unknown, seed, other } = *self;
        let known = scenario.knowing(unknown, Seed(other));
        let moved = |trial: Trial| MovedTrial {
            from: scenario.draw_of(unknown, Seed(seed)),
            to: scenario.draw_of(unknown, Seed(other)),
            trial: Trial { unknowns: other, ..trial.sums() },
        };
        Ok(trial(&known, strategy, seed, seed, stop)?.map(moved))
    }
}
