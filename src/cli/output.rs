//! Standard output: what was asked for, as it was asked for.

use std::io::{self, ErrorKind, Write};

use clap::ValueEnum;

use super::{Failure, terminal};
use crate::record::SweepRecord;
use crate::report::{self, Analysis};

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// One table, for people.
    Table,
    /// The summary, for programs.
    Json,
}

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

/// Prints what a run comes to as it was asked for.
pub(super) fn show_run(analysis: &Analysis<'_>, format: OutputFormat) -> Result<(), Failure> {
    match format {
        OutputFormat::Table => print(&report::table(analysis, terminal::look())),
        OutputFormat::Json => print(&report::summary_json(analysis).to_string()),
    }
}

/// Prints the record of a sweep as it was asked for.
pub(super) fn show_sweep(record: &SweepRecord, format: OutputFormat) -> Result<(), Failure> {
    match format {
        OutputFormat::Table => print(&report::sweep_table(record, terminal::look())),
        OutputFormat::Json => print(&report::sweep_json(record).to_string()),
    }
}
