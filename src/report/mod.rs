//! What people read: a table in the terminal, files for other programs, plots, and one page that shows everything.
//!
//! Reads a [`Record`](crate::record::Record) and nothing else, so that a report can be drawn again years later from
//! `record.json`. Equal records give equal bytes: nothing here looks at a clock or at the machine.
//!
//! - `summary`, `curve`, `replies`, `histograms`: the trials put together over the seeds
//! - `analysis`: what a run comes to, worked out once; `ranking`, `comparisons`, `spread`, `unknown_shares`: strategies
//!   against each other, where the spread over seeds comes from, and which unknown matters
//! - `answer`, `table`, `run_page`, `seed_tables`, `json`: what is said; `words`: how numbers and names are written
//! - `connection_cap`, `peer_faults`: what a reader must know besides
//! - `plots`: what is drawn, `drawing`: what of it a page shows
//! - `sweep`: the same for a sweep, which has a record of its own kind
//! - `latencies`: how long everything took on real sockets
//! - `files`, `spreadsheets`, `write`, `folder`: a results folder, written and read

mod analysis;
mod answer;
mod comparisons;
mod connection_cap;
mod curve;
mod drawing;
mod files;
mod folder;
mod histograms;
mod json;
mod latencies;
mod page;
mod peer_faults;
mod plots;
mod ranking;
mod replies;
mod results_summary;
mod run_page;
#[cfg(test)]
mod sample;
mod seed_tables;
mod spread;
mod spreadsheets;
mod summary;
mod sweep;
mod table;
mod unknown_shares;
mod words;
mod write;

pub use analysis::Analysis;
pub use drawing::PlotError;
pub use files::write_all;
pub use folder::{ReadError, read, read_provenance};
pub use histograms::BrokenHistogram;
pub use json::{RunSummary, SchemaVersion};
pub use latencies::{latency_table, write_latencies};
pub use results_summary::ResultsSummary;
pub use sweep::{SweepSummary, is_sweep, read_sweep, sweep_table, write_sweep};
pub use table::{TableStyle, table};
pub use write::WriteError;
