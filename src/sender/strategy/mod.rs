//! A strategy: how a sender throttles, as one choice on each of seven axes at every site. One file an axis, and below
//! it one file an algorithm.
//!
//! Choices are plain values; what they need to remember while mail flows is a `State` of its
//! own beside each. States are told what happened and asked one question each ([`controller`]): *how many at once?*
//! (concurrency), *when next?* (pacing), *for how long is this site left alone?* (breaker), *when again?* (retry).
//!
//! An algorithm is added in its own file and in the list of its axis, in the grammar of that axis
//! (`preset/concurrency.rs` and so on), and as a preset.

pub mod breaker;
pub mod concurrency;
pub mod controller;
pub mod pacing;
pub mod process;
pub mod reading;
pub mod reply_action;
pub mod retry;
pub mod scope;
pub mod session;
pub mod site_axes;

use std::collections::BTreeMap;
use std::iter;

pub use breaker::Breaker;
pub use concurrency::Concurrency;
pub use pacing::Pacing;
pub use process::ProcessLimits;
pub use reading::{Disposition, PushBack, Reading, ReplyRule};
pub use reply_action::{ReplyAction, ReplyEffect};
pub use retry::{Jitter, QueueRun, Retry, RetrySchedule};
pub use scope::LimiterScope;
pub use session::SessionSettings;
pub use site_axes::SiteAxes;

use crate::units::ProviderId;

/// How a sender throttles.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// The name under which its results appear.
    pub name: String,
    /// What it does, in a sentence.
    pub about: String,
    /// What the whole sender is held to, all sites together.
    pub process: ProcessLimits,
    /// What it does at every site that is not in `sites`.
    pub axes: SiteAxes,
    /// Sites at which it does something else. Those that share a limiter by their scope have the same concurrency,
    /// pacing and breaker; see [`SiteAxes::limits_like`].
    pub sites: BTreeMap<ProviderId, SiteAxes>,
    /// Whether it may read the provider's rules: the upper bound, not a strategy anyone can run.
    ///
    /// It is a bound where the rules are not a matter of chance and ask no client to come back, nothing moves the
    /// sender's tier, sources share no limit, all mail is of one kind, and connections cost no time; where they do,
    /// it is at most one set-up late. Where reputation moves, sending as fast as the rules allow may cost what
    /// sending slowly would have kept.
    pub oracle: bool,
}

impl Strategy {
    /// All that it does at one site or another.
    pub fn all_axes(&self) -> impl Iterator<Item = &SiteAxes> {
        iter::once(&self.axes).chain(self.sites.values())
    }

    /// What it does at `site`.
    pub fn axes_at(&self, site: ProviderId) -> &SiteAxes {
        self.sites.get(&site).unwrap_or(&self.axes)
    }
}
