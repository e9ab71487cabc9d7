//! A strategy: how a sender throttles, as one choice on each of seven axes. One file an axis.
//!
//! Choices are plain values (`…` in a scenario file); what they need to remember while mail flows is a state of its own
//! beside each choice. States are told what happened and asked one question each: *how many at once?* (concurrency),
//! *when next?* (pacing), *is this site open?* (breaker), *when again?* (retry).

pub mod breaker;
pub mod concurrency;
pub mod feedback;
pub mod pacing;
pub mod reading;
pub mod retry;
pub mod scope;
pub mod session;

pub use breaker::Breaker;
pub use concurrency::Concurrency;
pub use feedback::Feedback;
pub use pacing::Pacing;
pub use reading::{PushBack, Reading, ReplyMeaning, ReplyRule};
pub use retry::{Jitter, QueueRun, Retry, RetrySchedule};
pub use scope::LimiterScope;
pub use session::SessionSettings;

use crate::time::Span;

/// How a sender throttles.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// The name under which its results appear.
    pub name: String,
    /// What it does, in a sentence.
    pub about: String,
    /// What shares one limiter.
    pub scope: LimiterScope,
    /// How many at once.
    pub concurrency: Concurrency,
    /// What the whole sender is held to, all sites together.
    pub process: ProcessLimits,
    /// How fast.
    pub pacing: Pacing,
    /// How a connection is used.
    pub session: SessionSettings,
    /// What replies mean.
    pub reading: Reading,
    /// When a site is left alone.
    pub breaker: Breaker,
    /// When a deferred message is tried again.
    pub retry: Retry,
    /// Whether it may read the provider's rules: the upper bound, not a strategy anyone can run.
    ///
    /// It is a bound where the rules are not a matter of chance and ask nobody to come back, nothing moves the
    /// sender's tier, sources share no limit, all mail is of one kind, and connections cost no time; where they do,
    /// it is at most one set-up late. Where reputation moves, sending as fast as the rules allow may cost what
    /// sending slowly would have kept.
    pub oracle: bool,
}

impl Strategy {
    /// Where every recipient is a scope of its own, nothing is shared: what stands on the axes of a limiter never acts,
    /// and no delivery follows upon another.
    #[must_use]
    pub fn unshared(mut self) -> Self {
        if self.scope == LimiterScope::Recipient {
            (self.concurrency, self.pacing, self.breaker) = (Concurrency::Unlimited, Pacing::None, Breaker::None);
            let alone = self.session.on_demand;
            self.session.messages_per_connection = if alone { Some(1) } else { self.session.messages_per_connection };
        }
        self
    }
}

/// What the whole sender is held to, all sites together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Deliveries at once; `None` is no limit (Postfix's `default_process_limit`). At least 1.
    pub deliveries: Option<u32>,
    /// The next delivery begins no sooner than this after the end of the one before (Postfix's
    /// `default_transport_rate_delay`); zero is at once.
    pub delay: Span,
    /// Recipients that are worked on at once; more wait until one of these is settled or deferred, whatever their site
    /// (Postfix's `qmgr_message_active_limit` and `qmgr_message_recipient_limit`). `None` is no limit. At least 1.
    pub active: Option<u32>,
    /// What it takes to bring a message among those that are worked on, one after the other. Zero is no time.
    pub intake: Span,
}

impl ProcessLimits {
    /// Held to nothing.
    pub const NONE: Self = Self { deliveries: None, delay: Span::ZERO, active: None, intake: Span::ZERO };
}
