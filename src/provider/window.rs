//! Windows: over which time a limit counts, and what counts in it.
//!
//! [`counting`] says what every window must be able to tell; each has a file of its own, and [`timed`] is the list of
//! them. All arithmetic on counts and times is in integers, so that a window admits exactly what it says; only Exim's
//! average is a real number, as it is in Exim.

pub(super) mod counting;
mod ewma;
mod fixed;
mod refill_bucket;
mod sliding;
#[cfg(test)]
mod tests;
pub(super) mod timed;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Span;

/// Over which time a meter counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// What is open now; only for the two `open-` meters.
    Gauge,
    /// Since the session began.
    Session,
    /// Since MAIL.
    Message,
    /// In the current frame of this length. Admits up to twice the limit across a boundary.
    Fixed {
        /// Length of a frame.
        length: Span,
        /// Whether frames begin on the provider's clock, or with a client's first event.
        aligned: Aligned,
        /// By how much frames of the clock begin later than at its whole multiples of `length`; less than `length`.
        offset: Span,
    },
    /// In the last `length`, exactly.
    Sliding {
        /// How far it looks back.
        length: Span,
    },
    /// A token bucket (the same thing as GCRA): refilled with the limit every `per`, holding at most `burst`.
    Bucket {
        /// The time in which the whole limit is refilled.
        per: Span,
        /// Most tokens it can hold; `None` is as many as the limit.
        burst: Option<u32>,
    },
    /// Exim's exponentially weighted average rate per `period`; with [`Counted::Attempts`] Exim's `strict`, with
    /// [`Counted::Acceptances`] its `leaky`.
    Ewma {
        /// The smoothing period.
        period: Span,
    },
}

impl Window {
    /// Whether this counts within one session or one message, and remembers nothing beyond.
    pub const fn is_in_session(&self) -> bool {
        match self {
            Self::Session | Self::Message => true,
            Self::Gauge | Self::Fixed { .. } | Self::Sliding { .. } | Self::Bucket { .. } | Self::Ewma { .. } => false,
        }
    }

    /// Whether the counter is a number of events, so that counting none of them changes nothing: a bucket is refilled
    /// and an average decays whenever it is looked after.
    pub const fn is_count(&self) -> bool {
        match self {
            Self::Gauge | Self::Session | Self::Message | Self::Fixed { .. } | Self::Sliding { .. } => true,
            Self::Bucket { .. } | Self::Ewma { .. } => false,
        }
    }
}

/// Where the frames of a fixed window begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aligned {
    /// On the provider's clock: at whole hours for a window of an hour (Barracuda's half-hour frames).
    #[default]
    Clock,
    /// With the first event after the last frame ended (Postfix's anvil).
    First,
}

/// Whether what the rule itself refuses is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// Only what this rule let pass.
    #[default]
    Acceptances,
    /// Everything: retries count against the limit.
    Attempts,
}
