//! The model by itself, against the stylised facts that real providers show. Here with one set of constants; each
//! built-in profile is held against the same facts in `tests/providers`.

use super::allowance::{AllowanceModel, DailyVolume};
use super::evidence::AcceptedMail;
use super::model::{Engagement, History, ReputationModel, Scoring, Tier, ToleratedRates};
use super::standing::Standing;
use crate::time::{Span, Time};
use crate::units::Fraction;

/// The model under test: a provider that likes strangers neither much nor little.
pub(crate) const MODEL: ReputationModel = ReputationModel {
    stranger: Fraction::clamped(0.41),
    tolerated: ToleratedRates {
        complaints: 0.003,
        unknown_recipients: 0.05,
        spam_traps: 0.0005,
        unauthenticated: 0.05,
        spam: 0.05,
    },
    engagement: None,
    believed_at: 300.0,
    evidence: Span::from_secs(12 * 3_600),
    worsens: Span::DAY,
    improves: Span::DAY.times(12),
    known_after: Span::DAY.times(3),
    forgets: Span::DAY.times(7),
    allowance: AllowanceModel {
        stranger: DailyVolume::known(200.0),
        inherited: 0.1,
        most: DailyVolume::known(400_000.0),
        growth: 2.0,
        memory: Span::DAY.times(10),
    },
};

/// A sender under the model: mail in batches, every hour or so.
struct Lab {
    model: ReputationModel,
    tiers: Vec<Tier>,
    standing: Standing,
    now: Time,
    /// Shares of recipients that are owed.
    owed: [f64; 5],
}

/// What a day's mail was like: shares of its recipients.
#[derive(Clone, Copy)]
struct Rates {
    complaints: f64,
    unknown: f64,
    traps: f64,
    engaged: f64,
}

const CLEAN: Rates = Rates { complaints: 0.0005, unknown: 0.005, traps: 0.0, engaged: 0.2 };

impl Lab {
    fn new(model: ReputationModel, history: &History) -> Self {
        let tiers = [("bad", 0.0), ("low", 0.2), ("medium", 0.5), ("high", 0.8)]
            .map(|(name, from)| Tier { name: name.to_owned(), from: Fraction::clamped(from) })
            .to_vec();
        let standing = Standing::new(history, Time::ZERO, Scoring { model: Some(&model), tiers: &tiers });
        Self { model, tiers, standing, now: Time::ZERO, owed: [0.0; 5] }
    }

    fn regular(daily_volume: u32) -> Self {
        let reputation = Fraction::new(0.93);
        Self::new(MODEL, &History { reputation, daily_volume, age: None })
    }

    /// A day with so many recipients, spread over its hours; what they did comes to its share of the whole.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers of recipients")]
    fn day(&mut self, recipients: f64, rates: Rates) {
        let start = self.now;
        for hour in 0..24 {
            self.now = start + Span::HOUR.times(hour) + Span::from_secs(60);
            let shares = [1.0, rates.complaints, rates.unknown, rates.traps, rates.engaged];
            let [all, complaints, unknown, traps, engaged] = [0, 1, 2, 3, 4].map(|n: usize| {
                self.owed[n] += recipients / 24.0 * shares[n];
                let due = self.owed[n].floor();
                self.owed[n] -= due;
                due as u32
            });
            let scoring = Scoring { model: Some(&self.model), tiers: &self.tiers };
            if all > 0 {
                let mail = AcceptedMail { recipients: all, inboxed: all, engaged, traps, ..AcceptedMail::default() };
                self.standing.accept(&mail, self.now, scoring);
            }
            (0..complaints).for_each(|_| self.standing.complain(self.now, scoring));
            (0..unknown).for_each(|_| self.standing.unknown_recipient(self.now, scoring));
        }
        self.now = start + Span::DAY;
        self.standing.advance(self.now, Scoring { model: Some(&self.model), tiers: &self.tiers });
    }

    fn days(&mut self, days: u32, recipients: f64, rates: Rates) -> &mut Self {
        (0..days).for_each(|_| self.day(recipients, rates));
        self
    }

    fn scoring(&self) -> Scoring<'_> {
        Scoring { model: Some(&self.model), tiers: &self.tiers }
    }

    fn score(&self) -> f64 {
        self.standing.score().get()
    }
}

/// Looking at a standing on the way, or not: it is the same.
#[test]
fn time_may_be_cut_anywhere() {
    let mut coarse = Lab::regular(3_000);
    coarse.days(5, 3_000.0, Rates { complaints: 0.004, ..CLEAN });
    let mut fine = coarse.standing.clone();
    let (start, end) = (coarse.now, coarse.now + Span::DAY.times(9) + Span::HOUR.times(5));
    for minutes in (0..9 * 24 * 60).step_by(7) {
        fine.advance(start + Span::from_secs(60 * minutes), coarse.scoring());
    }
    fine.advance(end, coarse.scoring());
    let whole = coarse.standing.seen_at(end, coarse.scoring());
    assert!((fine.score().get() - whole.score().get()).abs() < 1e-9, "{fine:?} {whole:?}");
    assert!((fine.allowance() - whole.allowance()).abs() < 1e-6 * whole.allowance(), "{fine:?} {whole:?}");
}

/// The order of what happens at one moment makes no difference.
#[test]
fn what_happens_at_once_has_no_order() {
    let mail = AcceptedMail { recipients: 40, inboxed: 40, engaged: 9, traps: 1, ..AcceptedMail::default() };
    let scores = [[0, 1, 2], [2, 1, 0], [1, 0, 2]].map(|order| {
        let mut lab = Lab::regular(200);
        lab.days(2, 200.0, CLEAN);
        let (now, model) = (lab.now + Span::from_secs(30), MODEL);
        let scoring = Scoring { model: Some(&model), tiers: &lab.tiers };
        for what in order {
            match what {
                0 => lab.standing.accept(&mail, now, scoring),
                1 => lab.standing.complain(now, scoring),
                _ => lab.standing.unknown_recipient(now, scoring),
            }
        }
        lab.standing.seen_at(now + Span::DAY, scoring).score().get()
    });
    assert!(scores.iter().all(|score| (score - scores[0]).abs() < 1e-12), "{scores:?}");
}

/// Fact 1 over three orders of magnitude.
#[test]
fn the_same_rates_give_the_same_score_at_any_volume() {
    let scores = [500_u32, 5_000, 50_000, 500_000].map(|volume| {
        let mut lab = Lab::regular(volume);
        lab.days(30, f64::from(volume), Rates { complaints: 0.001, ..CLEAN }).score()
    });
    assert!(scores.iter().all(|score| (score - 0.84).abs() < 0.02), "{scores:?}");
}

#[test]
fn better_rates_never_do_worse() {
    let score = |complaints: f64, unknown: f64| {
        Lab::regular(2_000).days(20, 2_000.0, Rates { complaints, unknown, ..CLEAN }).score()
    };
    let by_complaints: Vec<f64> = (0..12).map(|n| score(f64::from(n) * 0.001, 0.005)).collect();
    let by_unknown: Vec<f64> = (0..12).map(|n| score(0.0005, f64::from(n) * 0.01)).collect();
    assert!(by_complaints.is_sorted_by(|a, b| a > b) && by_unknown.is_sorted_by(|a, b| a > b));
    assert!(by_complaints.iter().chain(&by_unknown).all(|score| (0.0..=1.0).contains(score)));
}

/// A newcomer that sends what it may: it doubles when its mail is good, and stays small when it is not.
#[test]
fn an_allowance_grows_with_good_mail_only() {
    let grown = |rates: Rates| {
        let mut lab = Lab::new(MODEL, &History::NONE);
        (0..12).for_each(|_| lab.day(lab.standing.allowance(), rates));
        lab.standing.allowance()
    };
    let (good, bad) = (grown(CLEAN), grown(Rates { complaints: 0.01, unknown: 0.1, ..CLEAN }));
    assert!(good > 20_000.0 && bad <= 200.0, "{good} {bad}");
}

/// What is above the allowance makes no habit: one large day does not allow another.
#[test]
fn a_habit_grows_day_by_day() {
    let mut lab = Lab::regular(1_000);
    let before = lab.standing.allowance();
    lab.day(50_000.0, CLEAN);
    assert!(lab.standing.allowance() < 2.1 * before, "{before} {}", lab.standing.allowance());
}

#[test]
fn a_stranger_beats_no_friend_and_a_month_of_silence_makes_one() {
    let stranger = Lab::new(MODEL, &History::NONE);
    let mut friend = Lab::regular(10_000);
    let seen = |lab: &Lab, days: u64| lab.standing.seen_at(lab.now + Span::DAY.times(days), lab.scoring());
    let mut last = f64::INFINITY;
    for days in [0, 1, 3, 7, 14, 29, 31] {
        let seen = seen(&friend, days);
        assert!(seen.allowance() <= last && seen.allowance() >= stranger.standing.allowance(), "day {days}");
        assert!(seen.score() >= stranger.standing.score(), "day {days}");
        last = seen.allowance();
    }
    let forgotten = seen(&friend, 31);
    assert!((forgotten.score().get() - stranger.score()).abs() < 1e-9);
    assert!((forgotten.allowance() - stranger.standing.allowance()).abs() < 1e-9);
    friend.day(10.0, CLEAN);
    assert!(friend.score() > 0.5, "a day with little mail is no silence");
}

/// A recipient who reads is worth something where a provider looks at that, and nothing where it does not.
#[test]
fn engagement_counts_where_it_is_looked_at() {
    let score = |engagement: Option<Engagement>, engaged: f64| {
        let history = History { reputation: Fraction::new(0.7), daily_volume: 10_000, age: None };
        let mut lab = Lab::new(ReputationModel { engagement, ..MODEL }, &history);
        lab.days(20, 10_000.0, Rates { engaged, complaints: 0.001, ..CLEAN }).score()
    };
    let looked_at = Some(Engagement { usual: 0.2, weight: 0.5 });
    assert!(score(looked_at, 0.25) > score(looked_at, 0.2) && score(looked_at, 0.2) > score(looked_at, 0.08));
    assert!((score(None, 0.25) - score(None, 0.08)).abs() < 1e-12);
}

#[test]
fn a_history_of_a_week_is_half_known() {
    let of_age = |days: u64| {
        let age = Some(Span::DAY.times(days));
        Lab::new(MODEL, &History { reputation: Fraction::new(0.93), daily_volume: 1_000, age }).score()
    };
    let (stranger, known) = (Lab::new(MODEL, &History::NONE).score(), of_age(60));
    assert!(stranger < of_age(1) && of_age(1) < of_age(4) && of_age(4) < known && (known - 0.93).abs() < 0.01);
}
