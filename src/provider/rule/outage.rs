//! Outages: the server is out of order from one moment to another.

use schemars::JsonSchema;
use serde::Deserialize;

use super::check_kind::CheckKind;
use super::population::Population;
use crate::spanned::{Checker, Spanned};
use crate::time::{Span, Time};

/// A time in which the server is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first moment of it.
    pub from: Time,
    /// The first moment after it.
    pub until: Time,
}

/// A stretch of the trial in which the server is out of order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OutageSpec {
    /// When it begins.
    pub from: Span,
    /// When it ends.
    pub until: Spanned<Span>,
}

impl Outage {
    /// What a profile's outage means.
    pub(super) fn build(spec: &OutageSpec, check: &mut Checker<'_>) -> Self {
        if spec.from >= spec.until.value {
            let message = format!("this outage ends at {} and begins at {}", spec.until.value, spec.from);
            check.wrong_do(&spec.until.span, message, "`from` must be before `until`");
        }
        Self { from: Time::ZERO + spec.from, until: Time::ZERO + spec.until.value }
    }

    /// Whether a command at `now` is let pass.
    #[inline]
    pub(super) fn permits(&self, now: Time) -> bool {
        now < self.from || now >= self.until
    }
}

impl CheckKind for Outage {
    fn words(&self) -> String {
        format!("out of order from {} to {}", self.from, self.until)
    }

    fn reason(&self) -> Option<&'static str> {
        Some("an outage")
    }

    /// The server works again then.
    fn earliest(&self, at: Time) -> Time {
        if self.permits(at) { at } else { self.until }
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
