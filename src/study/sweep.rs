//! A sweep: every strategy under every seed at every value, side by side on all cores, and what is found in the curves.
//!
//! The seeds are the same at every value (common random numbers), so that what changes from one to the next comes from
//! the value and not from chance. A strategy that the value does not concern is run once and counted at all of them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{ChosenStrategy, RunError, RunOptions, RunProgress, chosen, knee, safe_range, trial};
use crate::metric::{Criterion, Measure, Metric};
use crate::parallel;
use crate::record::{
    Knee, Record, SafeRange, StrategyInfo, SweepFigure, SweepFinding, SweepRecord, SweepTrial, SweepValue, Trial,
};
use crate::scenario::Scenario;
use crate::scenario::sweep::Sweep;
use crate::sender::Strategy;
use crate::stats::{lower_median, median_interval};
use crate::trial::provider_info;

/// What a sweep goes through.
#[derive(Clone, Debug)]
pub struct SweepPlan {
    /// The scenario as it is written.
    pub base: Scenario,
    /// What changes in it, and what makes a value safe.
    pub sweep: Sweep,
    /// The scenario with each of the values, in the order of [`Sweep::values`]; see [`crate::scenario::Draft::points`].
    pub points: Vec<Scenario>,
}

impl SweepPlan {
    /// Whether the value that changes concerns any strategy that is run.
    pub fn concerns_any(&self, options: &RunOptions) -> bool {
        strategies(self, options).iter().any(|strategy| strategy.changes)
    }

    /// How many trials it takes.
    pub fn trials(&self, options: &RunOptions) -> usize {
        let seeds = options.seeds as usize;
        strategies(self, options)
            .iter()
            .map(|strategy| if strategy.changes { self.points.len() } else { 1 } * seeds)
            .sum()
    }
}

/// Runs all trials of a sweep. When `stop` is set, the values that are done are kept and the record says that it is
/// partial.
///
/// # Errors
///
/// Where the mail cannot be made, or an invariant of a trial does not hold.
pub fn sweep(
    plan: &SweepPlan,
    options: &RunOptions,
    progress: &(dyn Fn(RunProgress) + Sync),
    stop: &AtomicBool,
) -> Result<SweepRecord, RunError> {
    let strategies = strategies(plan, options);
    let mut record = blank(plan, options, &strategies);
    let tasks = tasks(plan, options, &strategies);
    let done = AtomicUsize::new(0);
    let one = |task: &SweepTask| -> Result<Option<SweepTrial>, RunError> {
        let scenario = &plan.points[task.value];
        let strategy = &strategies[task.strategy].at[task.value];
        let Some(trial) = trial(scenario, strategy, task.seed, task.seed, stop)? else { return Ok(None) };
        progress(RunProgress { done: done.fetch_add(1, Ordering::Relaxed) + 1, of: tasks.len() });
        Ok(Some(figures(&record, scenario, task, &trial)))
    };
    let outcomes = parallel::map(&tasks, options.threads, one).into_iter().collect::<Result<Vec<_>, _>>()?;
    keep_whole_values(&mut record, plan, &strategies, outcomes.into_iter().flatten().collect());
    record.found = find(&record);
    Ok(record)
}

/// A strategy at every value.
struct SweptStrategy {
    /// Its name, and what it does, in the scenario as it is written.
    info: StrategyInfo,
    /// Whether the value that changes concerns it.
    changes: bool,
    /// What it is at each value.
    at: Vec<Strategy>,
}

/// The strategies to run.
fn strategies(plan: &SweepPlan, options: &RunOptions) -> Vec<SweptStrategy> {
    let named = chosen(&plan.base, options);
    let place = |name: &str| plan.base.strategies.iter().position(|strategy| strategy.name == name);
    let swept = |run: &ChosenStrategy| {
        let ChosenStrategy { strategy, bound } = run;
        // By its place: a sweep may go through names as well.
        let at = |point: &Scenario| match (bound, place(&strategy.name)) {
            (false, Some(place)) => point.strategies.get(place).cloned(),
            _ => chosen(point, options).into_iter().find(|chosen| chosen.bound).map(|chosen| chosen.strategy),
        };
        let at: Vec<Strategy> = plan.points.iter().map(|point| at(point).unwrap_or_else(|| strategy.clone())).collect();
        let own = plan.sweep.over.strategy();
        let changes = match place(&strategy.name).filter(|_| !bound) {
            Some(place) => own.is_none_or(|own| own == place),
            None => own.is_none() || at.iter().any(|one| one.axes.session != at[0].axes.session),
        };
        SweptStrategy { info: run.info(), changes, at }
    };
    named.iter().map(swept).collect()
}

/// One trial to run.
struct SweepTask {
    value: usize,
    strategy: usize,
    seed: u64,
}

/// What runs once first, then value by value, so that a sweep that is stopped has whole values.
fn tasks(plan: &SweepPlan, options: &RunOptions, strategies: &[SweptStrategy]) -> Vec<SweepTask> {
    let seeds = || (0..u64::from(options.seeds)).map(|n| options.first_seed.wrapping_add(n));
    let mut tasks: Vec<SweepTask> = (0..plan.points.len())
        .flat_map(|value| (0..strategies.len()).map(move |strategy| (value, strategy)))
        .filter(|(value, strategy)| *value == 0 || strategies[*strategy].changes)
        .flat_map(|(value, strategy)| seeds().map(move |seed| SweepTask { value, strategy, seed }))
        .collect();
    tasks.sort_by_key(|task| strategies[task.strategy].changes);
    tasks
}

/// The record before anything has run.
fn blank(plan: &SweepPlan, options: &RunOptions, strategies: &[SweptStrategy]) -> SweepRecord {
    let Sweep { over, values, safe } = &plan.sweep;
    let base = &plan.base;
    SweepRecord {
        format: Record::FORMAT,
        scenario: base.name.clone(),
        question: base.question.clone(),
        over: over.path().to_owned(),
        measure: values.measure,
        logarithmic: values.are_logarithmic(),
        values: values.list.iter().map(|(value, x)| SweepValue { text: value.to_string(), x: *x }).collect(),
        safe: safe.clone(),
        seeds: options.seeds,
        partial: false,
        strategies: strategies.iter().map(|strategy| strategy.info.clone()).collect(),
        concerned: strategies.iter().map(|strategy| strategy.changes).collect(),
        providers: base.providers.iter().map(provider_info).collect(),
        figures: SweepFigure::all().map(|figure| figure.name().to_owned()).collect(),
        trials: Vec::new(),
        found: Vec::new(),
    }
}

/// The figures of a trial: all that is kept of it.
fn figures(record: &SweepRecord, scenario: &Scenario, task: &SweepTask, trial: &Trial) -> SweepTrial {
    let frame = record.frame(scenario.duration.as_micros());
    let cell = |place| SweepFigure::all().map(|figure| figure.of(trial, &frame, place)).collect();
    let cells = record.places().into_iter().map(cell).collect();
    SweepTrial { value: task.value, strategy: task.strategy, seed: task.seed, hash: trial.hash.clone(), cells }
}

/// Keeps the values whose trials are all there, and counts what ran once at each of them.
fn keep_whole_values(
    record: &mut SweepRecord,
    plan: &SweepPlan,
    strategies: &[SweptStrategy],
    outcomes: Vec<SweepTrial>,
) {
    let seeds = record.seeds as usize;
    let mut done = vec![vec![0; strategies.len()]; plan.points.len()];
    for trial in &outcomes {
        done[trial.value][trial.strategy] += 1;
    }
    let whole: Vec<usize> = (0..plan.points.len())
        .filter(|value| {
            let at = |strategy: usize| if strategies[strategy].changes { *value } else { 0 };
            (0..strategies.len()).all(|strategy| done[at(strategy)][strategy] == seeds)
        })
        .collect();
    record.partial = whole.len() < plan.points.len();
    record.values = whole.iter().filter_map(|value| record.values.get(*value).cloned()).collect();
    let mut trials: Vec<SweepTrial> = Vec::new();
    for trial in outcomes {
        if strategies[trial.strategy].changes {
            let place = whole.iter().position(|value| *value == trial.value);
            trials.extend(place.map(|value| SweepTrial { value, ..trial }));
        } else {
            trials.extend((0..whole.len()).map(|value| SweepTrial { value, ..trial.clone() }));
        }
    }
    trials.sort_by_key(|trial| (trial.value, trial.strategy, trial.seed));
    record.trials = trials;
}

/// What there is to be found in a sweep.
fn find(record: &SweepRecord) -> Vec<SweepFinding> {
    let ordered = record.measure != Measure::Name && !record.values.is_empty();
    let concerned = (0..record.strategies.len()).filter(|strategy| record.concerned[*strategy]);
    let pairs = concerned.flat_map(|strategy| record.places().into_iter().map(move |provider| (strategy, provider)));
    pairs
        .map(|(strategy, provider)| SweepFinding {
            strategy,
            provider,
            knee: if ordered { find_knee(record, strategy, provider) } else { None },
            safe: if ordered { find_safe(record, strategy, provider) } else { None },
        })
        .collect()
}

/// The knee of the goodput, of the means and of each seed.
fn find_knee(record: &SweepRecord, strategy: usize, provider: Option<usize>) -> Option<Knee> {
    let curves: Vec<Vec<f64>> = by_seed(record, SweepFigure::GoodputPerHour, strategy, provider)
        .into_iter()
        .map(|curve| curve.into_iter().map(|goodput| goodput.unwrap_or(0.0)).collect())
        .collect();
    let points = |curve: &[f64]| -> Vec<(f64, f64)> {
        record.values.iter().map(|value| value.x).zip(curve.iter().copied()).collect()
    };
    let mean = |value: usize| curves.iter().map(|curve| curve[value]).sum::<f64>() / curves.len() as f64;
    let means: Vec<f64> = (0..record.values.len()).map(mean).collect();
    let mut each: Vec<usize> = curves.iter().filter_map(|curve| knee(&points(curve))).collect();
    each.sort_unstable();
    Some(Knee {
        value: knee(&points(&means))?,
        seeds: each.len(),
        median: lower_median(&each),
        interval: median_interval(&each),
    })
}

/// Up to which value it is safe. The safe end is the one where the criterion's figure is better in the mean; the low
/// one where both are alike.
fn find_safe(record: &SweepRecord, strategy: usize, provider: Option<usize>) -> Option<SafeRange> {
    let Criterion { metric, min, max, .. } = &record.safe;
    let metric: Metric = metric.parse().ok()?;
    let curves = by_seed(record, SweepFigure::Of(metric), strategy, provider);
    // How far outside of what is wanted; not defined is as far as it gets.
    let outside = |figure: Option<f64>| figure.map_or(f64::MAX, |figure| (min - figure).max(figure - max));
    let at = |value: Option<usize>| curves.iter().map(|curve| outside(value.and_then(|n| curve[n]))).sum::<f64>();
    let low_is_safe = at(Some(0)) <= at(record.values.len().checked_sub(1));
    let met: Vec<Vec<bool>> =
        curves.iter().map(|curve| curve.iter().map(|figure| record.safe.meets(*figure)).collect()).collect();
    safe_range::safe_range(&met, low_is_safe)
}

/// The curve of a figure under each seed.
fn by_seed(
    record: &SweepRecord,
    figure: SweepFigure,
    strategy: usize,
    provider: Option<usize>,
) -> Vec<Vec<Option<f64>>> {
    let at: Vec<Vec<Option<f64>>> =
        (0..record.values.len()).map(|value| record.figures_of(figure, value, strategy, provider)).collect();
    (0..record.seeds as usize).map(|seed| at.iter().map(|value| value.get(seed).copied().flatten()).collect()).collect()
}
