//! The retry axis: when a deferred message is tried again, and when it is given up. One file a clock.

pub mod age;
pub mod exponential;
pub mod list;
pub mod queue_run;

use std::fmt;

use crate::rng::Seed;
use crate::time::{Span, Time};
use age::Age;
use exponential::Exponential;
pub use exponential::Jitter;
use list::WaitList;
pub use queue_run::QueueRun;

/// When a deferred message is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// How long each wait is.
    pub schedule: RetrySchedule,
    /// A message older than this is given up: when it is deferred, or when the sender held it back past this age.
    pub give_up: Span,
    /// Whether deferred mail comes back only when the queue is looked through; `None` is at its own moment.
    pub queue_run: Option<QueueRun>,
    /// Whether the deferred recipients of a message wait until all of its recipients have been tried, and come back
    /// together.
    pub whole_message: bool,
}

/// How long each wait is.
#[derive(Clone, Debug, PartialEq)]
pub enum RetrySchedule {
    /// These waits in turn.
    List(WaitList),
    /// As long as the message is old (Postfix).
    Age(Age),
    /// Growing by a factor with every failure.
    Exponential(Exponential),
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
        let failures = failures.max(1);
        let wait = match &self.schedule {
            RetrySchedule::List(list) => list.wait(failures),
            RetrySchedule::Age(age) => age.wait(now.since(intended())),
            RetrySchedule::Exponential(exponential) => exponential.wait(id, failures, seed),
        };
        let due = now + wait.max(Span::TICK);
        Some(self.queue_run.map_or(due, |run| run.finds(now, due)))
    }

    /// Whether any message can be too old. Nothing is older than the trial.
    #[inline]
    pub fn may_be_old(&self, now: Time) -> bool {
        now >= Time::ZERO + self.give_up
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schedule {
            RetrySchedule::List(list) => list.fmt(f)?,
            RetrySchedule::Age(age) => age.fmt(f)?,
            RetrySchedule::Exponential(exponential) => exponential.fmt(f)?,
        }
        if let Some(run) = self.queue_run {
            write!(f, "; {run}")?;
        }
        if self.whole_message {
            f.write_str("; a message's recipients come back together")?;
        }
        write!(f, "; gives up after {}", self.give_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_repeats_its_last_wait_and_old_mail_is_given_up() {
        let schedule = RetrySchedule::List(WaitList(vec![Span::from_secs(300), Span::from_secs(900)]));
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
            schedule: RetrySchedule::Age(Age::DEFAULT),
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
            schedule: RetrySchedule::Age(Age { min: Span::from_secs(30), max: Span::from_secs(240) }),
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
