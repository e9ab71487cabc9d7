//! Postfix's parameters by their own names, in the notation of its main.cf: what each of them does to a strategy.
//!
//! Names, defaults and meaning as in postconf(5) and `mail_params.h` of Postfix 3.7. A parameter for the smtp transport
//! goes before the one for all transports, whatever their order in the file.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use super::concurrency::step;
use crate::sender::Strategy;
use crate::sender::strategy::breaker::dead_site::DeadSite;
use crate::sender::strategy::concurrency::feedback::{Feedback, FeedbackRule, FeedbackStep};
use crate::sender::strategy::pacing::rate_delay::RateDelay;
use crate::sender::strategy::retry::age::Age;
use crate::sender::strategy::{Breaker, Concurrency, LimiterScope, Pacing, RetrySchedule};
use crate::spanned::{Checker, NamedTable, Spanned};
use crate::time::Span;

/// Parameters and their values, as a file writes them.
#[derive(Clone, Debug, Default)]
pub struct MainCf(NamedTable<Spanned<ParameterValue>>);

/// A value in main.cf: Postfix has only texts, a file of ours may write numbers and switches plainly.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ParameterValue(String);

/// A parameter of Postfix.
#[derive(Clone, Copy, Debug)]
pub struct PostfixParameter {
    /// Its name in main.cf.
    pub name: &'static str,
    /// Postfix's default.
    pub default: &'static str,
    /// What it does to a strategy.
    pub effect: ParameterEffect,
}

/// What a parameter does to a strategy, once its value has been read.
#[derive(Clone, Copy, Debug)]
pub enum ParameterEffect {
    /// A whole number; 0 means what the function makes of it.
    Count(fn(&mut Strategy, u32)),
    /// A length of time, and the unit of a number without one.
    Time(char, fn(&mut Strategy, Span)),
    /// `yes` or `no`.
    Switch(fn(&mut Strategy, bool)),
    /// A step of feedback.
    Step(fn(&mut Feedback, FeedbackStep)),
    /// Nothing in this world, for this reason.
    None(&'static str),
}

/// Every parameter that is understood, in the order in which they act.
pub const POSTFIX_PARAMETERS: [PostfixParameter; 46] = {
    use ParameterEffect::{Count, None, Step, Switch, Time};
    const fn p(name: &'static str, default: &'static str, effect: ParameterEffect) -> PostfixParameter {
        PostfixParameter { name, default, effect }
    }
    const LIMIT: ParameterEffect = Count(|s, n| feedback(s, |f| f.limit = (n > 0).then_some(n)));
    const POSITIVE: ParameterEffect = Step(|f, step| f.positive = step);
    const NEGATIVE: ParameterEffect = Step(|f, step| f.negative = step);
    const COHORTS: ParameterEffect = Count(set_cohorts);
    const RECIPIENTS: ParameterEffect = Count(set_recipients);
    const PROCESSES: ParameterEffect = Count(|s, n| s.process.deliveries = (n > 0).then_some(n));
    const RATE: ParameterEffect = Time('s', set_rate_delay);
    const TRANSPORT_RATE: ParameterEffect = Time('s', set_transport_delay);
    const ACTIVE: ParameterEffect =
        Count(|s, n| s.process.active = Some(s.process.active.map_or(n, |most| most.min(n)).max(1)));
    [
        p("initial_destination_concurrency", "5", Count(|s, n| feedback(s, |f| f.initial = n.max(1)))),
        p("smtp_initial_destination_concurrency", "5", Count(|s, n| feedback(s, |f| f.initial = n.max(1)))),
        p("default_destination_concurrency_limit", "20", LIMIT),
        p("smtp_destination_concurrency_limit", "20", LIMIT),
        p("default_destination_concurrency_positive_feedback", "1", POSITIVE),
        p("smtp_destination_concurrency_positive_feedback", "1", POSITIVE),
        p("default_destination_concurrency_negative_feedback", "1", NEGATIVE),
        p("smtp_destination_concurrency_negative_feedback", "1", NEGATIVE),
        p("default_destination_concurrency_failed_cohort_limit", "1", COHORTS),
        p("smtp_destination_concurrency_failed_cohort_limit", "1", COHORTS),
        p("default_process_limit", "100", PROCESSES),
        p("default_destination_rate_delay", "0s", RATE),
        p("smtp_destination_rate_delay", "0s", RATE),
        p("default_transport_rate_delay", "0s", TRANSPORT_RATE),
        p("smtp_transport_rate_delay", "0s", TRANSPORT_RATE),
        p("default_destination_recipient_limit", "50", RECIPIENTS),
        p("smtp_destination_recipient_limit", "50", RECIPIENTS),
        p("qmgr_message_active_limit", "20000", ACTIVE),
        p("qmgr_message_recipient_limit", "20000", ACTIVE),
        p("queue_run_delay", "300s", Time('s', set_scan)),
        p("minimal_backoff_time", "300s", Time('s', set_minimal_backoff)),
        p("maximal_backoff_time", "4000s", Time('s', set_maximal_backoff)),
        p("maximal_queue_lifetime", "5d", Time('d', |s, span| s.axes.retry.give_up = span.max(Span::TICK))),
        p("bounce_queue_lifetime", "5d", None("nobody sends bounces here")),
        p("delay_warning_time", "0h", None("nobody is warned here")),
        p("transport_retry_time", "60s", None("no delivery agent fails here")),
        p("smtp_mx_address_limit", "5", None("a provider has one address here")),
        p("smtp_mx_session_limit", "2", None("a provider has one address here")),
        p("smtp_connect_timeout", "30s", Time('s', |s, span| s.axes.session.connect_timeout = span)),
        p("smtp_helo_timeout", "300s", Time('s', |s, span| s.axes.session.greeting_timeout = span)),
        p("smtp_mail_timeout", "300s", Time('s', |s, span| s.axes.session.mail_timeout = span)),
        p("smtp_rcpt_timeout", "300s", Time('s', |s, span| s.axes.session.rcpt_timeout = span)),
        p("smtp_data_init_timeout", "120s", Time('s', |s, span| s.axes.session.data_timeout = span)),
        p("smtp_data_xfer_timeout", "180s", None("no transfer stalls here")),
        p("smtp_data_done_timeout", "600s", Time('s', |s, span| s.axes.session.end_of_data_timeout = span)),
        p("smtp_rset_timeout", "20s", None("RSET is answered at once here")),
        p("smtp_quit_timeout", "300s", None("QUIT is answered at once here")),
        p("smtp_skip_5xx_greeting", "yes", Switch(|s, on| s.axes.reading.skip_5xx_greeting = on)),
        p("smtp_connection_cache_on_demand", "yes", Switch(set_cache)),
        p("smtp_connection_cache_time_limit", "2s", Time('s', |s, span| s.axes.session.idle = span)),
        p("smtp_connection_reuse_time_limit", "300s", Time('s', |s, span| s.axes.session.reuse = Some(span))),
        p("smtp_connection_reuse_count_limit", "0", Count(set_reuse_count)),
        p("default_delivery_slot_cost", "5", None("messages of one queue go first come, first served here")),
        p("default_delivery_slot_loan", "3", None("messages of one queue go first come, first served here")),
        p("default_delivery_slot_discount", "50", None("messages of one queue go first come, first served here")),
        p("default_minimum_delivery_slots", "3", None("messages of one queue go first come, first served here")),
    ]
};

/// Lays parameters over a strategy.
pub(super) fn overlay(strategy: &mut Strategy, written: &MainCf, check: &mut Checker<'_>) {
    let Some((first, _)) = written.0.iter().next() else { return };
    if !matches!(strategy.axes.concurrency, Concurrency::Feedback(_)) {
        let help = "start from preset = \"postfix\", or write concurrency = { feedback = {} }";
        check.wrong_do(&first.span, "main-cf speaks of Postfix, and this strategy has another's window", help);
    }
    let names = POSTFIX_PARAMETERS.map(|parameter| parameter.name);
    for (name, _) in written.0.iter().filter(|(name, _)| !names.contains(&name.as_str())) {
        check.unknown("parameter", name, &names);
    }
    // The smaller of two limits holds, and neither is known yet.
    if written.0.iter().any(|(name, _)| matches!(name.as_str(), ACTIVE_MESSAGES | ACTIVE_RECIPIENTS)) {
        strategy.process.active = None;
    }
    let mut idle = Vec::new();
    for parameter in &POSTFIX_PARAMETERS {
        if let Some((name, value)) = written.0.iter().find(|(name, _)| name.value == parameter.name) {
            if let ParameterEffect::None(why) = parameter.effect {
                idle.push(format!("{} ({why})", name.value));
            }
            parameter.apply(strategy, value, check);
        }
    }
    if !idle.is_empty() {
        strategy.about = format!("{} Without effect: {}.", strategy.about, idle.join(", "));
    }
}

const ACTIVE_MESSAGES: &str = "qmgr_message_active_limit";
const ACTIVE_RECIPIENTS: &str = "qmgr_message_recipient_limit";

impl PostfixParameter {
    fn apply(&self, strategy: &mut Strategy, written: &Spanned<ParameterValue>, check: &mut Checker<'_>) {
        let text = written.value.0.trim();
        let mut wrong = |expected: &str| {
            let message = format!("`{text}` is no value of {}; {expected}", self.name);
            check.wrong_do(&written.span, message, format!("Postfix's default is {}", self.default));
        };
        match self.effect {
            ParameterEffect::Count(apply) => match text.parse() {
                Ok(count) => apply(strategy, count),
                Err(_) => wrong("write a whole number"),
            },
            ParameterEffect::Time(unit, apply) => match time(text, unit) {
                Some(span) => apply(strategy, span),
                None => wrong("write a number with a unit: s, m, h, d or w"),
            },
            ParameterEffect::Switch(apply) => match text {
                "yes" | "true" => apply(strategy, true),
                "no" | "false" => apply(strategy, false),
                _ => wrong("write yes or no"),
            },
            ParameterEffect::Step(apply) => {
                let step = step(&written.with(text.to_owned()), check);
                feedback(strategy, |feedback| apply(feedback, step));
            }
            ParameterEffect::None(_) => {}
        }
    }
}

/// A length of time as Postfix writes it: `30s`, `5m`, or a plain number of the parameter's own unit.
fn time(text: &str, unit: char) -> Option<Span> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, last)) if last.is_ascii_alphabetic() => (&text[..at], last),
        _ => (text, unit),
    };
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count: u32 = digits.parse().ok()?;
    Some(Span::from_secs(seconds).times(u64::from(count)))
}

fn feedback(strategy: &mut Strategy, change: impl FnOnce(&mut Feedback)) {
    if let Concurrency::Feedback(feedback) = &mut strategy.axes.concurrency {
        change(feedback);
    }
}

fn set_cohorts(strategy: &mut Strategy, limit: u32) {
    let (pause, rule) = match strategy.axes.breaker {
        Breaker::DeadSite(DeadSite { pause, rule, .. }) => (pause, rule),
        Breaker::None | Breaker::Suspend(_) => (minimal_backoff(strategy), FeedbackRule::Shipped),
    };
    strategy.axes.breaker = match limit {
        // 0 turns the detection of dead sites off.
        0 => Breaker::None,
        cohorts => Breaker::DeadSite(DeadSite { cohorts, pause, rule }),
    };
}

/// With a limit of 1 Postfix queues by recipient and no longer by domain: concurrency, feedback and rate delay then
/// apply to each recipient by itself. A limit of 0 is none.
fn set_recipients(strategy: &mut Strategy, limit: u32) {
    strategy.axes.session.recipients_per_message = if limit == 0 { u32::MAX } else { limit };
    strategy.axes.scope = match (limit, strategy.axes.scope) {
        (1, _) => LimiterScope::Recipient,
        (_, LimiterScope::Recipient) => LimiterScope::Domain,
        (_, scope) => scope,
    };
}

/// A rate delay leaves room for one delivery at a time.
fn set_rate_delay(strategy: &mut Strategy, delay: Span) {
    if delay.is_zero() {
        strategy.axes.pacing = Pacing::None;
    } else {
        strategy.axes.pacing = Pacing::RateDelay(RateDelay { delay, lag: Span::from_millis(5) });
        feedback(strategy, |feedback| feedback.limit = Some(1));
    }
}

fn set_transport_delay(strategy: &mut Strategy, delay: Span) {
    strategy.process.delay = delay;
    if !delay.is_zero() {
        strategy.process.deliveries = Some(1);
    }
}

fn set_scan(strategy: &mut Strategy, every: Span) {
    if let Some(run) = &mut strategy.axes.retry.queue_run {
        run.every = every.max(Span::from_secs(1));
    }
}

/// The shortest wait of a message, and how long a dead site is left alone.
fn set_minimal_backoff(strategy: &mut Strategy, span: Span) {
    let span = span.max(Span::from_secs(1));
    if let RetrySchedule::Age(Age { min, max }) = &mut strategy.axes.retry.schedule {
        *min = span;
        *max = span.max(*max);
    }
    if let Breaker::DeadSite(DeadSite { pause, .. }) = &mut strategy.axes.breaker {
        *pause = span;
    }
}

/// Postfix takes the larger of both, where the longest wait is shorter than the shortest.
fn set_maximal_backoff(strategy: &mut Strategy, span: Span) {
    if let RetrySchedule::Age(Age { min, max }) = &mut strategy.axes.retry.schedule {
        *max = span.max(*min);
    }
}

fn minimal_backoff(strategy: &Strategy) -> Span {
    match strategy.axes.retry.schedule {
        RetrySchedule::Age(Age { min, .. }) => min,
        RetrySchedule::List(_) | RetrySchedule::Exponential(_) => Span::from_secs(300),
    }
}

/// Without the cache a connection is closed after every message.
fn set_cache(strategy: &mut Strategy, on: bool) {
    strategy.axes.session.on_demand = on;
    if !on {
        strategy.axes.session.messages_per_connection = Some(1);
    }
}

/// The limit counts how often a connection is used *again*.
fn set_reuse_count(strategy: &mut Strategy, limit: u32) {
    if strategy.axes.session.on_demand {
        strategy.axes.session.messages_per_connection = (limit > 0).then(|| limit.saturating_add(1));
    }
}

impl<'de> Deserialize<'de> for MainCf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "parameters of Postfix ({ smtp_destination_concurrency_limit = 2 })";
        NamedTable::deserialize_as(deserializer, expected).map(Self)
    }
}

impl<'de> Deserialize<'de> for ParameterValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        impl Visitor<'_> for Value {
            type Value = ParameterValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"yes\" or \"no\", or a text as in main.cf")
            }

            fn visit_i64<E>(self, value: i64) -> Result<ParameterValue, E> {
                Ok(ParameterValue(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<ParameterValue, E> {
                Ok(ParameterValue(value.to_string()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<ParameterValue, E> {
                Ok(ParameterValue(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<ParameterValue, E> {
                Ok(ParameterValue(value.to_owned()))
            }
        }

        deserializer.deserialize_any(Value)
    }
}

impl JsonSchema for MainCf {
    fn schema_name() -> Cow<'static, str> {
        "MainCf".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let properties: serde_json::Map<String, serde_json::Value> = POSTFIX_PARAMETERS
            .iter()
            .map(|parameter| {
                let about = format!("Postfix's default is {}.", parameter.default);
                let types = serde_json::json!(["string", "number", "boolean"]);
                (parameter.name.to_owned(), serde_json::json!({ "type": types, "description": about }))
            })
            .collect();
        json_schema!({
            "type": "object",
            "description": "Parameters of Postfix by their own names.",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}
