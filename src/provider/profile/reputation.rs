//! How reputation moves, what volume a history entitles to, and where mail lands, as a profile writes them.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use super::attribution;
use super::limit::AmountSpec;
use crate::provider::{
    AllowanceModel, Confidence, DailyVolume, Engagement, Placement, ReputationModel, TierValue, ToleratedRates,
};
use crate::spanned::{Checker, Spanned};
use crate::time::Span;
use crate::units::Fraction;

/// How reputation moves; a score is between 0 and 1. Rates decide, whatever the volume: each of the rates below is the
/// one at which, by itself, the score comes to one half.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReputationSpec {
    /// Score of a client that was never seen before; above 0.
    pub stranger: Spanned<Fraction>,
    /// Complaints per message in an inbox.
    pub complaints: Spanned<Fraction>,
    /// Unknown recipients per recipient that was attempted.
    pub unknown_recipients: Spanned<Fraction>,
    /// Spam traps per recipient that was attempted.
    pub spam_traps: Spanned<Fraction>,
    /// Recipients of mail without SPF and DKIM, per recipient that was attempted.
    pub unauthenticated: Spanned<Fraction>,
    /// Recipients of mail that looks like spam, per recipient that was attempted.
    pub spam: Spanned<Fraction>,
    /// How engaged recipients help; not at all unless said.
    pub engagement: Option<EngagementSpec>,
    /// At so many recipients a day, a day's rates are believed by half.
    pub believed_at: Spanned<f64>,
    /// Half-life of the evidence that rates are taken from.
    pub evidence: Spanned<Span>,
    /// Half of the way to a lower score is gone in this time.
    pub worsens: Spanned<Span>,
    /// Half of the way to a higher score is gone in this time.
    pub improves: Spanned<Span>,
    /// In this time a stranger that sends becomes half known.
    pub known_after: Spanned<Span>,
    /// After a day without mail, half of that is forgotten in this time.
    pub forgets: Spanned<Span>,
    /// Where these numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    pub confidence: Option<Spanned<Confidence>>,
}

/// How engaged recipients help: what speaks against a sender is multiplied by (usual / engaged) ^ weight.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EngagementSpec {
    /// The usual share of engaged recipients; above 0.
    pub usual: Spanned<Fraction>,
    /// From 0, not at all, to 1.
    pub weight: Fraction,
}

/// What volume a history entitles to, in recipients a day. Limits are written as shares of it: `{ allowance = 0.2 }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AllowanceSpec {
    /// What a stranger may send, and everybody on top of its own history; at least 1.
    pub stranger: Spanned<AmountSpec>,
    /// The share of its sender domain's own volume that an IP may send on top; none unless said.
    #[serde(default)]
    pub inherited: Fraction,
    /// The most that one sender of the best score may send; not below `stranger`.
    pub most: Spanned<AmountSpec>,
    /// How many times as much a day may bring as the best of the days before; at least 1.
    pub growth: Spanned<f64>,
    /// Half-life of the volume that was reached once.
    pub memory: Spanned<Span>,
    /// Where these numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    pub confidence: Option<Spanned<Confidence>>,
}

/// Where accepted mail lands: a share that rises with the score reaches the inbox, the rest is junk, where people
/// neither complain nor engage.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlacementSpec {
    /// The share that reaches the inbox at the best scores.
    pub most: Fraction,
    /// The score at which half of `most` does.
    pub half_at: Fraction,
    /// How steep the share rises there: the change of the score that changes the odds by e; above 0.
    pub slope: Spanned<f64>,
    /// Where these numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    pub confidence: Option<Spanned<Confidence>>,
}

/// How reputation moves, with what volume a history entitles to.
pub(super) fn build(
    reputation: Option<&Spanned<ReputationSpec>>,
    allowance: Option<&Spanned<AllowanceSpec>>,
    check: &mut Checker<'_>,
) -> Option<ReputationModel> {
    let allowance_model = allowance.map_or(NO_ALLOWANCE, |spec| build_allowance(spec, check));
    let Some(spec) = reputation else {
        if let Some(allowance) = allowance {
            let help = "add a `[reputation]` table: the allowance grows with good mail";
            check.lacking(&allowance.span, "an allowance needs a reputation", help);
        }
        return None;
    };
    attribution::build(spec.source.as_ref(), spec.confidence.as_ref(), check);
    let mut rate = |rate: &Spanned<Fraction>| above_none(rate, "a rate of 0 is never kept to", check);
    let tolerated = ToleratedRates {
        complaints: rate(&spec.complaints),
        unknown_recipients: rate(&spec.unknown_recipients),
        spam_traps: rate(&spec.spam_traps),
        unauthenticated: rate(&spec.unauthenticated),
        spam: rate(&spec.spam),
    };
    let stranger = above_none(&spec.stranger, "who starts at 0 can never send", check);
    let engagement = spec.engagement.as_ref().map(|engagement| Engagement {
        usual: above_none(&engagement.usual, "a usual share of 0 is reached by everybody", check),
        weight: engagement.weight.get(),
    });
    Some(ReputationModel {
        stranger: Fraction::clamped(stranger),
        tolerated,
        engagement,
        believed_at: check.positive(&spec.believed_at),
        evidence: check.some_time(&spec.evidence),
        worsens: check.some_time(&spec.worsens),
        improves: check.some_time(&spec.improves),
        known_after: check.some_time(&spec.known_after),
        forgets: check.some_time(&spec.forgets),
        allowance: allowance_model,
    })
}

/// Where accepted mail lands.
pub(super) fn build_placement(spec: &PlacementSpec, check: &mut Checker<'_>) -> Placement {
    attribution::build(spec.source.as_ref(), spec.confidence.as_ref(), check);
    Placement { most: spec.most, half_at: spec.half_at, slope: check.positive(&spec.slope) }
}

fn build_allowance(spec: &AllowanceSpec, check: &mut Checker<'_>) -> AllowanceModel {
    attribution::build(spec.source.as_ref(), spec.confidence.as_ref(), check);
    let growth = spec.growth.value;
    if !(1.0..=GROWTH_MAX).contains(&growth) {
        let help = "1 lets a day bring as much as the days before, 2 twice as much";
        check.wrong_do(&spec.growth.span, format!("a growth of {growth} makes no sense"), help);
    }
    let (stranger, most) = (daily_volume(&spec.stranger, check), daily_volume(&spec.most, check));
    if most.low < stranger.low || most.high < stranger.high {
        let message = "a sender of the best name may send less than a stranger";
        check.wrong_do(&spec.most.span, message, "write a number above `stranger`");
    }
    AllowanceModel { stranger, inherited: spec.inherited.get(), most, growth, memory: check.some_time(&spec.memory) }
}

/// A day that brings more than this many times the days before is no growth.
const GROWTH_MAX: f64 = 1_000.0;

/// A provider that minds no volume.
const NO_ALLOWANCE: AllowanceModel = AllowanceModel {
    stranger: DailyVolume::known(f64::MAX),
    inherited: 0.0,
    most: DailyVolume::known(f64::MAX),
    growth: 1.0,
    memory: Span::DAY,
};

fn daily_volume(amount: &Spanned<AmountSpec>, check: &mut Checker<'_>) -> DailyVolume {
    let (low, high) = match amount.value.0 {
        TierValue::Exactly(number) => (number, number),
        TierValue::Unknown { low, high } => (low, high),
        TierValue::Unlimited => return DailyVolume::known(f64::MAX),
    };
    if low == 0 {
        let message = "an allowance of 0 never lets anything in, and so never grows";
        check.wrong_do(&amount.span, message, "write 1 or more");
    }
    DailyVolume { low: f64::from(low.max(1)), high: f64::from(high.max(1)) }
}

/// A share above 0.
fn above_none(share: &Spanned<Fraction>, message: &str, check: &mut Checker<'_>) -> f64 {
    let place: &Range<usize> = &share.span;
    if share.value == Fraction::NONE {
        check.wrong_do(place, message, "write a number above 0, at most 1");
        return 1.0;
    }
    share.value.get()
}
