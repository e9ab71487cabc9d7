//! Limits: a count and the number it may not exceed.
//!
//! `step` says what a limit does at each stage, `state` what it remembers and how it is evaluated, `forecast` when it
//! would have room, `words` what people read.

pub(in crate::provider) mod forecast;
pub(in crate::provider) mod state;
pub(in crate::provider) mod step;
mod words;

use super::meter::Meter;
use super::population::Population;
use crate::provider::limit_value::{LimitSubject, LimitValue};
use crate::provider::reputation::ReputationOf;
use crate::provider::scope::Scope;
use crate::provider::window::{Counted, Window};

/// A count and the number it may not exceed.
#[derive(Clone, Debug)]
pub struct Limit {
    /// What is counted.
    pub meter: Meter,
    /// Whose counter it is: there is one for every key of the scope.
    pub scope: Scope,
    /// Over which time it counts, from gauge to average.
    pub window: Window,
    /// Whether what is refused counts too.
    pub counted: Counted,
    /// The number, by tier.
    pub value: LimitValue,
    /// Whose reputation chooses the tier.
    pub reputation_of: ReputationOf,
}

impl Limit {
    /// Whose standings the number hangs on.
    pub(in crate::provider) const fn judged_by(&self) -> LimitSubject {
        LimitSubject { scope: self.scope, reputation_of: self.reputation_of }
    }

    /// Bytes that the limit remembers at most, roughly: a counter for every key, and the moments of sliding logs.
    pub(super) fn memory(&self, population: &Population) -> f64 {
        let keys = population.keys(self.scope);
        let moments = match self.window {
            // A log never holds more moments than there were events; retries may bring a few times as many.
            Window::Sliding { .. } => (self.value.largest() * keys).min(4.0 * population.recipients),
            Window::Gauge
            | Window::Session
            | Window::Message
            | Window::Fixed { .. }
            | Window::Bucket { .. }
            | Window::Ewma { .. } => 0.0,
        };
        keys * Population::COUNTER_BYTES + moments * MOMENT_BYTES
    }
}

/// Bytes of one moment in a sliding log.
const MOMENT_BYTES: f64 = 8.0;
