//! Whether a run will fit into memory: asked before it begins, so that no machine is swapped to death.

use super::Failure;
use super::available_memory::available;
use crate::scenario::Scenario;
use crate::study::{RunOptions, has_crossed_trials, moved_trials_at_most};
use crate::units::Bytes;

/// Refuses a run that needs more than 80 % of the memory that is available, with numbers and advice.
pub(super) fn suffices_for(scenario: &Scenario, options: &RunOptions) -> Result<(), Failure> {
    suffices(&scenario.name, scenario.memory_per_trial(), kept(scenario, options), options.threads)
}

/// Bytes of what is kept of all trials until the report is written: time series and a histogram for each provider, and
/// the sums of crossed trials and of those with a moved unknown.
fn kept(scenario: &Scenario, options: &RunOptions) -> u64 {
    let strategies = if options.strategies.is_empty() { scenario.strategies.len() } else { options.strategies.len() };
    let crossed = if has_crossed_trials(scenario, options) { strategies as u64 * CROSSED_CELL } else { 0 };
    let bytes = ((strategies + usize::from(options.bound)) as u64).saturating_mul(CELL).saturating_add(crossed);
    let moved = moved_trials_at_most(scenario, options) as u64 * CROSSED_CELL;
    let bytes = bytes.saturating_mul(u64::from(options.seeds)).saturating_add(moved);
    bytes.saturating_mul(scenario.providers.len() as u64)
}

/// Bytes of one strategy, seed and provider in a record and its report, measured with ten thousand seeds.
const CELL: u64 = 64_000;

/// Bytes of one strategy, seed and provider of a crossed trial, or one with a moved unknown: sums, and the limits of
/// each rule.
const CROSSED_CELL: u64 = 4_000;

/// Refuses what needs more than 80 % of the memory that is available, with numbers and advice.
/// `kept` bytes stay until the run is over, besides what the trials that run side by side need.
pub(super) fn suffices(scenario: &str, per_trial: u64, kept: u64, threads: usize) -> Result<(), Failure> {
    match available() {
        Some(available) => fits(scenario, per_trial, kept, threads, available).map_err(Failure::input),
        None => Ok(()),
    }
}

fn fits(scenario: &str, per_trial: u64, kept: u64, threads: usize, available: u64) -> Result<(), String> {
    let needed = per_trial.saturating_mul(threads as u64).saturating_add(kept);
    let usable = available / 5 * 4;
    if needed <= usable {
        return Ok(());
    }
    let advice = match usize::try_from(usable.saturating_sub(kept) / per_trial.max(1)) {
        _ if kept > usable / 2 => "the results of so many trials do not fit: run fewer seeds".to_owned(),
        Ok(fitting) if fitting > 0 => format!("run fewer trials side by side: --threads {fitting}"),
        _ => "not even one trial fits: send to fewer recipients".to_owned(),
    };
    Err(format!(
        "{scenario} needs about {} of memory ({threads} trials side by side, {} each, and {} for the results), and of the {} available mxlab \
         takes at most {}\n  {advice}",
        Bytes(needed),
        Bytes(per_trial),
        Bytes(kept),
        Bytes(available),
        Bytes(usable)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_advice() {
        assert_eq!(fits("a", 100, 0, 8, 1_000), Ok(()));
        let refusal = fits("a", 100, 0, 9, 1_000).unwrap_err();
        assert!(refusal.contains("900 B") && refusal.contains("--threads 8"), "{refusal}");
        assert!(fits("a", u64::MAX, 0, 2, 1_000).unwrap_err().contains("fewer recipients"));
    }
}
