//! From a strategy as written to a strategy that cannot be wrong: axis by axis, over what the preset says.

use std::collections::BTreeMap;

use super::spec::StrategySpec;
use super::{breaker, concurrency, main_cf, pacing, process, reading, retry, session};
use crate::sender::Strategy;
use crate::sender::strategy::retry::exponential::Exponential;
use crate::sender::strategy::{
    Breaker, Concurrency, LimiterScope, Pacing, ProcessLimits, Reading, Retry, RetrySchedule, SessionSettings, SiteAxes,
};
use crate::spanned::Checker;
use crate::time::Span;

/// What a strategy without a preset starts from.
pub(super) fn plain() -> Strategy {
    let schedule = RetrySchedule::Exponential(Exponential::DEFAULT);
    Strategy {
        name: String::new(),
        about: String::new(),
        process: ProcessLimits::NONE,
        axes: SiteAxes {
            scope: LimiterScope::default(),
            concurrency: Concurrency::Unlimited,
            pacing: Pacing::None,
            session: SessionSettings::default(),
            reading: Reading::default(),
            breaker: Breaker::None,
            retry: Retry { schedule, give_up: Span::DAY.times(5), queue_run: None, whole_message: false },
        },
        sites: BTreeMap::new(),
        oracle: false,
    }
}

/// Lays what `spec` says over `base`.
pub(super) fn overlay(base: &mut Strategy, spec: &StrategySpec, check: &mut Checker<'_>) {
    if let Some(name) = &spec.name {
        if name.trim().is_empty() {
            check.wrong(&name.span, "a strategy needs a name");
        }
        base.name.clone_from(&name.value);
    }
    if let Some(about) = &spec.about {
        base.about.clone_from(about);
    }
    let axes = &mut base.axes;
    axes.scope = spec.scope.unwrap_or(axes.scope);
    if let Some(written) = &spec.concurrency {
        axes.concurrency = concurrency::build(axes.concurrency, written, check);
    }
    if let Some(written) = &spec.process {
        process::overlay(&mut base.process, written, check);
    }
    if let Some(written) = &spec.pacing {
        axes.pacing = pacing::build(written, check);
    }
    if let Some(written) = &spec.session {
        session::overlay(&mut axes.session, written, check);
    }
    if let Some(written) = &spec.reading {
        axes.reading.rules = written.iter().filter_map(|one| reading::build(one, check)).collect();
    }
    axes.reading.push_back = spec.push_back.unwrap_or(axes.reading.push_back);
    axes.reading.skip_5xx_greeting = spec.skip_5xx_greeting.unwrap_or(axes.reading.skip_5xx_greeting);
    if let Some(written) = &spec.breaker {
        axes.breaker = breaker::build(written, check);
    }
    if let Some(written) = &spec.retry {
        retry::overlay(&mut axes.retry, written, check);
    }
    base.oracle = spec.oracle.unwrap_or(base.oracle);
    if let Some(written) = &spec.main_cf {
        main_cf::overlay(base, written, check);
    }
}
