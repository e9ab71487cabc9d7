//! `mxlab check`: whether scenarios make sense, and what they will do.

use std::path::PathBuf;

use super::{Exit, Failure, sweep, terminal};
use crate::diagnostic;
use crate::scenario::{self, Draft, LoadError, Scenario};

/// Check scenarios and say in words what they will do.
///
/// Runs nothing and writes nothing. Every scenario is checked, and everything that is wrong is said with its place.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Scenario files.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  mxlab check scenarios/quickstart.toml
  mxlab check scenarios/quickstart.toml scenarios/hourly-limit.toml";

pub(super) fn check(args: &Args) -> Result<Exit, Failure> {
    let scenarios = load_all(&args.scenarios)?;
    for (path, scenario) in args.scenarios.iter().zip(&scenarios) {
        if let Some(sweep) = &scenario.sweep {
            sweep::points(&Draft::open(path).map_err(|error| Failure::drawn(drawn(&error)))?, sweep)?;
        }
    }
    let texts: Vec<String> = scenarios.iter().map(scenario::explain).collect();
    terminal::print(&texts.join("\n"))?;
    Ok(Exit::Met)
}

/// Loads every scenario, or says what is wrong with each that cannot be loaded.
pub(super) fn load_all(paths: &[PathBuf]) -> Result<Vec<Scenario>, Failure> {
    let (mut scenarios, mut wrong) = (Vec::new(), Vec::new());
    for path in paths {
        match scenario::load(path) {
            Ok(scenario) => scenarios.push(scenario),
            Err(error) => wrong.push(drawn(&error)),
        }
    }
    if wrong.is_empty() { Ok(scenarios) } else { Err(Failure::drawn(wrong.join("\n\n"))) }
}

/// What is wrong with a scenario, as standard error shows it.
pub(super) fn drawn(error: &LoadError) -> String {
    let styled = terminal::stderr_styled();
    match error {
        LoadError::Invalid(found) => diagnostic::render(found, styled),
        other => terminal::error(other),
    }
}
