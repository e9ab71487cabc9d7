//! What a file holds the whole sender to, and what it means.

use schemars::JsonSchema;
use serde::Deserialize;

use super::capped::capped;
use crate::sender::strategy::ProcessLimits;
use crate::spanned::{Capped, Checker, Count, Spanned};
use crate::time::Span;

/// What the whole sender is held to. What is not given is as in the preset, or else no limit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProcessLimitsSpec {
    /// Deliveries at once, or "unlimited".
    pub deliveries: Option<Spanned<Capped<Count>>>,
    /// The next delivery begins no sooner than this after the end of the one before.
    pub delay: Option<Span>,
    /// Recipients that are worked on at once, or "unlimited".
    pub active: Option<Spanned<Capped<Count>>>,
    /// What it takes to bring a message among those that are worked on, one after the other.
    pub intake: Option<Span>,
}

/// Lays `spec` over `base`.
pub(super) fn overlay(base: &mut ProcessLimits, spec: &ProcessLimitsSpec, check: &mut Checker<'_>) {
    if let Some(written) = &spec.deliveries {
        base.deliveries = capped(written, check);
    }
    if let Some(written) = &spec.active {
        base.active = capped(written, check);
    }
    base.delay = spec.delay.unwrap_or(base.delay);
    base.intake = spec.intake.unwrap_or(base.intake);
}
