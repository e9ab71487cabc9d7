//! A strategy as a file writes it: one optional entry for each axis. Presets and scenarios share this grammar.

use schemars::JsonSchema;
use serde::Deserialize;

use super::warm_up::WarmUpSpec;
use crate::sender::strategy::concurrency::Round;
use crate::sender::strategy::{Jitter, ReadAs, Scope};
use crate::time::Span;
use crate::written::{Capped, Count, Located};

/// A strategy: a preset, and what differs from it. What neither says is as in the strategy without a preset: one source
/// towards one site, no limit on concurrency, no pacing, replies read by their code, waits of 15min doubling up to 4h.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StrategySpec {
    /// The preset it starts from: fixed, paced, warm-up, backoff, aimd or oracle.
    pub preset: Option<Located<String>>,
    /// The name under which its results appear; the preset's by default.
    pub name: Option<Located<String>>,
    /// What it does, in a sentence.
    pub about: Option<String>,
    /// What shares one limiter.
    pub scope: Option<Scope>,
    /// How many at once.
    pub concurrency: Option<Located<ConcurrencySpec>>,
    /// How fast transactions may begin.
    pub pacing: Option<PacingSpec>,
    /// How a connection is used.
    pub session: Option<SessionSpec>,
    /// What replies mean: patterns in the order in which they are tried. What none matches is read by its code.
    pub reading: Option<Vec<PatternSpec>>,
    /// When a site is left alone.
    pub breaker: Option<BreakerSpec>,
    /// When a deferred message is tried again.
    pub retry: Option<Located<RetrySpec>>,
    /// Whether it may read the provider's rules: the upper bound, not a strategy anyone can run.
    pub oracle: Option<bool>,
}

/// How many deliveries at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ConcurrencySpec {
    /// No limit of its own.
    Unlimited,
    /// Always so many.
    Fixed(Located<Count>),
    /// Additive increase, multiplicative decrease.
    Aimd(AimdSpec),
}

/// Additive increase, multiplicative decrease. What is not given is as in the preset, or else the default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AimdSpec {
    /// The window at the start; 1 by default.
    pub initial: Option<Located<Count>>,
    /// Never below; 1 by default.
    pub min: Option<Located<Count>>,
    /// Never above; 100 by default.
    pub max: Option<Located<Count>>,
    /// Added for every delivery or for every window of deliveries; 1 by default.
    pub increase: Option<Located<f64>>,
    /// The window is multiplied by this when the site pushes back; above 0 and below 1; 0.5 by default.
    pub decrease: Option<Located<f64>>,
    /// What `increase` is added for: every delivery, or (by default) every window of deliveries.
    pub per: Option<Round>,
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
        messages: Located<Count>,
        /// The time in which so many may begin.
        per: Located<Span>,
        /// Most at once.
        burst: Option<Located<Count>>,
    },
    /// So many messages in each frame of this length, all at once where they can.
    #[serde(rename_all = "kebab-case")]
    FixedWindow {
        /// Messages in a frame.
        messages: Located<Count>,
        /// Length of a frame.
        per: Located<Span>,
    },
    /// The warm-up of a new IP: so many messages a day, and more every day.
    WarmUp(Located<WarmUpSpec>),
}

/// How a connection is used. What is not given is as in the preset.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionSpec {
    /// Transactions on one connection before QUIT, or "unlimited".
    pub messages_per_connection: Option<Located<Capped<Count>>>,
    /// Most recipients in one transaction.
    pub recipients_per_message: Option<Located<Count>>,
    /// How long an idle connection is kept; "0s" closes it at once.
    pub idle: Option<Span>,
    /// How old a connection may be and still take another message, or "unlimited".
    pub reuse: Option<Located<Capped<Span>>>,
    /// Whether an idle connection takes up a place of the concurrency.
    pub counts_idle: Option<bool>,
    /// Whether MAIL, RCPT and DATA go out together where the provider allows it (RFC 2920).
    pub pipelining: Option<bool>,
    /// How long to wait for a connection.
    pub connect_timeout: Option<Located<Span>>,
    /// How long to wait for the greeting.
    pub greeting_timeout: Option<Located<Span>>,
    /// How long to wait for the reply to MAIL, RCPT or DATA.
    pub command_timeout: Option<Located<Span>>,
    /// How long to wait for the reply to the dot.
    pub dot_timeout: Option<Located<Span>>,
}

/// A pattern and what a reply that matches it means.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PatternSpec {
    /// A regular expression, matched against the whole reply, code included.
    pub matches: Located<String>,
    /// What it means.
    pub means: ReadAs,
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
        after: Located<Count>,
        /// How long.
        pause: Located<Span>,
    },
}

/// When a deferred message is tried again: `exponential` or `list`, not both. What is not given is as in the preset.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RetrySpec {
    /// Waits that grow by a factor with every failure.
    pub exponential: Option<Located<ExponentialSpec>>,
    /// These waits in turn; the last repeats.
    pub list: Option<Located<Vec<Located<Span>>>>,
    /// A message older than this is given up when it is deferred.
    pub give_up: Option<Located<Span>>,
}

/// Waits that grow. What is not given is as in the preset, or else the default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExponentialSpec {
    /// The first wait; 15min by default.
    pub base: Option<Located<Span>>,
    /// Every wait is so many times the one before; 2 by default.
    pub factor: Option<Located<f64>>,
    /// No wait is longer; 4h by default.
    pub cap: Option<Located<Span>>,
    /// How chance spreads the waits; none by default.
    pub jitter: Option<Jitter>,
}
