//! The seven choices of a strategy at one site.

use super::breaker::Breaker;
use super::concurrency::Concurrency;
use super::pacing::Pacing;
use super::reading::Reading;
use super::retry::Retry;
use super::scope::LimiterScope;
use super::session::SessionSettings;

/// What a sender does at a site: one choice on each axis.
#[derive(Clone, Debug)]
pub struct SiteAxes {
    /// What shares one limiter.
    pub scope: LimiterScope,
    /// How many deliveries at once.
    pub concurrency: Concurrency,
    /// How fast deliveries may begin.
    pub pacing: Pacing,
    /// How a connection is used.
    pub session: SessionSettings,
    /// What replies mean.
    pub reading: Reading,
    /// When the site is left alone.
    pub breaker: Breaker,
    /// When a deferred message is tried again.
    pub retry: Retry,
}

impl SiteAxes {
    /// Whether two sites can share a limiter: whatever a limiter goes by is the same at both.
    pub fn limits_like(&self, other: &Self) -> bool {
        let session = |axes: &Self| (axes.session.counts_idle, axes.session.on_demand);
        self.concurrency == other.concurrency
            && self.pacing == other.pacing
            && self.breaker == other.breaker
            && session(self) == session(other)
    }

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
