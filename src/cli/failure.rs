//! Why a command ended early: an exit code and a message.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use super::{Exit, terminal};

/// A command's early end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// Bad input: says `message` after `error: `.
    pub(super) fn input(message: impl fmt::Display) -> Self {
        Self::new(Exit::BadInput, message)
    }

    /// Bad input that is rendered already, with its place.
    pub(super) fn rendered(message: String) -> Self {
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
        Self { exit: Exit::Met, message: String::new() }
    }

    /// Writes the message to standard error, and says how to end.
    pub(super) fn report(self) -> Exit {
        if !self.message.is_empty() {
            // Where standard error cannot be written, there is no place left to say so.
            let _ = writeln!(io::stderr(), "{}", self.message);
        }
        self.exit
    }

    fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: terminal::error(message) }
    }
}
