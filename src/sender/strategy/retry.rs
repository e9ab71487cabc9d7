//! The retry axis: when a deferred message is tried again, and when it is given up.
//!
//! Jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015) and its simulator
//! (aws-samples/aws-arch-backoff-simulator): with `v = min(cap, base × factor^n)`, none waits `v`, full waits
//! `U(0, v)`, equal `v/2 + U(0, v/2)`, and decorrelated `min(cap, U(base, 3 × the wait before))`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rng::Seed;
use crate::time::{Span, Time};

/// When a deferred message is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// The waits.
    pub schedule: RetrySchedule,
    /// A message older than this is given up: when it is deferred, or when the sender held it back past this age.
    pub give_up: Span,
    /// Whether deferred mail comes back only when the queue is looked through; `None` is at its own moment.
    pub queue_run: Option<QueueRun>,
    /// Whether the deferred recipients of a message wait until all of its recipients have been tried, and come back
    /// together.
    pub whole_message: bool,
}

/// The queue is looked through again and again, the first time at the start; what is due then comes back, all of it
/// together. As in Postfix (`qmgr_scan.c`), what is due within a second is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRun {
    /// From one look to the next; not zero (`queue_run_delay`).
    pub every: Span,
    /// What a look adds to that by itself. Measured with Postfix 3.7: 0.05 s.
    pub lag: Span,
}

/// How long each wait is.
#[derive(Clone, Debug, PartialEq)]
pub enum RetrySchedule {
    /// These waits in turn; the last repeats. At least one, none of them zero.
    List(Vec<Span>),
    /// As long as the message is old, within bounds. Waits about double, and mail of one age stays
    /// together. As in Postfix (`qmgr_active.c`).
    Age {
        /// No wait is shorter; not zero (`minimal_backoff_time`).
        min: Span,
        /// No wait is longer; at least `min` (`maximal_backoff_time`).
        max: Span,
    },
    /// Growing by a factor with every failure.
    Exponential {
        /// The first wait; not zero.
        base: Span,
        /// At least 1.
        factor: f64,
        /// No wait is longer; at least `base`.
        cap: Span,
        /// How chance spreads the waits.
        jitter: Jitter,
    },
}

/// How chance spreads the waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Jitter {
    /// Not at all: everything deferred together comes back together.
    #[default]
    None,
    /// Anywhere from nothing to the whole wait.
    Full,
    /// Half of the wait, and anywhere from nothing to the other half.
    Equal,
    /// Anywhere from the base to three times the wait before.
    Decorrelated,
}

impl Retry {
    /// The moment of the next attempt after failure number `failures` (1 for the first) of message `id` at `now`, or
    /// `None` if the message is too old. When it was intended for is asked only where that matters: among millions of
    /// messages it is in no cache.
    ///
    /// The draws are addressed by message and failure: a message's waits do not depend on what else is deferred.
    pub fn next(&self, now: Time, intended: impl Fn() -> Time, id: u64, failures: u8, seed: Seed) -> Option<Time> {
        if self.may_be_old(now) && now.since(intended()) >= self.give_up {
            return None;
        }
        let wait = match self.schedule {
            RetrySchedule::Age { min, max } => now.since(intended()).max(min).min(max),
            _ => self.schedule.wait(id, failures.max(1), seed),
        };
        Some(self.queue_run.map_or(now + wait, |run| run.finds(now, now + wait)))
    }

    /// Whether any message can be too old. Nothing is older than the trial.
    #[inline]
    pub fn may_be_old(&self, now: Time) -> bool {
        now >= Time::ZERO + self.give_up
    }
}

impl QueueRun {
    /// The first look after `now` that finds what is due at `due`: a look takes what is due within the next second.
    fn finds(self, now: Time, due: Time) -> Time {
        let period = (self.every + self.lag).as_micros();
        let early = due.as_micros().saturating_sub(SECOND);
        let look = (now.as_micros() / period + 1).max(early.div_ceil(period));
        Time::from_micros(look.saturating_mul(period))
    }
}

/// A second in microseconds.
const SECOND: u64 = 1_000_000;

impl RetrySchedule {
    /// The wait after failure number `failures`, at least a microsecond; where it depends on the age of the message,
    /// the shortest.
    pub fn wait(&self, id: u64, failures: u8, seed: Seed) -> Span {
        let n = failures - 1;
        let wait = match self {
            Self::List(waits) => waits[usize::from(n).min(waits.len() - 1)],
            Self::Age { min, .. } => *min,
            Self::Exponential { base, factor, cap, jitter } => {
                let full = || base.scaled(factor.powi(i32::from(n))).min(*cap);
                let share = seed.share(id, u64::from(n));
                match jitter {
                    Jitter::None => full(),
                    Jitter::Full => full().scaled(share),
                    Jitter::Equal => full().scaled(0.5 + share / 2.0),
                    Jitter::Decorrelated => decorrelated(*base, *cap, (0..=n).map(|k| seed.share(id, u64::from(k)))),
                }
            }
        };
        wait.max(Span::TICK)
    }
}

/// Replays the chain of waits: each is drawn between `base` and three times the one before.
fn decorrelated(base: Span, cap: Span, shares: impl Iterator<Item = f64>) -> Span {
    shares.fold(base, |before, share| (base + (before.times(3) - base).scaled(share)).min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Span = Span::from_secs(60);
    const CAP: Span = Span::from_secs(4_000);

    fn waits(jitter: Jitter, failures: u8, ids: u64) -> Vec<f64> {
        let schedule = RetrySchedule::Exponential { base: BASE, factor: 2.0, cap: CAP, jitter };
        (0..ids).map(|id| schedule.wait(id, failures, Seed(7)).as_secs_f64()).collect()
    }

    fn range(waits: &[f64]) -> (f64, f64, f64) {
        let mean = waits.iter().sum::<f64>() / waits.len() as f64;
        (waits.iter().copied().fold(f64::MAX, f64::min), mean, waits.iter().copied().fold(0.0, f64::max))
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let doubled: Vec<f64> = (1..=9).map(|n| waits(Jitter::None, n, 1)[0]).collect();
        assert_eq!(doubled, [60.0, 120.0, 240.0, 480.0, 960.0, 1_920.0, 3_840.0, 4_000.0, 4_000.0]);
    }

    /// Full jitter is U(0, v) and equal jitter v/2 + U(0, v/2): checked by range and mean, v = 480 s.
    #[test]
    fn jitters_follow_their_definitions() {
        let (low, mean, high) = range(&waits(Jitter::Full, 4, 20_000));
        assert!(low < 1.0 && high < 480.0 && high > 479.0 && (mean - 240.0).abs() < 3.0, "{low} {mean} {high}");
        let (low, mean, high) = range(&waits(Jitter::Equal, 4, 20_000));
        assert!((240.0..241.0).contains(&low) && high < 480.0 && (mean - 360.0).abs() < 2.0, "{low} {mean} {high}");
    }

    /// Decorrelated jitter: s₀ = base, s = min(cap, U(base, 3 s)). Its mean after one failure is 2 × base, after two
    /// 3.5 ×.
    #[test]
    fn decorrelated_jitter_remembers_the_wait_before() {
        let (low, mean, high) = range(&waits(Jitter::Decorrelated, 1, 20_000));
        assert!(low >= 60.0 && high < 180.0 && (mean - 120.0).abs() < 1.0, "{low} {mean} {high}");
        let (first, second) = (waits(Jitter::Decorrelated, 1, 20_000), waits(Jitter::Decorrelated, 2, 20_000));
        assert!(first.iter().zip(&second).all(|(before, wait)| (60.0..=3.0 * before).contains(wait)));
        let (_, mean, _) = range(&second);
        assert!((mean - 210.0).abs() < 3.0, "{mean}");
        assert!(waits(Jitter::Decorrelated, 40, 1_000).iter().all(|wait| (60.0..=4_000.0).contains(wait)));
    }

    #[test]
    fn a_list_repeats_its_last_wait_and_old_mail_is_given_up() {
        let schedule = RetrySchedule::List(vec![Span::from_secs(300), Span::from_secs(900)]);
        let retry = Retry { schedule, give_up: Span::from_secs(2_000), queue_run: None, whole_message: false };
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let next = |now, failures| retry.next(at(now), || Time::ZERO, 0, failures, Seed(1));
        assert_eq!(next(0, 1), Some(at(300)));
        assert_eq!(next(300, 2), Some(at(1_200)));
        assert_eq!(next(1_200, 3), Some(at(2_100)));
        assert_eq!(next(2_100, 4), None);
    }

    /// Attempts of a message created at `created` that is deferred the moment it is tried, in seconds after that.
    fn attempts(created: u64, n: usize) -> Vec<u64> {
        let retry = Retry {
            schedule: RetrySchedule::Age { min: Span::from_secs(300), max: Span::from_secs(4_000) },
            give_up: Span::DAY.times(5),
            queue_run: Some(QueueRun { every: Span::from_secs(300), lag: Span::ZERO }),
            whole_message: true,
        };
        let created = Time::ZERO + Span::from_secs(created);
        let mut next = Some(created);
        std::iter::from_fn(|| {
            let at = next?;
            next = retry.next(at, || created, 0, 1, Seed(1));
            Some(at.since(created).as_micros() / 1_000_000)
        })
        .take(n)
        .collect()
    }

    /// The vectors worked out from Postfix's source: created on a look through the queue, and half a period after one.
    #[test]
    fn waits_grow_with_age_and_end_at_a_look_through_the_queue() {
        assert_eq!(attempts(0, 10), [0, 300, 600, 1_200, 2_400, 4_800, 9_000, 13_200, 17_400, 21_600]);
        assert_eq!(attempts(150, 7), [0, 450, 1_050, 2_250, 4_650, 8_850, 13_050]);
        let all = attempts(0, 1_000);
        assert_eq!(all.iter().filter(|at| **at <= 5 * 86_400).count(), 107, "in five days");
        assert_eq!(all.len(), 108, "what comes due after that gets its last attempt");
        assert!(all.windows(2).skip(6).all(|pair| pair[1] - pair[0] == 4_200));
    }

    /// Measured with Postfix 3.7: it had been started 1.8 s before the mail came, with back-off times of 30 and 240 s.
    #[test]
    fn attempts_are_where_postfix_was_seen_to_make_them() {
        let retry = Retry {
            schedule: RetrySchedule::Age { min: Span::from_secs(30), max: Span::from_secs(240) },
            give_up: Span::DAY.times(5),
            queue_run: Some(QueueRun { every: Span::from_secs(30), lag: Span::from_millis(50) }),
            whole_message: true,
        };
        let created = Time::from_micros(1_800_000);
        let mut at = created;
        for seen in [58.3, 118.4, 238.7, 479.0, 719.4, 959.8] {
            at = retry.next(at, || created, 0, 1, Seed(1)).unwrap();
            let after = at.since(created).as_secs_f64();
            assert!((after - seen).abs() < 0.1, "{after} s, seen after {seen} s");
        }
    }
}
