//! Reputation: a score between 0 and 1 for every client IP and every sender domain. Fast to lose, slow to gain.
//!
//! - An accepted message moves the score a share `gain` of the way to 1, but all messages of a day together by no more
//!   than `gain-per-day`: goodwill takes days, whatever the volume.
//! - A complaint, an unknown recipient, a spam trap, a message without authentication and a broken rule each cost a
//!   share of the score. With complaint rate `c` the score thus settles where `gain × (1 − s) = c × complaint × s`.
//! - A message above the volume that the client's history allows costs `surge`: the history is the most of the last
//!   seven days, and a day may bring `growth` times as much. What is above that makes no history: a volume grows into a
//!   habit day by day, as it does in a warm-up, and not by one large day.
//! - After a day without mail the score rises by `rest-gain` a day, up to `rest-toward`.
//!
//! No provider publishes its formula. Every constant is in the profile and marked as assumed where it is.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::{Span, Time};
use crate::units::Fraction;

/// How reputation moves. A score is between 0 and 1; see `reputation.rs` for the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReputationModel {
    /// Score of a client that was never seen before.
    pub start: Fraction,
    /// Share of the way to 1 that every accepted message gains.
    pub gain: Fraction,
    /// Most that can be gained in a day, as score.
    pub gain_per_day: Fraction,
    /// Share of the score lost by a complaint.
    pub complaint: Fraction,
    /// Share of the score lost by a recipient that does not exist.
    pub unknown_recipient: Fraction,
    /// Share of the score lost by a spam trap.
    pub spam_trap: Fraction,
    /// Share of the score lost by a message without SPF or DKIM.
    pub unauthenticated: Fraction,
    /// Share of the score lost by every message above the volume that the client's history allows.
    pub surge: Fraction,
    /// A day may bring this many times the most of the client's recent days …
    pub growth: f64,
    /// … and always so many messages.
    pub volume_floor: u32,
    /// Without mail for a day, the score rises by so much per day …
    pub rest_gain: Fraction,
    /// … until it reaches this.
    pub rest_toward: Fraction,
}

impl ReputationModel {
    /// A provider that does not look at reputation: every client stays at `score`.
    pub const fn fixed(score: Fraction) -> Self {
        Self {
            start: score,
            gain: Fraction::NONE,
            gain_per_day: Fraction::NONE,
            complaint: Fraction::NONE,
            unknown_recipient: Fraction::NONE,
            spam_trap: Fraction::NONE,
            unauthenticated: Fraction::NONE,
            surge: Fraction::NONE,
            growth: 1.0,
            volume_floor: 0,
            rest_gain: Fraction::NONE,
            rest_toward: Fraction::NONE,
        }
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
    pub(super) fn choose<T: PartialOrd>(self, client: T, sender: Option<T>) -> T {
        match (self, sender) {
            (Self::SenderDomain, Some(sender)) => sender,
            (Self::Lower, Some(sender)) if sender < client => sender,
            (Self::ClientIp | Self::SenderDomain | Self::Lower, _) => client,
        }
    }
}

/// By what scores move, and the bands they fall into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scoring<'a> {
    /// How scores move.
    pub(super) model: &'a ReputationModel,
    /// The bands, the worst first.
    pub(super) tiers: &'a [Tier],
}

/// The standing of one client IP or sender domain.
#[derive(Clone, Debug)]
pub(super) struct Reputation {
    score: f64,
    /// The band of the score, kept beside it because every limit asks for it; and where it begins and ends.
    tier: u8,
    band: Range<f64>,
    day: u64,
    /// When the day is over.
    tomorrow: Time,
    accepted_today: u32,
    gained_today: f64,
    /// Accepted messages of the last days that the history before them allowed for, the latest first.
    history: [u32; DAYS],
    /// Messages that today may bring before they count as a surge: what the history comes to.
    allowance: f64,
}

/// Days of history that count.
const DAYS: usize = 7;

impl Reputation {
    /// A client with this score and this many messages a day behind it.
    pub(super) fn new(score: Fraction, daily_volume: u32, scoring: Scoring<'_>) -> Self {
        let mut reputation = Self {
            score: score.get(),
            tier: 0,
            band: 0.0..0.0,
            day: 0,
            tomorrow: Time::ZERO + Span::DAY,
            accepted_today: 0,
            gained_today: 0.0,
            history: [daily_volume; DAYS],
            allowance: 0.0,
        };
        reputation.allow(scoring.model);
        reputation.classify(scoring.tiers);
        reputation
    }

    /// The same standing on another day, as if none had passed between.
    pub(super) fn moved_to(mut self, now: Time) -> Self {
        self.day = now.as_micros() / Span::DAY.as_micros();
        self.tomorrow = Time::ZERO + Span::DAY.times(self.day + 1);
        self
    }

    /// The score.
    pub(super) fn score(&self) -> Fraction {
        Fraction::clamped(self.score)
    }

    /// The place of the score's band in the policy's tiers.
    pub(super) fn tier(&self) -> usize {
        usize::from(self.tier)
    }

    /// Sets the score, as an administrator may.
    pub(super) fn set(&mut self, score: Fraction, tiers: &[Tier]) {
        self.score = score.get();
        self.classify(tiers);
    }

    /// Lets the days pass up to `now`: volume becomes history, and rest heals.
    #[inline]
    pub(super) fn advance(&mut self, now: Time, scoring: Scoring<'_>) {
        if now >= self.tomorrow {
            self.begin_day(now.as_micros() / Span::DAY.as_micros(), scoring);
        }
    }

    fn begin_day(&mut self, day: u64, scoring: Scoring<'_>) {
        let passed = day - self.day;
        self.day = day;
        self.tomorrow = Time::ZERO + Span::DAY.times(day + 1);
        self.roll_history(passed, scoring.model);
        // The day just ended rested only if nothing was accepted in it; the days skipped had no mail at all.
        let rested = passed - u64::from(self.accepted_today > 0);
        self.accepted_today = 0;
        self.gained_today = 0.0;
        let model = scoring.model;
        if rested > 0 && self.score < model.rest_toward.get() {
            let healed = self.score + model.rest_gain.get() * rested as f64;
            self.score = healed.min(model.rest_toward.get());
            self.classify(scoring.tiers);
        }
    }

    /// A message was accepted.
    #[inline]
    pub(super) fn accepted(&mut self, now: Time, scoring: Scoring<'_>) {
        self.advance(now, scoring);
        let model = scoring.model;
        self.accepted_today = self.accepted_today.saturating_add(1);
        if f64::from(self.accepted_today) > self.allowance {
            self.lose(model.surge, scoring.tiers);
            return;
        }
        let room = model.gain_per_day.get() - self.gained_today;
        let gain = (model.gain.get() * (1.0 - self.score)).min(room);
        if gain > 0.0 {
            self.score += gain;
            self.gained_today += gain;
            self.classify(scoring.tiers);
        }
    }

    /// Something cost a share of the score.
    pub(super) fn lose(&mut self, share: Fraction, tiers: &[Tier]) {
        if share > Fraction::NONE {
            self.score *= 1.0 - share.get();
            self.classify(tiers);
        }
    }

    fn allow(&mut self, model: &ReputationModel) {
        let most = self.history.iter().copied().max().unwrap_or(0);
        self.allowance = (f64::from(most) * model.growth).max(f64::from(model.volume_floor));
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    fn roll_history(&mut self, passed: u64, model: &ReputationModel) {
        let today = self.accepted_today.min(self.allowance as u32);
        for n in 0..passed.min(DAYS as u64) {
            self.history.rotate_right(1);
            self.history[0] = if n == 0 { today } else { 0 };
        }
        self.allow(model);
    }

    fn classify(&mut self, tiers: &[Tier]) {
        if self.band.contains(&self.score) {
            return;
        }
        let from = |tier: usize| tiers.get(tier).map(|tier| tier.from.get());
        let above = tiers.iter().take_while(|tier| tier.from.get() <= self.score).count();
        let tier = above.saturating_sub(1);
        self.tier = u8::try_from(tier).expect("a policy has at most 16 tiers");
        self.band = from(tier).unwrap_or(0.0)..from(tier + 1).unwrap_or(f64::INFINITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Fraction;

    fn share(x: f64) -> Fraction {
        Fraction::new(x).unwrap()
    }

    struct Lab {
        model: ReputationModel,
        tiers: Vec<Tier>,
    }

    impl Lab {
        fn scoring(&self) -> Scoring<'_> {
            Scoring { model: &self.model, tiers: &self.tiers }
        }
    }

    fn lab() -> Lab {
        let tiers = [("poor", 0.0), ("fair", 0.3), ("good", 0.7)]
            .map(|(name, from)| Tier { name: name.to_owned(), from: share(from) })
            .to_vec();
        let model = ReputationModel {
            start: share(0.5),
            gain: share(0.01),
            gain_per_day: share(0.05),
            complaint: share(0.1),
            unknown_recipient: share(0.02),
            spam_trap: share(0.3),
            unauthenticated: share(0.0),
            surge: share(0.01),
            growth: 2.0,
            volume_floor: 100,
            rest_gain: share(0.02),
            rest_toward: share(0.5),
        };
        Lab { model, tiers }
    }

    #[test]
    fn a_day_gains_no_more_than_it_may() {
        let lab = lab();
        let mut reputation = Reputation::new(share(0.5), 1_000, lab.scoring());
        for n in 0..1_000 {
            reputation.accepted(Time::from_micros(n), lab.scoring());
        }
        assert!((reputation.score().get() - 0.55).abs() < 1e-9);
        reputation.accepted(Time::ZERO + Span::DAY, lab.scoring());
        assert!(reputation.score().get() > 0.55);
    }

    #[test]
    fn complaints_and_gains_settle_where_the_formula_says() {
        let mut lab = lab();
        lab.model.gain_per_day = Fraction::ALL;
        lab.model.volume_floor = u32::MAX;
        let mut reputation = Reputation::new(share(0.9), 0, lab.scoring());
        for n in 0..20_000 {
            // A hundred messages a day: the daily cap does not bind.
            reputation.accepted(Time::ZERO + Span::from_secs(864).times(n), lab.scoring());
            if n % 20 == 0 {
                reputation.lose(lab.model.complaint, &lab.tiers);
            }
        }
        // gain (1 - s) = c k s with gain 0.01, c 1/20, k 0.1: s = 2/3, within one complaint's step.
        assert!((reputation.score().get() - 2.0 / 3.0).abs() < 0.05, "{}", reputation.score());
    }

    #[test]
    fn a_surge_costs_and_history_allows_for_more() {
        let lab = lab();
        let mut newcomer = Reputation::new(share(0.6), 0, lab.scoring());
        let mut regular = Reputation::new(share(0.6), 500, lab.scoring());
        for n in 0..600 {
            newcomer.accepted(Time::from_micros(n), lab.scoring());
            regular.accepted(Time::from_micros(n), lab.scoring());
        }
        assert!(newcomer.score().get() < 0.01 && newcomer.tier() == 0);
        assert!(regular.score().get() > 0.6);
    }

    #[test]
    fn a_history_grows_day_by_day_and_is_forgotten_after_seven() {
        let lab = lab();
        let day = |n| Time::ZERO + Span::DAY.times(n);
        let allowed = |reputation: &Reputation| reputation.allowance;
        let mut newcomer = Reputation::new(share(0.6), 0, lab.scoring());
        // Ten times what the first day allows, every day: it doubles until the habit is there.
        let mut grown = Vec::new();
        for n in 0..6 {
            newcomer.advance(day(n), lab.scoring());
            grown.push(allowed(&newcomer));
            (0..1_000).for_each(|_| newcomer.accepted(day(n), lab.scoring()));
        }
        assert_eq!(grown, [100.0, 200.0, 400.0, 800.0, 1_600.0, 2_000.0]);
        newcomer.advance(day(12), lab.scoring());
        assert!((allowed(&newcomer) - 2_000.0).abs() < 1e-9, "the last of seven days");
        newcomer.advance(day(13), lab.scoring());
        assert!((allowed(&newcomer) - 100.0).abs() < 1e-9, "forgotten");
    }

    #[test]
    fn rest_heals_but_only_so_far() {
        let lab = lab();
        let mut reputation = Reputation::new(share(0.1), 0, lab.scoring());
        reputation.accepted(Time::ZERO, lab.scoring());
        let after_one = reputation.score().get();
        reputation.advance(Time::ZERO + Span::DAY, lab.scoring());
        assert!((reputation.score().get() - after_one).abs() < 1e-12, "a day with mail is no rest");
        reputation.advance(Time::ZERO + Span::DAY.times(3), lab.scoring());
        assert!((reputation.score().get() - after_one - 0.04).abs() < 1e-12);
        reputation.advance(Time::ZERO + Span::DAY.times(300), lab.scoring());
        assert!((reputation.score().get() - 0.5).abs() < 1e-12);
    }
}
