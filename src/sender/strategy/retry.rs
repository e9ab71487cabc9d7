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
    pub schedule: Schedule,
    /// A message older than this when it is deferred is given up.
    pub give_up: Span,
}

/// How long each wait is.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// These waits in turn; the last repeats. At least one, none of them zero.
    List(Vec<Span>),
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
    /// `None` if the message, intended for `intended`, is too old.
    ///
    /// The draws are addressed by message and failure: a message's waits do not depend on what else is deferred.
    pub fn next(&self, now: Time, intended: Time, id: u64, failures: u8, seed: Seed) -> Option<Time> {
        if now.since(intended) >= self.give_up {
            return None;
        }
        Some(now + self.schedule.wait(id, failures.max(1), seed))
    }
}

impl Schedule {
    /// The wait after failure number `failures`, at least a microsecond.
    pub fn wait(&self, id: u64, failures: u8, seed: Seed) -> Span {
        let n = failures - 1;
        let wait = match self {
            Self::List(waits) => waits[usize::from(n).min(waits.len() - 1)],
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
