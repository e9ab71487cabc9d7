//! The warm-up of a new IP: how a file writes it, and what it means. `{ first-day = 50, factor = 1.4, cap
//! = 100000 }`, or every day by itself, `{ days = [200, 500, 1000] }`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::sender::strategy::pacing::warm_up::WarmUp;
use crate::spanned::{Checker, Count, Spanned};
use crate::time::Span;

/// The warm-up of a new IP: so many messages, and more every day. `first-day` and `factor`, or `days`, not both.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WarmUpSpec {
    /// Messages on the first day of the trial.
    pub first_day: Option<Spanned<Count>>,
    /// Every day takes so many times the one before, to the nearest message; above 1.
    pub factor: Option<Spanned<f64>>,
    /// No day takes more.
    pub cap: Option<Spanned<Count>>,
    /// Messages on each day; the last is for every day after.
    pub days: Option<Spanned<Vec<Spanned<Count>>>>,
    /// The numbers are for frames of this length, at most a day; "1d" by default. With "1h" each of the day's hours
    /// takes so many.
    pub per: Option<Spanned<Span>>,
}

/// What it means.
pub(super) fn build(spec: &Spanned<WarmUpSpec>, check: &mut Checker<'_>) -> WarmUp {
    let per = spec.per.as_ref().map_or(Span::DAY, |per| {
        if per.value > Span::DAY {
            check.wrong_do(&per.span, format!("{} is longer than a day", per.value), "write \"1d\" or less");
        }
        check.some_time(per)
    });
    let days = match (&spec.days, &spec.first_day, &spec.factor) {
        (Some(days), None, None) if spec.cap.is_none() => listed(days, check),
        (None, Some(first), Some(factor)) => grown(spec, first, factor, check),
        (Some(days), ..) => {
            let help = "take `days`, or `first-day`, `factor` and `cap`, out";
            check.wrong_do(&days.span, "the days are either listed or grow by a factor, not both", help);
            [1].into()
        }
        (None, ..) => {
            let help = "write { first-day = 50, factor = 1.4, cap = 100000 }, or { days = [200, 500, 1000] }";
            check.lacking(&spec.span, "a warm-up needs `first-day` and `factor`, or `days`", help);
            [1].into()
        }
    };
    WarmUp { days, per }
}

fn listed(days: &Spanned<Vec<Spanned<Count>>>, check: &mut Checker<'_>) -> Arc<[u32]> {
    if days.is_empty() || days.len() > WarmUp::DAYS_MAX {
        check.wrong(&days.span, format!("a warm-up has at least one day, and at most {}", WarmUp::DAYS_MAX));
        return [1].into();
    }
    days.iter().map(|day| check.count(day, 1..=u32::MAX)).collect()
}

fn grown(
    spec: &Spanned<WarmUpSpec>,
    first: &Spanned<Count>,
    factor: &Spanned<f64>,
    check: &mut Checker<'_>,
) -> Arc<[u32]> {
    let help = "write a number above 1: every day takes so many times the one before";
    let times = check.number(factor, help, |factor| factor > 1.0).unwrap_or(2.0);
    let messages = check.count(first, 1..=u32::MAX);
    let cap = spec.cap.as_ref().map_or(u32::MAX, |cap| check.count(cap, 1..=u32::MAX));
    if messages > cap {
        let place = spec.cap.as_ref().map_or(&first.span, |cap| &cap.span);
        check.wrong(place, format!("no day takes more than the cap {cap}, but the first already takes {messages}"));
    }
    WarmUp::growth(messages, times, cap).unwrap_or_else(|| {
        let message = format!("at this factor the warm-up takes more than {} days", WarmUp::DAYS_MAX);
        check.wrong_do(&factor.span, message, "write a larger factor, or a lower cap");
        [1].into()
    })
}
