//! The allowance: what an identity may send a day grows with what it did send, day by day.
//!
//! It is what a stranger may send, and on top of it what its own history entitles it to.
//! Its volume is the most that it reached on a day, halved for every `memory` that has passed since, and only what was
//! within the allowance counts: a habit grows day by day, as it does in a warm-up, and not by one large day. The next
//! day may bring `growth` times as much while the mail is good, less when it is not, less too near the most that a
//! provider takes from one sender (logistic growth), and no more than is good for the score.

use crate::rng::Seed;
use crate::time::Span;
use crate::units::Fraction;

/// What volume a history entitles to. Volumes are recipients a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AllowanceModel {
    /// What a stranger may send, and everybody on top of its own history; at least 1.
    pub stranger: DailyVolume,
    /// The share of its sender domain's own volume that an IP may send on top, whatever its own history.
    pub inherited: f64,
    /// The most that one sender of the best score may send.
    pub most: DailyVolume,
    /// How many times as much a day may bring as the best of the days before; at least 1.
    pub growth: f64,
    /// Half-life of the volume that was reached once.
    pub memory: Span,
}

/// Recipients a day: a number, or a range in which it is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DailyVolume {
    /// The least it can be.
    pub low: f64,
    /// The most it can be; not below `low`.
    pub high: f64,
}

impl DailyVolume {
    /// A number that is known.
    pub const fn known(number: f64) -> Self {
        Self { low: number, high: number }
    }

    /// Whether it is a range.
    fn is_unknown(self) -> bool {
        self.low < self.high
    }

    /// The number in one trial, `share` of the way through the orders of magnitude it may have.
    fn drawn(self, share: f64) -> Self {
        Self::known(self.low * (self.high / self.low).powf(share))
    }

    /// The number, once it is drawn.
    const fn get(self) -> f64 {
        self.low
    }
}

/// After so long without mail all is forgotten: "most ISPs only store reputation data for 30 days" (Braze and others).
pub const FORGOTTEN_AFTER: Span = Span::DAY.times(30);

/// Below this score a stranger's allowance is cut …
const BAD: f64 = 0.2;
/// … to this share of it: bad to newcomer is 1:2 to 1:5 in Haraka's and `IronPort`'s defaults.
const BAD_SHARE: f64 = 0.2;
/// Below this score a sender domain has nothing to lend to its IPs.
const LENDS_FROM: f64 = 0.35;

impl AllowanceModel {
    /// The model of one trial: volumes that are not known are drawn, all at the same place of their ranges.
    pub(super) fn drawn(&self, seed: Seed) -> Self {
        self.known_at(seed.share(0, 0))
    }

    /// The same with volumes that are known, `share` of the way through their ranges.
    pub(in crate::provider) fn known_at(&self, share: f64) -> Self {
        Self { stranger: self.stranger.drawn(share), most: self.most.drawn(share), ..*self }
    }

    /// Whether a volume is drawn, because it is not known outside the provider.
    pub(in crate::provider) fn is_unknown(&self) -> bool {
        self.stranger.is_unknown() || self.most.is_unknown()
    }

    /// What an identity may send today by its own history: its volume, its score, and the badness of its latest mail.
    pub(super) fn of(&self, volume: f64, score: f64, latest_badness: f64) -> f64 {
        let ceiling = self.most.get() * score;
        let growth = self.growth_at(latest_badness);
        let grown = if growth > 1.0 {
            volume * (1.0 + (growth - 1.0) * (1.0 - volume / ceiling.max(1.0)).max(0.0))
        } else {
            volume * growth
        };
        self.floor(score) + grown.min(ceiling)
    }

    /// What an IP may send on top because its domain has a name.
    pub(super) fn lent(&self, domain_volume: f64, domain_score: f64) -> f64 {
        if domain_score < LENDS_FROM { 0.0 } else { self.inherited * domain_volume }
    }

    /// The volume after so many days, the first of which reached `today`.
    pub(super) fn volume_after(&self, volume: f64, today: f64, passed: f64) -> f64 {
        let kept = |passed: f64| (-passed / self.memory.as_days_f64()).exp2();
        (volume * kept(1.0)).max(today) * kept(passed - 1.0)
    }

    fn floor(&self, score: f64) -> f64 {
        if score < BAD { self.stranger.get() * BAD_SHARE } else { self.stranger.get() }
    }

    /// How many times as much a day may bring, by what the latest mail was like: "if we double it, do we get any
    /// complaints?" (Microsoft's C. Spiezle, 2007). The steps are ours.
    fn growth_at(&self, latest_badness: f64) -> f64 {
        let most = self.growth;
        match latest_badness {
            badness if badness <= 0.5 => most,
            badness if badness <= 0.8 => 1.0 + (most - 1.0) * 0.5,
            badness if badness <= 1.1 => 1.0 + (most - 1.0) * 0.2,
            badness if badness <= 1.5 => 1.0,
            _ => 0.6,
        }
    }
}

/// The share of an allowance, as a number of recipients: at least so many, at most so many.
pub(in crate::provider) fn share_of(allowance: f64, share: f64, at_least: u32, at_most: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    let number = (allowance * share + 1e-9) as u32;
    number.max(at_least).min(at_most)
}

/// The badness that a score stands for, and the other way round: quality is 1 / (1 + badness²).
pub(super) fn badness_of(score: Fraction) -> f64 {
    (1.0 / score.get().max(SCORE_MIN) - 1.0).max(0.0).sqrt()
}

/// The score that a badness comes to.
#[inline]
pub(super) fn score_of(badness: f64) -> f64 {
    1.0 / (1.0 + badness * badness)
}

/// A badness above 10 is no worse than one of 10.
const SCORE_MIN: f64 = 1.0 / 101.0;
