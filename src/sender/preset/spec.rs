//! A strategy as a file writes it: one optional entry for each axis. Presets and scenarios share this grammar.

use schemars::JsonSchema;
use serde::Deserialize;

use super::main_cf::MainCf;
use super::warm_up::WarmUpSpec;
use crate::sender::strategy::concurrency::IncreasePer;
use crate::sender::strategy::feedback::FeedbackRule;
use crate::sender::strategy::{Jitter, LimiterScope, PushBack, ReplyMeaning};
use crate::spanned::{Capped, Count, Spanned};
use crate::time::Span;

/// A strategy: a preset, and what differs from it. What neither says is as in the strategy without a preset: one source
/// towards one site, no limit on concurrency, no pacing, replies read by their code, waits of 15min doubling up to 4h.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StrategySpec {
    /// The preset it starts from: fixed, paced, warm-up, backoff, aimd, postfix, postfix-readme or oracle.
    pub preset: Option<Spanned<String>>,
    /// The name under which its results appear; the preset's by default.
    pub name: Option<Spanned<String>>,
    /// What it does, in a sentence.
    pub about: Option<String>,
    /// What shares one limiter.
    pub scope: Option<LimiterScope>,
    /// How many at once.
    pub concurrency: Option<Spanned<ConcurrencySpec>>,
    /// What the whole sender is held to, all sites together.
    #[serde(rename = "whole")]
    pub process: Option<ProcessLimitsSpec>,
    /// How fast transactions may begin.
    pub pacing: Option<PacingSpec>,
    /// How a connection is used.
    pub session: Option<SessionSpec>,
    /// What replies mean: patterns in the order in which they are tried. What none matches is read by its code.
    pub reading: Option<Vec<ReplyRuleSpec>>,
    /// What tells concurrency and breaker that a site pushes back.
    pub push_back: Option<PushBack>,
    /// Whether a greeting that refuses for good (5xx) only defers.
    pub skip_5xx_greeting: Option<bool>,
    /// When a site is left alone.
    pub breaker: Option<BreakerSpec>,
    /// When a deferred message is tried again.
    pub retry: Option<Spanned<RetrySpec>>,
    /// Whether it may read the provider's rules: the upper bound, not a strategy anyone can run.
    pub oracle: Option<bool>,
    /// Parameters of Postfix by their own names, in Postfix's own notation; laid over everything else. Only for
    /// strategies with Postfix's feedback, such as the preset postfix.
    pub main_cf: Option<MainCf>,
}

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

/// How fast transactions may begin.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PacingSpec {
    /// As fast as concurrency allows.
    None,
    /// So many messages in every `per`, at most `burst` at once (1 by default: evenly spaced).
    #[serde(rename_all = "kebab-case")]
    TokenBucket {
        /// Messages in every `per`.
        messages: Spanned<Count>,
        /// The time in which so many may begin.
        per: Spanned<Span>,
        /// Most at once.
        burst: Option<Spanned<Count>>,
    },
    /// So many messages in each frame of this length, all at once where they can.
    #[serde(rename_all = "kebab-case")]
    FixedWindow {
        /// Messages in a frame.
        messages: Spanned<Count>,
        /// Length of a frame.
        per: Spanned<Span>,
    },
    /// The next message so long after the end of the one before.
    #[serde(rename_all = "kebab-case")]
    RateDelay {
        /// The delay.
        delay: Spanned<Span>,
        /// How late the timer rings; nothing by default.
        #[serde(default)]
        lag: Span,
    },
    /// The warm-up of a new IP: so many messages a day, and more every day.
    WarmUp(Spanned<WarmUpSpec>),
}

/// How a connection is used. What is not given is as in the preset.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionSpec {
    /// Transactions on one connection before QUIT, or "unlimited".
    pub messages_per_connection: Option<Spanned<Capped<Count>>>,
    /// Most recipients in one transaction.
    pub recipients_per_message: Option<Spanned<Count>>,
    /// How long an idle connection is kept; "0s" closes it at once.
    pub idle: Option<Span>,
    /// How old a connection may be and still take another message, or "unlimited".
    pub reuse: Option<Spanned<Capped<Span>>>,
    /// Whether an idle connection takes up a place of the concurrency.
    pub counts_idle: Option<bool>,
    /// Whether a connection is kept only while deliveries follow upon each other.
    pub on_demand: Option<bool>,
    /// Whether MAIL, RCPT and DATA go out together where the provider allows it (RFC 2920).
    pub pipelining: Option<bool>,
    /// How long to wait for a connection.
    pub connect_timeout: Option<Spanned<Span>>,
    /// How long to wait for the greeting.
    pub greeting_timeout: Option<Spanned<Span>>,
    /// How long to wait for the reply to MAIL.
    pub mail_timeout: Option<Spanned<Span>>,
    /// How long to wait for the reply to RCPT.
    pub rcpt_timeout: Option<Spanned<Span>>,
    /// How long to wait for the reply to DATA.
    pub data_timeout: Option<Spanned<Span>>,
    /// How long to wait for the reply to the dot.
    #[serde(rename = "dot-timeout")]
    pub end_of_data_timeout: Option<Spanned<Span>>,
}

/// A pattern and what a reply that matches it means.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReplyRuleSpec {
    /// A regular expression, matched against the whole reply, code included.
    pub matches: Spanned<String>,
    /// What it means.
    pub means: ReplyMeaning,
}

/// When a site is left alone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum BreakerSpec {
    /// Never.
    None,
    /// After so many failures in a row, for this long.
    #[serde(rename_all = "kebab-case")]
    Suspend {
        /// Failures in a row.
        after: Spanned<Count>,
        /// How long.
        pause: Spanned<Span>,
    },
    /// After so many cohorts of failures, each as many as the window is wide; all mail for the site is then deferred.
    #[serde(rename_all = "kebab-case")]
    DeadSite {
        /// Cohorts.
        cohorts: Spanned<Count>,
        /// How long.
        pause: Spanned<Span>,
        /// At so many cohorts, as Postfix ships (by default), or above, as in its README.
        #[serde(default)]
        rule: FeedbackRule,
    },
}

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
