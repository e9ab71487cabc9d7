//! Scenarios as text, and one trial of each of their strategies.

#[path = "../support/scenario.rs"]
mod scenario_text;

use std::sync::atomic::AtomicBool;

use mxlab::record::Trial;
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::sim;
use mxlab::trial::TrialInput;
use mxlab::workload::generate;

/// The scenario that `text` means; `profile` is the text of a profile it may call `lab.toml`.
pub(crate) fn scenario(text: &str, profile: &str) -> Scenario {
    scenario_text::scenario("lab.toml", text, &[("lab.toml", profile)])
}

/// A trial of every strategy of the scenario under a seed.
pub(crate) fn trials(scenario: &Scenario, seed: u64) -> Vec<Trial> {
    let mail = generate(&scenario.workload, Seed(seed)).unwrap();
    let run = |strategy| {
        sim::trial(TrialInput { scenario, strategy, seed, unknowns: seed, mail: &mail }, &AtomicBool::new(false))
    };
    scenario.strategies.iter().map(|strategy| run(strategy).unwrap().unwrap()).collect()
}
