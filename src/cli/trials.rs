//! What `run` and `sweep` have in common: which trials, and where their results come from.

use std::env;

use super::Failure;
use crate::diagnostic::nearest;
use crate::parallel;
use crate::record::{Machine, Record, RunProvenance};
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
                let hint = match nearest(name, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it has {}", known().collect::<Vec<_>>().join(", ")),
                };
                return Err(Failure::input(format_args!("{} has no strategy `{name}`; {hint}", scenario.name)));
            }
        }
        let threads = self.threads.map_or_else(parallel::cores, usize::from);
        Ok(study::RunOptions { first_seed, seeds, threads, bound, spread: false, strategies: self.strategies.clone() })
    }
}

/// Where the results of these trials come from.
pub(super) fn provenance(scenario: &Scenario, options: &study::RunOptions) -> RunProvenance {
    RunProvenance {
        scenario_hash: format!("{:016x}", scenario.hash),
        seeds: options.seeds,
        ..made_here(&scenario.name, options.first_seed)
    }
}

/// Where results come from that no scenario decides.
pub(super) fn made_here(what: &str, seed: u64) -> RunProvenance {
    let arguments = env::args().skip(1).map(|argument| format!(" {}", quoted(&argument)));
    RunProvenance {
        format: Record::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: what.to_owned(),
        scenario_hash: String::new(),
        command: format!("mxlab{}", arguments.collect::<String>()),
        seed,
        seeds: 1,
        machine: Machine {
            os: env::consts::OS.to_owned(),
            arch: env::consts::ARCH.to_owned(),
            cores: parallel::cores(),
        },
    }
}

/// The seeds in words.
pub(super) fn seeds(options: &study::RunOptions) -> String {
    let last = options.first_seed + u64::from(options.seeds) - 1;
    match options.seeds {
        1 => format!("seed {last}"),
        _ => format!("seeds {} to {last}", options.first_seed),
    }
}

/// A count as people read it: `50,000`.
pub(super) fn grouped(digits: &str) -> String {
    let comma = |n: usize| n > 0 && (digits.len() - n).is_multiple_of(3);
    digits.char_indices().flat_map(|(n, digit)| comma(n).then_some(',').into_iter().chain([digit])).collect()
}

/// An argument as a shell takes it.
pub(super) fn quoted(argument: &str) -> String {
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
