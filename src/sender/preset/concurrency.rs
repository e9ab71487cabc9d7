//! The concurrency axis as a file writes it, and what it means.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use super::capped::capped;
use crate::sender::strategy::Concurrency;
use crate::sender::strategy::concurrency::aimd::{Aimd, IncreasePer};
use crate::sender::strategy::concurrency::feedback::{Feedback, FeedbackRule, FeedbackStep, FeedbackStepError};
use crate::spanned::{Capped, Checker, Count, Spanned};

/// How many deliveries at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ConcurrencySpec {
    /// No limit of its own.
    Unlimited,
    /// Always so many.
    Fixed(Spanned<Count>),
    /// Additive increase, multiplicative decrease.
    Aimd(AimdSpec),
    /// Postfix's concurrency feedback.
    Feedback(FeedbackSpec),
}

/// Postfix's concurrency feedback. What is not given is as in the preset, or else Postfix's default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FeedbackSpec {
    /// The window at the start; 5 by default.
    pub initial: Option<Spanned<Count>>,
    /// Never above, or "unlimited"; 20 by default.
    pub limit: Option<Spanned<Capped<Count>>>,
    /// What a success adds: a number from 0 to 1, `1/concurrency` or `1/sqrt_concurrency`; 1 by default.
    pub positive: Option<Spanned<String>>,
    /// What a failure takes away, likewise.
    pub negative: Option<Spanned<String>>,
    /// How steps become places: as in the code Postfix ships (by default), or as in its published README.
    pub rule: Option<FeedbackRule>,
}

/// Additive increase, multiplicative decrease. What is not given is as in the preset, or else the default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AimdSpec {
    /// The window at the start; 1 by default.
    pub initial: Option<Spanned<Count>>,
    /// Never below; 1 by default.
    pub min: Option<Spanned<Count>>,
    /// Never above; 100 by default.
    pub max: Option<Spanned<Count>>,
    /// Added for every delivery or for every window of deliveries; 1 by default.
    pub increase: Option<Spanned<f64>>,
    /// The window is multiplied by this when the site pushes back; above 0 and below 1; 0.5 by default.
    pub decrease: Option<Spanned<f64>>,
    /// What `increase` is added for: every delivery, or (by default) every window of deliveries.
    pub per: Option<IncreasePer>,
}

/// Lays `spec` over `base`.
pub(super) fn build(base: Concurrency, spec: &Spanned<ConcurrencySpec>, check: &mut Checker<'_>) -> Concurrency {
    match &spec.value {
        ConcurrencySpec::Unlimited => Concurrency::Unlimited,
        ConcurrencySpec::Fixed(limit) => Concurrency::Fixed(check.count(limit, 1..=u32::MAX)),
        ConcurrencySpec::Aimd(written) => Concurrency::Aimd(aimd(base, written, &spec.span, check)),
        ConcurrencySpec::Feedback(written) => Concurrency::Feedback(feedback(base, written, check)),
    }
}

fn aimd(base: Concurrency, spec: &AimdSpec, place: &Range<usize>, check: &mut Checker<'_>) -> Aimd {
    let before = if let Concurrency::Aimd(before) = base { before } else { Aimd::default() };
    let mut count = |written: &Option<Spanned<_>>, base| match written {
        Some(count) => check.count(count, 1..=u32::MAX),
        None => base,
    };
    let (min, max) = (count(&spec.min, before.min), count(&spec.max, before.max));
    // A window that is not given begins within the bounds that are.
    let initial = count(&spec.initial, before.initial.clamp(min.min(max), max));
    if min > max {
        let place = spec.max.as_ref().or(spec.min.as_ref()).map_or(place, |at| &at.span);
        check.wrong(place, format!("the window can never be at least {min} and at most {max}"));
    } else if !(min..=max).contains(&initial) {
        let place = spec.initial.as_ref().map_or(place, |at| &at.span);
        check.wrong(place, format!("the window begins at {initial}, outside {min} to {max}"));
    }
    let increase = spec.increase.as_ref().map_or(before.increase, |written| check.positive(written));
    let decrease = spec.decrease.as_ref().map_or(before.decrease, |written| {
        let help = "write a number above 0 and below 1: the window is multiplied by it";
        check.number(written, help, |value| value > 0.0 && value < 1.0).unwrap_or(0.5)
    });
    Aimd { initial, min, max, increase, decrease, per: spec.per.unwrap_or(before.per) }
}

fn feedback(base: Concurrency, spec: &FeedbackSpec, check: &mut Checker<'_>) -> Feedback {
    let mut feedback = if let Concurrency::Feedback(before) = base { before } else { Feedback::DEFAULT };
    if let Some(written) = &spec.initial {
        feedback.initial = check.count(written, 1..=u32::MAX);
    }
    if let Some(written) = &spec.limit {
        feedback.limit = capped(written, check);
    }
    if let Some(written) = &spec.positive {
        feedback.positive = step(written, check);
    }
    if let Some(written) = &spec.negative {
        feedback.negative = step(written, check);
    }
    feedback.rule = spec.rule.unwrap_or(feedback.rule);
    feedback
}

/// A step of Postfix's feedback.
pub(super) fn step(written: &Spanned<String>, check: &mut Checker<'_>) -> FeedbackStep {
    written.parse().unwrap_or_else(|error: FeedbackStepError| {
        check.wrong(&written.span, error.to_string());
        FeedbackStep::ONE
    })
}
