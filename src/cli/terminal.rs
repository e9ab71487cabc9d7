//! What is known of the terminal, and what standard error says. It takes only text that does nothing to a terminal.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::diagnostic::{self, Diagnostic};
use crate::harmless::TerminalText;
use crate::report::TableStyle;

/// Writes a note to standard error. Notes may be lost: there is no place left to say so.
pub(super) fn note(text: impl Into<TerminalText>) {
    let _ = writeln!(io::stderr(), "{}", text.into());
}

/// `message` after `error: `, as standard error shows it.
pub(super) fn error(message: impl fmt::Display) -> TerminalText {
    let mut text = if stderr_styled() { TerminalText::painted("1;31", "error") } else { "error".into() };
    text.push(format!(": {message}"));
    text
}

/// What is wrong with files, as standard error shows it.
pub(super) fn diagnostics(found: &[Diagnostic]) -> TerminalText {
    diagnostic::render(found, stderr_styled())
}

/// Whether colours go to standard error: only to a terminal, and not where `NO_COLOR` is set (<https://no-color.org>).
fn stderr_styled() -> bool {
    io::stderr().is_terminal() && colours_wanted()
}

/// How a table should look there: as wide as the terminal, and as wide as it likes elsewhere.
pub(super) fn look(out: &impl IsTerminal) -> TableStyle {
    if !out.is_terminal() {
        return TableStyle { width: None, styled: false };
    }
    TableStyle { width: terminal_size::terminal_size().map(|(width, _)| width.0), styled: colours_wanted() }
}

fn colours_wanted() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
    !refused && !dumb
}
