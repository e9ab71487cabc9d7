//! What is known of the terminal, and notes on standard error.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::report::TableStyle;

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
pub(super) fn look() -> TableStyle {
    if !io::stdout().is_terminal() {
        return TableStyle { width: None, styled: false };
    }
    TableStyle { width: terminal_size::terminal_size().map(|(width, _)| width.0), styled: colours_wanted() }
}

fn colours_wanted() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
    !refused && !dumb
}
