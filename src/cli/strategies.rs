//! `mxlab strategies`: the presets that are built in, and what they do.

use std::fmt::Write;

use super::{Exit, Failure, output};
use crate::diagnostic::{did_you_mean, nearest};
use crate::sender::preset;

/// List strategy presets, or show one on all its axes.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<StrategiesCommand>,
}

#[derive(clap::Subcommand)]
enum StrategiesCommand {
    /// Names of the presets, and what each does in a sentence.
    List,
    /// What a preset chooses on every axis.
    Show {
        /// A preset.
        name: String,
    },
}

const EXAMPLES: &str = "\
Examples:
  mxlab strategies
  mxlab strategies show aimd";

pub(super) fn strategies(args: &Args) -> Result<Exit, Failure> {
    let text = match &args.what {
        None | Some(StrategiesCommand::List) => list(),
        Some(StrategiesCommand::Show { name }) => preset::describe(name).ok_or_else(|| unknown(name))?,
    };
    output::print(text)?;
    Ok(Exit::Met)
}

fn list() -> String {
    let mut text = String::new();
    for name in preset::NAMES {
        let about = preset::strategy(name).and_then(Result::ok).map(|strategy| strategy.about).unwrap_or_default();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{name:<12} {about}");
    }
    text
}

fn unknown(name: &str) -> Failure {
    let near = nearest(name, preset::NAMES.iter().copied());
    let hint = near.map_or_else(|| format!("built in are {}", preset::NAMES.join(", ")), did_you_mean);
    Failure::input(format_args!("there is no strategy `{name}`; {hint}"))
}
