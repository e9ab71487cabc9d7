//! What is known of the terminal, and how to write to it.

use std::env;
use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};

use super::Failure;
use crate::report::Look;

/// Writes `text` to standard output, with a line's end.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::reader_gone()),
        Err(error) => Err(Failure::unwritten(format_args!("cannot write to standard output: {error}"))),
    }
}

/// Writes a note to standard error. Notes may be lost.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// `message` after `error: `, as standard error shows it.
pub(super) fn error(message: impl fmt::Display) -> String {
    let error = if stderr_styled() { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
    format!("{error}: {message}")
}

/// Whether colours go to standard error: only to a terminal, and not where `NO_COLOR` is set (<https://no-color.org>).
pub(super) fn stderr_styled() -> bool {
    io::stderr().is_terminal() && colours_wanted()
}

/// How a table should look on standard output: as wide as the terminal, and as wide as it likes elsewhere.
pub(super) fn look() -> Look {
    if !io::stdout().is_terminal() {
        return Look { width: None, styled: false };
    }
    Look { width: terminal_size::terminal_size().map(|(width, _)| width.0), styled: colours_wanted() }
}

fn colours_wanted() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
    !refused && !dumb
}
