//! What happened: counters, time series and histograms of every trial.
//!
//! A world writes into a [`Recorder`]; when the trial ends it becomes a [`Trial`], and a run's trials a [`Record`],
//! which is saved as `record.json`. Reports read only that. All counts are of recipients unless a name says
//! otherwise.

mod latency;
mod metrics;
mod model;
mod provenance;
mod recorder;
mod sweep;

pub use latency::{Latencies, Phase};
pub use metrics::{METRICS, Metric, Unit, UnknownMetric, value};
pub use model::{Cell, Expected, Limited, Provider, Record, Replied, Series, Strategy, Totals, Trial};
pub use provenance::{Machine, Provenance};
pub use recorder::{Ending, Recorder, Sample, Silence, Unbalanced};
pub use sweep::{Criterion, Found, Knee, Measure, Safe, SweepRecord, Swept, SweptTrial, SweptValue};
