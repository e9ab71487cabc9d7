//! Scenario files as subcommands read them: all of them or what is wrong with each, drawn with its place.

use std::path::{Path, PathBuf};

use super::{Failure, terminal};
use crate::harmless::TerminalText;
use crate::scenario::sweep::Sweep;
use crate::scenario::{self, Draft, LoadError, Scenario};

/// Loads every scenario, or says what is wrong with each that cannot be loaded.
pub(super) fn load_all(paths: &[PathBuf]) -> Result<Vec<Scenario>, Failure> {
    let (mut scenarios, mut wrong) = (Vec::new(), Vec::new());
    for path in paths {
        match scenario::load(path) {
            Ok(scenario) => scenarios.push(scenario),
            Err(error) => wrong.push(rendered(&error)),
        }
    }
    if wrong.is_empty() { Ok(scenarios) } else { Err(Failure::rendered(TerminalText::joined(&wrong, "\n\n"))) }
}

/// What is wrong with a scenario, as standard error shows it.
fn rendered(error: &LoadError) -> TerminalText {
    match error {
        LoadError::Invalid(found) => terminal::diagnostics(found),
        other @ LoadError::Unreadable { .. } => terminal::error(other),
    }
}

/// Opens a scenario whose values can be changed.
///
/// # Errors
///
/// Where it is no scenario, all that is wrong with it.
pub(super) fn open(path: &Path) -> Result<(Draft, Scenario), Failure> {
    let rendered = |error: LoadError| Failure::rendered(rendered(&error));
    let draft = Draft::open(path).map_err(rendered)?;
    let base = draft.scenario().map_err(rendered)?;
    Ok((draft, base))
}

/// The scenario with each value of a sweep. What makes no scenario is bad input.
pub(super) fn points(draft: &Draft, sweep: &Sweep) -> Result<Vec<Scenario>, Failure> {
    draft.points(sweep).map_err(|wrong| {
        Failure::rendered(TerminalText::joined(&[terminal::error(&wrong), rendered(&wrong.error)], "\n\n"))
    })
}
