//! What happened: counters, time series and histograms of every trial.
//!
//! A world writes into a [`Recorder`]; when the trial ends it becomes a [`Trial`], and a run's trials a [`Record`],
//! which is saved as `record.json`. Reports read only that. All counts are of recipients unless a name says
//! otherwise.

mod figures;
mod latency;
mod model;
mod provenance;
mod recorder;
mod sweep;

pub use figures::value;
pub use latency::{Latencies, LatencyPhase};
pub use model::{
    Cell, ExpectationResult, ProviderInfo, Record, ReplyCount, RuleActivity, Series, StrategyInfo, Totals, Trial,
};
pub use provenance::{Machine, RunProvenance};
pub use recorder::{ConnectionFailure, ConservationError, Ending, Recorder, Sample};
pub use sweep::{Knee, SafeRange, SweepFigure, SweepFinding, SweepRecord, SweepTrial, SweepValue};
