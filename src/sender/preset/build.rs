//! From a strategy as written to a strategy that cannot be wrong: axis by axis, over what the preset says.

use std::ops::Range;

use regex::RegexBuilder;

use super::main_cf;
use super::spec::{
    AgeSpec, AimdSpec, BreakerSpec, ConcurrencySpec, ExponentialSpec, FeedbackSpec, PacingSpec, ProcessLimitsSpec,
    ReplyRuleSpec, RetrySpec, SessionSpec, StrategySpec,
};
use super::warm_up;
use crate::sender::Strategy;
use crate::sender::strategy::concurrency::IncreasePer;
use crate::sender::strategy::feedback::{Feedback, FeedbackRule, FeedbackStep};
use crate::sender::strategy::{
    Breaker, Concurrency, Jitter, LimiterScope, Pacing, ProcessLimits, QueueRun, Reading, ReplyRule, Retry,
    RetrySchedule, SessionSettings,
};
use crate::spanned::{Capped, Checker, Spanned};
use crate::time::Span;

/// What a strategy without a preset starts from.
pub(super) fn plain() -> Strategy {
    Strategy {
        name: String::new(),
        about: String::new(),
        scope: LimiterScope::default(),
        concurrency: Concurrency::Unlimited,
        process: ProcessLimits::NONE,
        pacing: Pacing::None,
        session: SessionSettings::default(),
        reading: Reading::default(),
        breaker: Breaker::None,
        retry: Retry { schedule: exponential(), give_up: Span::DAY.times(5), queue_run: None, whole_message: false },
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
    base.scope = spec.scope.unwrap_or(base.scope);
    if let Some(written) = &spec.concurrency {
        base.concurrency = concurrency(base.concurrency, written, check);
    }
    if let Some(written) = &spec.process {
        whole(&mut base.process, written, check);
    }
    if let Some(written) = &spec.pacing {
        base.pacing = pacing(written, check);
    }
    if let Some(written) = &spec.session {
        session(&mut base.session, written, check);
    }
    if let Some(written) = &spec.reading {
        base.reading.patterns = written.iter().filter_map(|one| pattern(one, check)).collect();
    }
    base.reading.push_back = spec.push_back.unwrap_or(base.reading.push_back);
    base.reading.skip_5xx_greeting = spec.skip_5xx_greeting.unwrap_or(base.reading.skip_5xx_greeting);
    if let Some(written) = &spec.breaker {
        base.breaker = breaker(written, check);
    }
    if let Some(written) = &spec.retry {
        retry(&mut base.retry, written, check);
    }
    base.oracle = spec.oracle.unwrap_or(base.oracle);
    if let Some(written) = &spec.main_cf {
        main_cf::overlay(base, written, check);
    }
}

fn concurrency(base: Concurrency, spec: &Spanned<ConcurrencySpec>, check: &mut Checker<'_>) -> Concurrency {
    match &spec.value {
        ConcurrencySpec::Unlimited => Concurrency::Unlimited,
        ConcurrencySpec::Fixed(limit) => Concurrency::Fixed(check.count(limit, 1..=u32::MAX)),
        ConcurrencySpec::Aimd(written) => aimd(base, written, &spec.span, check),
        ConcurrencySpec::Feedback(written) => Concurrency::Feedback(feedback(base, written, check)),
    }
}

fn feedback(base: Concurrency, spec: &FeedbackSpec, check: &mut Checker<'_>) -> Feedback {
    let mut feedback = if let Concurrency::Feedback(before) = base { before } else { POSTFIX };
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
    written.parse().unwrap_or_else(|error: crate::sender::strategy::feedback::FeedbackStepError| {
        check.wrong(&written.span, error.to_string());
        FeedbackStep::ONE
    })
}

fn capped(written: &Spanned<Capped<crate::spanned::Count>>, check: &mut Checker<'_>) -> Option<u32> {
    let Capped(limit) = written.value;
    limit.map(|limit| check.count(&written.with(limit), 1..=u32::MAX))
}

fn whole(base: &mut ProcessLimits, spec: &ProcessLimitsSpec, check: &mut Checker<'_>) {
    if let Some(written) = &spec.deliveries {
        base.deliveries = capped(written, check);
    }
    if let Some(written) = &spec.active {
        base.active = capped(written, check);
    }
    base.delay = spec.delay.unwrap_or(base.delay);
    base.intake = spec.intake.unwrap_or(base.intake);
}

fn aimd(base: Concurrency, spec: &AimdSpec, place: &Range<usize>, check: &mut Checker<'_>) -> Concurrency {
    let before = match base {
        Concurrency::Aimd { initial, min, max, increase, decrease, per } => {
            (initial, min, max, increase, decrease, per)
        }
        _ => (1, 1, 100, 1.0, 0.5, IncreasePer::Window),
    };
    let mut count = |written: &Option<Spanned<_>>, base| match written {
        Some(count) => check.count(count, 1..=u32::MAX),
        None => base,
    };
    let (min, max) = (count(&spec.min, before.1), count(&spec.max, before.2));
    // A window that is not given begins within the bounds that are.
    let initial = count(&spec.initial, before.0.clamp(min.min(max), max));
    if min > max {
        let place = spec.max.as_ref().or(spec.min.as_ref()).map_or(place, |at| &at.span);
        check.wrong(place, format!("the window can never be at least {min} and at most {max}"));
    } else if !(min..=max).contains(&initial) {
        let place = spec.initial.as_ref().map_or(place, |at| &at.span);
        check.wrong(place, format!("the window begins at {initial}, outside {min} to {max}"));
    }
    let increase = spec.increase.as_ref().map_or(before.3, |written| check.positive(written));
    let decrease = spec.decrease.as_ref().map_or(before.4, |written| {
        let help = "write a number above 0 and below 1: the window is multiplied by it";
        check.number(written, help, |value| value > 0.0 && value < 1.0).unwrap_or(0.5)
    });
    Concurrency::Aimd { initial, min, max, increase, decrease, per: spec.per.unwrap_or(before.5) }
}

fn pacing(spec: &PacingSpec, check: &mut Checker<'_>) -> Pacing {
    match spec {
        PacingSpec::None => Pacing::None,
        PacingSpec::TokenBucket { messages, per, burst } => Pacing::TokenBucket {
            messages: check.count(messages, 1..=u32::MAX),
            per: check.some_time(per),
            burst: burst.as_ref().map_or(1, |burst| check.count(burst, 1..=u32::MAX)),
        },
        PacingSpec::FixedWindow { messages, per } => {
            Pacing::FixedWindow { messages: check.count(messages, 1..=u32::MAX), per: check.some_time(per) }
        }
        PacingSpec::RateDelay { delay, lag } => Pacing::RateDelay { delay: check.some_time(delay), lag: *lag },
        PacingSpec::WarmUp(written) => warm_up::build(written, check),
    }
}

fn session(base: &mut SessionSettings, spec: &SessionSpec, check: &mut Checker<'_>) {
    if let Some(written) = &spec.messages_per_connection {
        base.messages_per_connection = capped(written, check);
    }
    if let Some(written) = &spec.recipients_per_message {
        base.recipients_per_message = check.count(written, 1..=u32::MAX);
    }
    if let Some(written) = &spec.reuse {
        let Capped(limit) = written.value;
        base.reuse = limit.map(|limit| check.some_time(&written.with(limit)));
    }
    for (timeout, written) in [
        (&mut base.connect_timeout, &spec.connect_timeout),
        (&mut base.greeting_timeout, &spec.greeting_timeout),
        (&mut base.mail_timeout, &spec.mail_timeout),
        (&mut base.rcpt_timeout, &spec.rcpt_timeout),
        (&mut base.data_timeout, &spec.data_timeout),
        (&mut base.end_of_data_timeout, &spec.end_of_data_timeout),
    ] {
        *timeout = written.as_ref().map_or(*timeout, |written| check.some_time(written));
    }
    base.on_demand = spec.on_demand.unwrap_or(base.on_demand);
    base.idle = spec.idle.unwrap_or(base.idle);
    base.counts_idle = spec.counts_idle.unwrap_or(base.counts_idle);
    base.pipelining = spec.pipelining.unwrap_or(base.pipelining);
}

fn pattern(spec: &ReplyRuleSpec, check: &mut Checker<'_>) -> Option<ReplyRule> {
    match RegexBuilder::new(&spec.matches).size_limit(REGEX_BYTES_MAX).build() {
        Ok(matches) => Some(ReplyRule { matches, means: spec.means }),
        Err(error) => {
            // The crate draws the pattern again before it says what is wrong in its last line.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            check.wrong(&spec.matches.span, format!("this is not a regular expression: {reason}"));
            None
        }
    }
}

fn breaker(spec: &BreakerSpec, check: &mut Checker<'_>) -> Breaker {
    match spec {
        BreakerSpec::None => Breaker::None,
        BreakerSpec::Suspend { after, pause } => {
            Breaker::Suspend { after: check.count(after, 1..=u32::MAX), pause: check.some_time(pause) }
        }
        BreakerSpec::DeadSite { cohorts, pause, rule } => {
            let cohorts = check.count(cohorts, 1..=u32::MAX);
            Breaker::DeadSite { cohorts, pause: check.some_time(pause), rule: *rule }
        }
    }
}

fn retry(base: &mut Retry, spec: &Spanned<RetrySpec>, check: &mut Checker<'_>) {
    if let Some(give_up) = &spec.give_up {
        base.give_up = check.some_time(give_up);
    }
    if let Some(run) = &spec.queue_run {
        base.queue_run = Some(QueueRun { every: check.some_time(&run.every), lag: run.lag });
    }
    base.whole_message = spec.whole_message.unwrap_or(base.whole_message);
    match (&spec.exponential, &spec.list, &spec.age) {
        (None, None, None) => {}
        (Some(exponential), None, None) => base.schedule = growing(&base.schedule, exponential, check),
        (None, Some(list), None) if list.is_empty() => check.wrong(&list.span, "a list of waits needs at least one"),
        (None, Some(list), None) => {
            base.schedule = RetrySchedule::List(list.iter().map(|wait| check.some_time(wait)).collect());
        }
        (None, None, Some(written)) => base.schedule = age(&base.schedule, written, check),
        _ => {
            let what = "waits are `exponential`, a `list` or by `age`, only one of them";
            let last = spec.age.as_ref().map(|age| &age.span).or(spec.list.as_ref().map(|list| &list.span));
            check.wrong_do(last.unwrap_or(&spec.span), what, "take the others out");
        }
    }
}

fn age(before: &RetrySchedule, spec: &Spanned<AgeSpec>, check: &mut Checker<'_>) -> RetrySchedule {
    let (min, max) = match *before {
        RetrySchedule::Age { min, max } => (min, max),
        _ => (Span::from_secs(300), Span::from_secs(4_000)),
    };
    let min = spec.min.as_ref().map_or(min, |written| check.some_time(written));
    let max = spec.max.as_ref().map_or(max, |written| check.some_time(written));
    if max < min {
        check.wrong(&spec.span, format!("no wait can be at least {min} and at most {max}"));
    }
    RetrySchedule::Age { min, max }
}

fn growing(before: &RetrySchedule, spec: &Spanned<ExponentialSpec>, check: &mut Checker<'_>) -> RetrySchedule {
    let fallback = exponential();
    let before = if matches!(before, RetrySchedule::Exponential { .. }) { before } else { &fallback };
    let &RetrySchedule::Exponential { base, factor, cap, jitter } = before else { return fallback };
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
    RetrySchedule::Exponential { base, factor, cap, jitter: spec.jitter.unwrap_or(jitter) }
}

const fn exponential() -> RetrySchedule {
    RetrySchedule::Exponential {
        base: Span::from_secs(900),
        factor: 2.0,
        cap: Span::from_secs(4 * 3_600),
        jitter: Jitter::None,
    }
}

/// Postfix's window as it comes (`mail_params.h`).
const POSTFIX: Feedback = Feedback {
    initial: 5,
    limit: Some(20),
    positive: FeedbackStep::ONE,
    negative: FeedbackStep::ONE,
    rule: FeedbackRule::Shipped,
};
/// A compiled pattern larger than this is a mistake: `(a{1000}){1000}`.
const REGEX_BYTES_MAX: usize = 1 << 20;
