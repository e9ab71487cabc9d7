//! `mxlab report`: tables, plots and HTML again from what a run or a sweep recorded.

use std::path::PathBuf;

use super::output::{OutputFormat, show_run, show_sweep};
use super::{Exit, Failure};
use crate::report::{self, Analysis};

/// Draw the reports of a results folder anew, without running anything.
///
/// Reads `record.json` (of a sweep: `sweep.json`) and `run.json`; the same record gives the same files. Prints the
/// table.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A results folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What goes to standard output: a table, or the summary as JSON.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Table)]
    format: OutputFormat,
}

const EXAMPLES: &str = "\
Examples:
  mxlab report results/quickstart/reference
  mxlab report results/quickstart/reference --format json";

pub(super) fn report(args: &Args) -> Result<Exit, Failure> {
    if report::is_sweep(&args.folder) {
        let record = report::read_sweep(&args.folder).map_err(Failure::input)?;
        let provenance = report::read_provenance(&args.folder).map_err(Failure::input)?;
        report::write_sweep(&record, &provenance, &args.folder).map_err(Failure::unwritten)?;
        show_sweep(&record, args.format)?;
        return Ok(Exit::Met);
    }
    let record = report::read(&args.folder).map_err(Failure::input)?;
    let provenance = report::read_provenance(&args.folder).map_err(Failure::input)?;
    let analysis = Analysis::of(&record);
    report::write_all(&analysis, &provenance, &args.folder).map_err(Failure::unwritten)?;
    show_run(&analysis, args.format)?;
    Ok(Exit::Met)
}
