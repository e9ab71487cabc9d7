//! The retry axis as a file writes it, and what it means.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::sender::strategy::retry::age::Age;
use crate::sender::strategy::retry::exponential::Exponential;
use crate::sender::strategy::retry::list::WaitList;
use crate::sender::strategy::{Jitter, QueueRun, Retry, RetrySchedule};
use crate::spanned::{Checker, Spanned};
use crate::time::Span;

/// When a deferred message is tried again: `exponential`, `list` or `age`, only one of them. What is not given is as in
/// the preset.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RetrySpec {
    /// Waits that grow by a factor with every failure.
    pub exponential: Option<Spanned<ExponentialSpec>>,
    /// These waits in turn; the last repeats.
    pub list: Option<Spanned<Vec<Spanned<Span>>>>,
    /// Waits as long as the message is old, within bounds.
    pub age: Option<Spanned<AgeSpec>>,
    /// Deferred mail comes back only when the queue is looked through.
    #[serde(rename = "scan")]
    pub queue_run: Option<QueueRunSpec>,
    /// Whether the deferred recipients of a message wait until all have been tried, and come back together.
    pub whole_message: Option<bool>,
    /// A message older than this is given up when it is deferred.
    pub give_up: Option<Spanned<Span>>,
}

/// Waits as long as the message is old. What is not given is as in the preset, or else Postfix's default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AgeSpec {
    /// No wait is shorter; 300s by default.
    pub min: Option<Spanned<Span>>,
    /// No wait is longer; 4000s by default.
    pub max: Option<Spanned<Span>>,
}

/// The queue is looked through from the start on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct QueueRunSpec {
    /// From one look to the next.
    pub every: Spanned<Span>,
    /// What a look adds to that by itself; nothing by default.
    #[serde(default)]
    pub lag: Span,
}

/// Waits that grow. What is not given is as in the preset, or else the default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExponentialSpec {
    /// The first wait; 15min by default.
    pub base: Option<Spanned<Span>>,
    /// Every wait is so many times the one before; 2 by default.
    pub factor: Option<Spanned<f64>>,
    /// No wait is longer; 4h by default.
    pub cap: Option<Spanned<Span>>,
    /// How chance spreads the waits; none by default.
    pub jitter: Option<Jitter>,
}

/// Lays `spec` over `base`.
pub(super) fn overlay(base: &mut Retry, spec: &Spanned<RetrySpec>, check: &mut Checker<'_>) {
    if let Some(give_up) = &spec.give_up {
        base.give_up = check.some_time(give_up);
    }
    if let Some(run) = &spec.queue_run {
        base.queue_run = Some(QueueRun { every: check.some_time(&run.every), lag: run.lag });
    }
    base.whole_message = spec.whole_message.unwrap_or(base.whole_message);
    match (&spec.exponential, &spec.list, &spec.age) {
        (None, None, None) => {}
        (Some(exponential), None, None) => {
            base.schedule = RetrySchedule::Exponential(growing(&base.schedule, exponential, check));
        }
        (None, Some(list), None) if list.is_empty() => check.wrong(&list.span, "a list of waits needs at least one"),
        (None, Some(list), None) => {
            base.schedule = RetrySchedule::List(WaitList(list.iter().map(|wait| check.some_time(wait)).collect()));
        }
        (None, None, Some(written)) => base.schedule = RetrySchedule::Age(age(&base.schedule, written, check)),
        _ => {
            let what = "waits are `exponential`, a `list` or by `age`, only one of them";
            let last = spec.age.as_ref().map(|age| &age.span).or(spec.list.as_ref().map(|list| &list.span));
            check.wrong_do(last.unwrap_or(&spec.span), what, "take the others out");
        }
    }
}

fn age(before: &RetrySchedule, spec: &Spanned<AgeSpec>, check: &mut Checker<'_>) -> Age {
    let Age { min, max } = if let RetrySchedule::Age(before) = before { *before } else { Age::DEFAULT };
    let min = spec.min.as_ref().map_or(min, |written| check.some_time(written));
    let max = spec.max.as_ref().map_or(max, |written| check.some_time(written));
    if max < min {
        check.wrong(&spec.span, format!("no wait can be at least {min} and at most {max}"));
    }
    Age { min, max }
}

fn growing(before: &RetrySchedule, spec: &Spanned<ExponentialSpec>, check: &mut Checker<'_>) -> Exponential {
    let before = if let RetrySchedule::Exponential(before) = before { *before } else { Exponential::DEFAULT };
    let Exponential { base, factor, cap, jitter } = before;
    let base = spec.base.as_ref().map_or(base, |written| check.some_time(written));
    let cap = spec.cap.as_ref().map_or(cap, |written| check.some_time(written));
    if cap < base {
        let place = spec.cap.as_ref().or(spec.base.as_ref()).map_or(&spec.span, |at| &at.span);
        check.wrong(place, format!("no wait is longer than the cap {cap}, but the first is already {base}"));
    }
    let factor = spec.factor.as_ref().map_or(factor, |written| {
        let help = "write a number, 1 or above: every wait is so many times the one before";
        check.number(written, help, |value| value >= 1.0).unwrap_or(2.0)
    });
    Exponential { base, factor, cap, jitter: spec.jitter.unwrap_or(jitter) }
}
