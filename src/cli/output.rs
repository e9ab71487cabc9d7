//! Standard output: what was asked for, as it was asked for.

use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ValueEnum;

use super::output_line::OutputLine;
use super::{Failure, terminal};
use crate::harmless::{self, TerminalText};
use crate::record::SweepRecord;
use crate::report::{self, Analysis, ResultsSummary, RunSummary, SweepSummary};

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// One table, for people.
    Table,
    /// For programs: lines of JSON, each with a `type` (see `mxlab schema events`).
    Json,
}

impl OutputFormat {
    /// What was asked for, or else what suits the reader: a table on a terminal, JSON in a pipe.
    pub(super) fn or_by_reader(asked: Option<Self>) -> Self {
        asked.unwrap_or_else(|| if io::stdout().is_terminal() { Self::Table } else { Self::Json })
    }
}

/// Writes text for people to standard output, with a line's end.
pub(super) fn print(text: impl Into<TerminalText>) -> Result<(), Failure> {
    write(&text.into())
}

/// Writes a line for programs to standard output.
pub(super) fn print_json(line: &OutputLine<'_>) -> Result<(), Failure> {
    write(&json_line(line)?)
}

/// A line for programs, without its end.
pub(super) fn json_line(line: &OutputLine<'_>) -> Result<String, Failure> {
    serde_json::to_string(line).map(harmless::json).map_err(Failure::broken)
}

fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) => Err(unwritten(&error)),
    }
}

/// Standard output could not be written. That its reader went away is no failure.
pub(super) fn unwritten(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::reader_gone(),
        _ => Failure::unwritten(format_args!("cannot write to standard output: {error}")),
    }
}

/// Prints what a run comes to as it was asked for.
pub(super) fn show_run(analysis: &Analysis<'_>, format: OutputFormat) -> Result<(), Failure> {
    match format {
        OutputFormat::Table => print(report::table(analysis, terminal::look(&io::stdout()))),
        OutputFormat::Json => {
            print_json(&OutputLine::Results(ResultsSummary::Summary(Box::new(RunSummary::of(analysis)))))
        }
    }
}

/// Prints what a run comes to that was stopped before any trial was finished: a program gets its last line all the
/// same, and people have been told.
pub(super) fn show_nothing(analysis: &Analysis<'_>, format: OutputFormat) -> Result<(), Failure> {
    if format == OutputFormat::Json { show_run(analysis, format) } else { Ok(()) }
}

/// Prints the record of a sweep as it was asked for.
pub(super) fn show_sweep(record: &SweepRecord, format: OutputFormat) -> Result<(), Failure> {
    match format {
        OutputFormat::Table => print(report::sweep_table(record, terminal::look(&io::stdout()))),
        OutputFormat::Json => print_json(&OutputLine::Results(ResultsSummary::Sweep(SweepSummary::of(record)))),
    }
}
