//! What `summary.json` has in it, and what standard output says of results: a JSON object with a `type`.

use schemars::JsonSchema;
use serde::Serialize;

use super::json::RunSummary;
use super::sweep::SweepSummary;

/// The summary of a results folder.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ResultsSummary<'a> {
    /// Of a run.
    Summary(Box<RunSummary<'a>>),
    /// Of a sweep.
    Sweep(SweepSummary<'a>),
}
