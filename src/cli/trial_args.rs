//! Arguments that `run`, `sweep` and `send` have in common: which trials of a scenario.

use super::Failure;
use crate::diagnostic::{did_you_mean, nearest};
use crate::parallel;
use crate::scenario::Scenario;
use crate::study;

/// Which trials of a scenario to run.
#[derive(clap::Args)]
pub(super) struct TrialArgs {
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
}

impl TrialArgs {
    /// What the command line and the scenario say together; as many threads as were asked for or as there are cores.
    pub(super) fn options(&self, scenario: &Scenario, bound: bool) -> Result<study::RunOptions, Failure> {
        let first_seed = self.seed.unwrap_or(scenario.seed);
        let seeds = self.seeds.unwrap_or(scenario.seeds);
        if first_seed.checked_add(u64::from(seeds.saturating_sub(1))).is_none() {
            return Err(Failure::input(format_args!("there are no {seeds} seeds from {first_seed} on")));
        }
        for name in &self.strategies {
            // The oracle is always there: alone it is only the bound.
            let known = || scenario.strategies.iter().map(|strategy| strategy.name.as_str()).chain(["oracle"]);
            if !known().any(|known| known == name) {
                let all = || format!("it has {}", known().collect::<Vec<_>>().join(", "));
                let hint = nearest(name, known()).map_or_else(all, did_you_mean);
                return Err(Failure::input(format_args!("{} has no strategy `{name}`; {hint}", scenario.name)));
            }
        }
        let threads = self.threads.map_or_else(parallel::cores, usize::from);
        Ok(study::RunOptions { first_seed, seeds, threads, bound, spread: false, strategies: self.strategies.clone() })
    }
}
