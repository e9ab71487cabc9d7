//! The breaker axis as a file writes it, and what it means.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::sender::strategy::Breaker;
use crate::sender::strategy::breaker::dead_site::DeadSite;
use crate::sender::strategy::breaker::suspend::Suspend;
use crate::sender::strategy::concurrency::feedback::FeedbackRule;
use crate::spanned::{Checker, Count, Spanned};
use crate::time::Span;

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

/// What `spec` means.
pub(super) fn build(spec: &BreakerSpec, check: &mut Checker<'_>) -> Breaker {
    match spec {
        BreakerSpec::None => Breaker::None,
        BreakerSpec::Suspend { after, pause } => {
            Breaker::Suspend(Suspend { after: check.count(after, 1..=u32::MAX), pause: check.some_time(pause) })
        }
        BreakerSpec::DeadSite { cohorts, pause, rule } => {
            let cohorts = check.count(cohorts, 1..=u32::MAX);
            Breaker::DeadSite(DeadSite { cohorts, pause: check.some_time(pause), rule: *rule })
        }
    }
}
