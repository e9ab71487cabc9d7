//! Why a command ended early: an exit code and a message.

use std::fmt;
use std::io;
use std::path::Path;

use super::{Exit, terminal};
use crate::harmless::TerminalText;

/// A command's early end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    exit: Exit,
    message: TerminalText,
}

impl Failure {
    /// Bad input: says `message` after `error: `.
    pub(super) fn input(message: impl fmt::Display) -> Self {
        Self::new(Exit::BadInput, message)
    }

    /// Bad input that is rendered already, with its place.
    pub(super) fn rendered(message: TerminalText) -> Self {
        Self { exit: Exit::BadInput, message }
    }

    /// A broken invariant.
    pub(super) fn broken(message: impl fmt::Display) -> Self {
        Self::new(Exit::Broken, message)
    }

    /// A result that could not be written.
    pub(super) fn unwritten(message: impl fmt::Display) -> Self {
        Self::new(Exit::Io, message)
    }

    /// A file or folder that could not be written.
    pub(super) fn unwritten_path(path: &Path, error: &io::Error) -> Self {
        Self::unwritten(format_args!("cannot write {}: {error}", path.display()))
    }

    /// The reader of standard output went away: no message, no error.
    pub(super) fn reader_gone() -> Self {
        Self { exit: Exit::Met, message: TerminalText::default() }
    }

    /// Writes the message to standard error, and says how to end.
    pub(super) fn report(self) -> Exit {
        if !self.message.is_empty() {
            terminal::note(self.message);
        }
        self.exit
    }

    fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: terminal::error(message) }
    }
}
