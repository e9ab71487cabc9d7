//! Scenarios as text, and one trial of each of their strategies.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use mxlab::diagnostic::Document;
use mxlab::record::Trial;
use mxlab::rng::Seed;
use mxlab::scenario::{Scenario, parse};
use mxlab::sim;
use mxlab::trial::TrialInput;
use mxlab::workload::generate;

/// The scenario that `text` means; `profile` is the text of a profile it may call `lab.toml`.
pub(crate) fn scenario(text: &str, profile: &str) -> Scenario {
    let files = |path: &Path| match path.to_str() {
        Some("lab.toml") => Ok(profile.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    parse(&Document::new("lab.toml".to_owned(), text.to_owned()), Path::new(""), &files).unwrap_or_else(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(|diagnostic| diagnostic.render(false)).collect();
        panic!("{}", wrong.join("\n"))
    })
}

/// A trial of every strategy of the scenario under a seed.
pub(crate) fn trials(scenario: &Scenario, seed: u64) -> Vec<Trial> {
    let mail = generate(&scenario.workload, Seed(seed)).unwrap();
    let run = |strategy| {
        sim::trial(TrialInput { scenario, strategy, seed, unknowns: seed, mail: &mail }, &AtomicBool::new(false))
    };
    scenario.strategies.iter().map(|strategy| run(strategy).unwrap().unwrap()).collect()
}
