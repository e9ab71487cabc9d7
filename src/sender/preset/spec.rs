//! A strategy as a file writes it: one optional entry for each axis. Presets and scenarios share this grammar.

use schemars::JsonSchema;
use serde::Deserialize;

use super::breaker::BreakerSpec;
use super::concurrency::ConcurrencySpec;
use super::main_cf::MainCf;
use super::pacing::PacingSpec;
use super::process::ProcessLimitsSpec;
use super::reading::ReplyRuleSpec;
use super::retry::RetrySpec;
use super::session::SessionSpec;
use crate::sender::strategy::{LimiterScope, PushBack};
use crate::spanned::Spanned;

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
