//! What people read of a sweep: an answer, a table, files for other programs, plots, a page.
//!
//! Reads a [`SweepRecord`](crate::record::SweepRecord) and nothing else; equal records give equal bytes.
//!
//! - `rows`: the figures put together over the seeds
//! - `answer`, `table`, `page`, `json`: what is said; `files`: a results folder, written and read

pub(super) mod answer;
mod files;
mod json;
mod page;
mod rows;
mod table;

pub use files::{is_sweep, read_sweep, write_sweep};
pub use json::SweepSummary;
pub(super) use rows::SweepRow;
pub use table::sweep_table;
