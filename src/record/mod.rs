//! What happened: counters, time series and histograms of every trial.
//!
//! A world writes into a [`Recorder`]; when the trial ends it becomes a [`Trial`], and a run's trials a [`Record`],
//! which is saved as `record.json`. Reports read only that. All counts are of recipients unless a name says
//! otherwise.

mod cell;
mod figures;
mod input;
mod latency;
mod milestones;
mod model;
mod own_failure;
mod provenance;
mod recorder;
mod sweep;

pub use cell::ConservationError;
pub use figures::value;
pub use input::{
    Attempt, AttemptOutcome, ClosingAccount, ConnectionFailure, ProviderFacts, ProviderSample, RefusingReply,
    ReplyFacts, Response, Sample, SenderAccount, ServedAttempt,
};
pub use latency::{Latencies, LatencyPhase, StrategyLatencies};
pub use milestones::milestones;
pub use model::{
    Cell, ExpectationResult, MovedTrial, ProviderInfo, Record, ReplyCount, RuleActivity, Series, StrategyInfo, Totals,
    Trial, UnknownInfo, WindowSum,
};
pub use own_failure::{OwnFailure, OwnFailures};
pub use provenance::{Machine, RunProvenance};
pub use recorder::Recorder;
pub use sweep::{Knee, SafeRange, SweepFigure, SweepFinding, SweepRecord, SweepTrial, SweepValue};
