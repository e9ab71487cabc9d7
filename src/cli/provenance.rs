//! Where results come from: this program, on this machine, by this command.

use std::env;

use super::words::quoted;
use crate::parallel;
use crate::record::{Machine, Record, RunProvenance};
use crate::scenario::Scenario;
use crate::study;

/// Where the results of these trials come from.
pub(super) fn of_trials(scenario: &Scenario, options: &study::RunOptions) -> RunProvenance {
    RunProvenance {
        scenario_hash: format!("{:016x}", scenario.hash),
        seeds: options.seeds,
        ..without_scenario(&scenario.name, options.first_seed)
    }
}

/// Where results come from that no scenario decides.
pub(super) fn without_scenario(what: &str, seed: u64) -> RunProvenance {
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
