//! The standing of one client IP or sender domain: its score and its allowance, as they follow the evidence in time.
//!
//! Time is cut into ticks of [`TICK`] on the provider's clock. What happens within a tick is only added up; when it is
//! over, the books are closed: the score moves towards the quality of the evidence, and all sums decay. What the
//! evidence comes to is worked out when the books are closed on something that happened. From there on both have closed
//! forms, so that a silence of any length is one step, and it is the same whether it is looked at on the way or not.
//! With quality `1 / (1 + b²)`, `b` the badness that the rates come to:
//!
//! - A day's rates are believed by `w = n / (n + believed-at)`, `n` recipients a day.
//! - Badness moves towards that of the evidence by `dB/dt = w (b − B) ln 2 / h`: with `h` = `improves` to the better,
//!   and to the worse as far with `h` = `worsens` as it is more than chance, `(b − B)² / ((b − B)² + 4 var b)` of
//!   the way. Without that, chance alone would ruin small senders: it goes both ways, but down is faster.
//! - Who sends becomes known: `dK/dt = w (1 − K) ln 2 / known-after`. While it is little known, the evidence replaces
//!   what was believed before as fast as it comes to be known. After a day of silence `K` is forgotten by `forgets`.
//! - The score is the quality of `K B + (1 − K) B₀`, `B₀` the badness that a stranger's score stands for.

use std::ops::Range;

use super::allowance::{FORGOTTEN_AFTER, badness_of, score_of};
pub(in crate::provider) use super::evidence::AcceptedMail;
use super::evidence::{Badness, Evidence};
use super::model::{History, ReputationModel, Scoring, Tier};
use crate::time::{Span, Time};
use crate::units::Fraction;

/// The standing of one client IP or sender domain.
#[derive(Clone, Debug)]
pub(in crate::provider) struct Standing {
    evidence: Evidence,
    /// Whether its latest mail was refused because it is too much.
    throttled: bool,
    /// Whether anything happened since the books were closed.
    fresh: bool,
    /// What the rates came to when the books were closed on what happened last …
    target: f64,
    /// … and how fast badness follows that, in half-lives a day.
    pace: f64,
    /// When the tick is over in which the latest things happened.
    tick_ends: Time,
    /// When the day is over, on the provider's clock.
    day_ends: Time,
    /// The latest moment at which mail was accepted.
    last_mail: Time,
    /// What its mail came to over time.
    badness: f64,
    /// How far it is known, but for what was forgotten since the latest mail.
    known: f64,
    /// Recipients that it reached on its best day, decayed.
    volume: f64,
    /// Recipients that it reached today.
    today: f64,
    score: f64,
    /// What it may send today by its own history.
    allowance: f64,
    /// What it lends to each of its IPs on top, where it is a sender domain.
    lends: f64,
    /// The band of the score, kept beside it because every limit asks for it; and where it begins and ends.
    tier: u8,
    band: Range<f64>,
}

/// The books are closed so often.
const TICK: Span = Span::from_secs(600);

/// What is believed of the latest mail of a stranger, who has sent none.
const STRANGERS_LATEST: f64 = 0.75;
/// The badness of a regular sender of whom nothing else is said: a score of 0.8.
const REGULAR_BADNESS: f64 = 0.5;
/// What is worse by so many standard deviations, squared, is half taken for chance.
const CHANCE: f64 = 4.0;
/// While an identity is little known, evidence replaces what was believed of it so many times as fast as it comes to be
/// known.
const FIRST_IMPRESSION: f64 = 6.0;

impl Standing {
    /// An identity with this behind it, at a moment of the provider's clock.
    pub(in crate::provider) fn new(history: &History, clock: Time, scoring: Scoring<'_>) -> Self {
        let mut standing = Self {
            evidence: Evidence::default(),
            throttled: false,
            fresh: false,
            target: 0.0,
            pace: 0.0,
            tick_ends: next(clock, TICK),
            day_ends: next(clock, Span::DAY),
            last_mail: clock,
            badness: 0.0,
            known: 0.0,
            volume: f64::from(history.daily_volume),
            today: 0.0,
            score: history.reputation.unwrap_or(Fraction::ALL).get(),
            allowance: f64::INFINITY,
            lends: 0.0,
            tier: 0,
            band: 0.0..0.0,
        };
        if let Some(model) = scoring.model {
            standing.recall(history, model);
        }
        standing.classify(scoring.tiers);
        standing
    }

    /// The same standing at another moment, as if no time had passed between.
    pub(in crate::provider) fn moved_to(self, clock: Time) -> Self {
        Self { tick_ends: next(clock, TICK), day_ends: next(clock, Span::DAY), last_mail: clock, ..self }
    }

    /// Believes of an identity what its history says.
    fn recall(&mut self, history: &History, model: &ReputationModel) {
        self.badness = match history.reputation {
            Some(reputation) => badness_of(reputation),
            None if history.is_strange() => badness_of(model.stranger),
            None => REGULAR_BADNESS,
        };
        self.known = match history.age {
            _ if history.is_strange() => 0.0,
            None => 1.0,
            Some(age) => 1.0 - (-age.as_days_f64() / model.known_after.as_days_f64()).exp2(),
        };
        self.evidence = Evidence::of_regular(history.daily_volume, self.badness, model);
        self.target = self.badness;
        self.judge(Span::ZERO, model);
    }

    /// The score.
    #[inline]
    pub(in crate::provider) fn score(&self) -> Fraction {
        Fraction::clamped(self.score)
    }

    /// The place of the score's band in the policy's tiers.
    #[inline]
    pub(in crate::provider) fn tier(&self) -> usize {
        usize::from(self.tier)
    }

    /// What it may send today by its own history, in recipients.
    #[inline]
    pub(in crate::provider) const fn allowance(&self) -> f64 {
        self.allowance
    }

    /// What it lends to each of its IPs on top, where it is a sender domain.
    #[inline]
    pub(in crate::provider) const fn lends(&self) -> f64 {
        self.lends
    }

    /// The score is now this, whatever the evidence was: an administrator says so.
    pub(in crate::provider) fn set(&mut self, score: Fraction, clock: Time, scoring: Scoring<'_>) {
        self.advance(clock, scoring);
        self.score = score.get();
        if let Some(model) = scoring.model {
            self.badness = badness_of(score);
            self.known = 1.0;
            self.last_mail = clock;
            self.evidence = Evidence::default();
            (self.target, self.fresh) = (self.badness, false);
            self.judge(Span::ZERO, model);
        }
        self.classify(scoring.tiers);
    }

    /// Mail is accepted.
    #[inline]
    pub(in crate::provider) fn accept(&mut self, mail: &AcceptedMail, clock: Time, scoring: Scoring<'_>) {
        let Some(model) = scoring.model else { return };
        self.advance(clock, scoring);
        self.end_silence(clock, model);
        self.evidence.accept(mail, model);
        (self.throttled, self.fresh) = (false, true);
        self.today += f64::from(mail.recipients);
    }

    /// It is told to slow down.
    pub(in crate::provider) const fn throttle(&mut self) {
        self.throttled = true;
    }

    /// A recipient is refused because it does not exist. That is no evidence while mail is refused because it is too
    /// much: the others in its place are not accepted either, and what is refused would look worse than it is.
    pub(in crate::provider) fn unknown_recipient(&mut self, clock: Time, scoring: Scoring<'_>) {
        let Some(model) = scoring.model.filter(|_| !self.throttled) else { return };
        self.advance(clock, scoring);
        self.evidence.unknown_recipient(model);
        self.fresh = true;
    }

    /// A recipient complains.
    pub(in crate::provider) fn complain(&mut self, clock: Time, scoring: Scoring<'_>) {
        if scoring.model.is_some() {
            self.advance(clock, scoring);
            self.evidence.complaint();
            self.fresh = true;
        }
    }

    /// Lets the time pass up to a moment of the provider's clock.
    #[inline]
    pub(in crate::provider) fn advance(&mut self, clock: Time, scoring: Scoring<'_>) {
        if clock >= self.tick_ends
            && let Some(model) = scoring.model
        {
            self.close_books(clock, model, scoring.tiers);
        }
    }

    /// As it stands at a moment of the provider's clock, not earlier than anything that happened.
    pub(in crate::provider) fn seen_at(&self, clock: Time, scoring: Scoring<'_>) -> Self {
        let mut seen = self.clone();
        seen.advance(clock, scoring);
        seen
    }

    /// What is remembered makes no difference any more: it is a stranger again.
    pub(in crate::provider) fn is_forgotten(&self, clock: Time) -> bool {
        clock.since(self.last_mail) >= FORGOTTEN_AFTER
    }

    /// The ticks and days up to `clock` are over.
    #[inline(never)]
    fn close_books(&mut self, clock: Time, model: &ReputationModel, tiers: &[Tier]) {
        // All up to the end of the day first: what was allowed on a day is what it was on that day.
        if clock >= self.day_ends {
            self.let_pass(self.day_ends, model);
            self.judge(self.day_ends.since(self.last_mail), model);
            let passed = 1 + clock.since(self.day_ends).as_micros() / Span::DAY.as_micros();
            let reached = self.today.min(self.allowance);
            self.volume = model.allowance.volume_after(self.volume, reached, passed as f64);
            self.today = 0.0;
            self.day_ends += Span::DAY.times(passed);
        }
        self.let_pass(clock, model);
        if self.is_forgotten(clock) {
            (self.known, self.volume) = (0.0, 0.0);
        }
        self.judge(clock.since(self.last_mail), model);
        self.classify(tiers);
    }

    /// The ticks that are over by `clock` pass: the score follows the evidence, and the evidence decays.
    fn let_pass(&mut self, clock: Time, model: &ReputationModel) {
        if clock < self.tick_ends {
            return;
        }
        let passed =
            Span::from_micros(TICK.as_micros() * (1 + clock.since(self.tick_ends).as_micros() / TICK.as_micros()));
        self.tick_ends += passed;
        let half_lives = passed.as_days_f64() / model.evidence.as_days_f64();
        if std::mem::take(&mut self.fresh)
            && let Some(towards) = self.evidence.badness(model)
        {
            (self.target, self.pace) = (towards.value, self.pace_to(towards, model));
        }
        let believed = self.believed_days(half_lives, model);
        let still_unknown = (1.0 - self.known) * (-believed / model.known_after.as_days_f64()).exp2();
        let learned = 1.0 - still_unknown - self.known;
        let kept = (-believed * self.pace).exp2() * (-FIRST_IMPRESSION * learned).exp();
        self.badness = self.target + (self.badness - self.target) * kept;
        self.known = 1.0 - still_unknown;
        self.evidence.decay(half_lives);
    }

    /// How fast badness follows that of the evidence, in half-lives a day.
    fn pace_to(&self, towards: Badness, model: &ReputationModel) -> f64 {
        let up = 1.0 / model.improves.as_days_f64();
        let further = towards.value - self.badness;
        if further <= 0.0 {
            return up;
        }
        let square = further * further;
        up + (1.0 / model.worsens.as_days_f64() - up) * square / (square + CHANCE * towards.variance)
    }

    /// The time that passes with so many half-lives of the evidence, each moment as far as its rates are believed, in
    /// days: the integral of n / (n + believed-at) while n decays.
    fn believed_days(&self, half_lives: f64, model: &ReputationModel) -> f64 {
        let rate = std::f64::consts::LN_2 / model.evidence.as_days_f64();
        let before = self.evidence.attempted() * rate;
        let after = before * (-half_lives).exp2();
        ((before + model.believed_at) / (after + model.believed_at)).ln() / rate
    }

    /// Mail comes after a silence: what was forgotten in it is forgotten.
    #[inline]
    fn end_silence(&mut self, clock: Time, model: &ReputationModel) {
        if clock.since(self.last_mail) > Span::DAY {
            self.known *= remembered(clock.since(self.last_mail), model);
        }
        self.last_mail = clock;
    }

    /// Score and allowance follow from what is known, after so much silence.
    fn judge(&mut self, silence: Span, model: &ReputationModel) {
        let known = self.known * remembered(silence, model);
        self.score = score_of(known * self.badness + (1.0 - known) * badness_of(model.stranger));
        let believed = known * self.badness + (1.0 - known) * STRANGERS_LATEST;
        let seen = self.evidence.attempted();
        let latest = (seen * self.target + model.believed_at * believed) / (seen + model.believed_at);
        self.allowance = model.allowance.of(self.volume, self.score, latest);
        self.lends = model.allowance.lent(self.volume, self.score);
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

/// The share of what was known that is left after so much silence; the first day of it does not count.
#[inline]
fn remembered(silence: Span, model: &ReputationModel) -> f64 {
    if silence <= Span::DAY { 1.0 } else { (-(silence - Span::DAY).as_days_f64() / model.forgets.as_days_f64()).exp2() }
}

/// The first moment after `clock` at which a whole number of `every` has passed on it.
fn next(clock: Time, every: Span) -> Time {
    Time::ZERO + every.times(clock.as_micros() / every.as_micros() + 1)
}
