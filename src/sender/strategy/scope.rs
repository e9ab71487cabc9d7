//! The scope axis: what shares one limiter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What shares one limiter: one window of concurrency, one pace, one breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimiterScope {
    /// A recipient domain, over all sources (Postfix's default).
    Domain,
    /// A site, over all sources: all domains behind one MX set (KumoMTA's site name).
    Site,
    /// One source towards one site (PowerMTA's and Momentum's usual scope).
    #[default]
    SourceSite,
    /// Everything the sender does (Haraka).
    Process,
    /// A recipient: nothing is shared, and so nothing is limited (Postfix with a recipient limit of 1). No second
    /// message for a recipient is taken to wait behind the first.
    Recipient,
}
