//! The constants by which reputation moves, and the words of a profile about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allowance::AllowanceModel;
use crate::rng::Seed;
use crate::time::Span;
use crate::units::Fraction;

/// How reputation moves at a provider. A score is between 0 and 1; see `standing.rs` for the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReputationModel {
    /// Score of a client that was never seen before; above 0.
    pub stranger: Fraction,
    /// The rates that a provider puts up with.
    pub tolerated: ToleratedRates,
    /// How engaged recipients help; `None` where the provider does not look at them.
    pub engagement: Option<Engagement>,
    /// At so many recipients a day, a day's rates are believed by half; above 0.
    pub believed_at: f64,
    /// Half-life of the evidence that rates are taken from.
    pub evidence: Span,
    /// Half of the way to a lower score is gone in this time.
    pub worsens: Span,
    /// Half of the way to a higher score is gone in this time.
    pub improves: Span,
    /// In this time a stranger that sends becomes half known.
    pub known_after: Span,
    /// After a day without mail, half of that is forgotten in this time.
    pub forgets: Span,
    /// What volume a history entitles to.
    pub allowance: AllowanceModel,
}

impl ReputationModel {
    /// The model of one trial: what is unknown is drawn.
    pub(in crate::provider) fn drawn(&self, seed: Seed) -> Self {
        Self { allowance: self.allowance.drawn(seed), ..*self }
    }

    /// The usual share of engaged recipients; 0 where the provider does not look at them.
    pub(super) fn usual_engagement(&self) -> f64 {
        self.engagement.map_or(0.0, |engagement| engagement.usual)
    }
}

/// The rates at which, each by itself, quality is one half. A third of one leaves a quality of 0.9.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToleratedRates {
    /// Complaints per message in an inbox.
    pub complaints: f64,
    /// Unknown recipients per recipient that was attempted.
    pub unknown_recipients: f64,
    /// Spam traps per recipient that was attempted.
    pub spam_traps: f64,
    /// Recipients of mail without SPF and DKIM, per recipient that was attempted.
    pub unauthenticated: f64,
    /// Recipients of mail that looks like spam, per recipient that was attempted.
    pub spam: f64,
}

/// How engaged recipients help: badness is multiplied by (usual / engaged) ^ weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Engagement {
    /// The usual share of engaged recipients; above 0.
    pub usual: f64,
    /// 0 is not at all; at most 1.
    pub weight: f64,
}

/// Where accepted mail lands: a share that rises with the score reaches the inbox, the rest is junk, where people
/// neither complain nor engage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// The share that reaches the inbox at the best score.
    pub most: Fraction,
    /// The score at which half of `most` does.
    pub half_at: Fraction,
    /// How steep the share rises there: a change of the score by this much changes the odds by e. Above 0.
    pub slope: f64,
}

impl Placement {
    /// The share of mail that reaches the inbox at a score.
    pub fn inbox_share(&self, score: Fraction) -> Fraction {
        let odds = ((score.get() - self.half_at.get()) / self.slope).exp();
        Fraction::clamped(self.most.get() * odds / (1.0 + odds))
    }
}

/// What lies behind an identity when a provider meets it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct History {
    /// Its score; `None` is that of a regular sender where there is a volume, and a stranger's where there is none.
    pub reputation: Option<Fraction>,
    /// Recipients a day that it used to reach.
    pub daily_volume: u32,
    /// For how long it did; `None` is long enough to be fully known.
    pub age: Option<Span>,
}

impl History {
    /// Nothing: a stranger.
    pub const NONE: Self = Self { reputation: None, daily_volume: 0, age: None };

    /// What lies behind a domain in whose name both of these have sent: the lower score, all volume, the longer time.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let lower = match (self.reputation, other.reputation) {
            (Some(one), Some(other)) => Some(if one < other { one } else { other }),
            (one, other) => one.or(other),
        };
        Self {
            reputation: lower,
            daily_volume: self.daily_volume.saturating_add(other.daily_volume),
            age: self.age.zip(other.age).map(|(one, other)| one.max(other)),
        }
    }

    /// Whether there is nothing behind it.
    pub(super) const fn is_strange(&self) -> bool {
        self.reputation.is_none() && self.daily_volume == 0
    }
}

/// A band of reputation, from `from` (included) up to the next band.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// The band's name: `poor`.
    pub name: String,
    /// The lowest score of the band.
    pub from: Fraction,
}

/// Whose reputation decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReputationOf {
    /// The client IP's.
    #[default]
    ClientIp,
    /// The sender domain's; at connect and EHLO, before it is known, the client IP's.
    SenderDomain,
    /// The lower of the two.
    Lower,
}

impl ReputationOf {
    /// Which of the two counts, the client's or that of the sender domain, where it is known.
    #[inline]
    pub(in crate::provider) fn choose<T: PartialOrd>(self, client: T, sender: Option<T>) -> T {
        match (self, sender) {
            (Self::SenderDomain, Some(sender)) => sender,
            (Self::Lower, Some(sender)) if sender < client => sender,
            (Self::ClientIp | Self::SenderDomain | Self::Lower, _) => client,
        }
    }
}

/// By what scores move, and the bands they fall into.
#[derive(Clone, Copy, Debug)]
pub(in crate::provider) struct Scoring<'a> {
    /// How scores move; `None` where they do not.
    pub(in crate::provider) model: Option<&'a ReputationModel>,
    /// The bands, the worst first.
    pub(in crate::provider) tiers: &'a [Tier],
}
