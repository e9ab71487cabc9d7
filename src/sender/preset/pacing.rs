//! The pacing axis as a file writes it, and what it means.

use schemars::JsonSchema;
use serde::Deserialize;

use super::warm_up::{self, WarmUpSpec};
use crate::sender::strategy::Pacing;
use crate::sender::strategy::pacing::fixed_window::FixedWindow;
use crate::sender::strategy::pacing::rate_delay::RateDelay;
use crate::sender::strategy::pacing::token_bucket::TokenBucket;
use crate::spanned::{Checker, Count, Spanned};
use crate::time::Span;

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

/// What `spec` means.
pub(super) fn build(spec: &PacingSpec, check: &mut Checker<'_>) -> Pacing {
    match spec {
        PacingSpec::None => Pacing::None,
        PacingSpec::TokenBucket { messages, per, burst } => Pacing::TokenBucket(TokenBucket {
            messages: check.count(messages, 1..=u32::MAX),
            per: check.some_time(per),
            burst: burst.as_ref().map_or(1, |burst| check.count(burst, 1..=u32::MAX)),
        }),
        PacingSpec::FixedWindow { messages, per } => Pacing::FixedWindow(FixedWindow {
            messages: check.count(messages, 1..=u32::MAX),
            per: check.some_time(per),
        }),
        PacingSpec::RateDelay { delay, lag } => {
            Pacing::RateDelay(RateDelay { delay: check.some_time(delay), lag: *lag })
        }
        PacingSpec::WarmUp(written) => Pacing::WarmUp(warm_up::build(written, check)),
    }
}
