//! A strategy: how a sender throttles, as one choice on each of seven axes. One file an axis.
//!
//! Choices are plain values (`…` in a scenario file); what they need to remember while mail flows is a state of its own
//! beside each choice. States are told what happened and asked one question each: *how many at once?* (concurrency),
//! *when next?* (pacing), *is this site open?* (breaker), *when again?* (retry).

pub mod breaker;
pub mod concurrency;
pub mod pacing;
pub mod reading;
pub mod retry;
pub mod scope;
pub mod session;

pub use breaker::Breaker;
pub use concurrency::Concurrency;
pub use pacing::Pacing;
pub use reading::{Pattern, ReadAs, Reading};
pub use retry::{Jitter, Retry, Schedule};
pub use scope::Scope;
pub use session::Session;

/// How a sender throttles.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// The name under which its results appear.
    pub name: String,
    /// What it does, in a sentence.
    pub about: String,
    /// What shares one limiter.
    pub scope: Scope,
    /// How many at once.
    pub concurrency: Concurrency,
    /// How fast.
    pub pacing: Pacing,
    /// How a connection is used.
    pub session: Session,
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
