//! `mxlab check`: whether scenarios make sense, and what they will do.

use std::path::PathBuf;

use super::scenarios::{load_all, open, points};
use super::{Exit, Failure, output};
use crate::scenario;

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
            points(&open(path)?.0, sweep)?;
        }
    }
    let texts: Vec<String> = scenarios.iter().map(scenario::explain).collect();
    output::print(texts.join("\n"))?;
    Ok(Exit::Met)
}
