//! Postfix's concurrency feedback: a window that grows and shrinks by small steps, one for every delivery.
//!
//! Two rules are told apart. [`FeedbackRule::Readme`] is the pseudo-code of the published `SCHEDULER_README` ("Postfix
//! 2.5 concurrency scheduler"), which its tables were measured with. [`FeedbackRule::Shipped`] is what Postfix runs
//! today (`qmgr_queue.c` and `qmgr_feedback.c`): it rounds by half a step, so that after a success the first failure
//! costs two places at once, and it calls a site dead one failed cohort earlier.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sender::strategy::controller::{Load, Observation, WindowController};

/// The settings of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feedback {
    /// The window at the start, and again whenever the queue has drained; at least 1
    /// (`initial_destination_concurrency`).
    pub initial: u32,
    /// Never above; `None` is no limit (`default_destination_concurrency_limit`).
    pub limit: Option<u32>,
    /// What a success adds (`default_destination_concurrency_positive_feedback`).
    pub positive: FeedbackStep,
    /// What a failure takes away (`default_destination_concurrency_negative_feedback`).
    pub negative: FeedbackStep,
    /// How steps become places.
    pub rule: FeedbackRule,
}

/// How steps become places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeedbackRule {
    /// The code that Postfix ships.
    #[default]
    Shipped,
    /// The pseudo-code of the published README.
    Readme,
}

/// A step of feedback: `x`, `x/concurrency` or `x/sqrt_concurrency`; from 0 to 1 for every window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeedbackStep {
    base: f64,
    divisor: StepDivisor,
}

/// What a step is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StepDivisor {
    One,
    Concurrency,
    Root,
}

/// Why a text is no step of feedback.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackStepError {
    /// Not of one of the forms.
    #[error(
        "`{0}` is no feedback; write a number from 0 to 1 (\"0.25\", \"1/4\"), \"1/concurrency\" or \"1/sqrt_concurrency\""
    )]
    Malformed(String),
    /// A step larger than a place, or smaller than none. (Postfix warns and takes 1.)
    #[error("feedback of `{0}` is not between 0 and 1")]
    OutOfBounds(String),
}

impl Feedback {
    /// Postfix's window as it comes (`mail_params.h`).
    pub const DEFAULT: Self = Self {
        initial: 5,
        limit: Some(20),
        positive: FeedbackStep::ONE,
        negative: FeedbackStep::ONE,
        rule: FeedbackRule::Shipped,
    };

    /// The window before anything happened.
    fn first_window(&self) -> u32 {
        self.limit.map_or(self.initial, |limit| self.initial.min(limit))
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { initial, limit, positive, negative, rule } = self;
        write!(f, "{initial} at once at first, ")?;
        match limit {
            Some(limit) => write!(f, "{limit} at most")?,
            None => f.write_str("without limit")?,
        }
        let rule = match rule {
            FeedbackRule::Shipped => "as shipped",
            FeedbackRule::Readme => "as in the README",
        };
        write!(f, "; feedback +{positive} and -{negative}, {rule}")
    }
}

impl FeedbackStep {
    /// Always 1: Postfix's default.
    pub const ONE: Self = Self { base: 1.0, divisor: StepDivisor::One };

    /// The step at this window.
    pub fn at(self, window: u32) -> f64 {
        match self.divisor {
            StepDivisor::One => self.base,
            StepDivisor::Concurrency => self.base / f64::from(window),
            StepDivisor::Root => self.base / f64::from(window).sqrt(),
        }
    }
}

impl FromStr for FeedbackStep {
    type Err = FeedbackStepError;

    fn from_str(text: &str) -> Result<Self, FeedbackStepError> {
        let malformed = || FeedbackStepError::Malformed(text.to_owned());
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let (base, under) = text.split_once('/').map_or((text, None), |(base, under)| (base, Some(under.trim())));
        let base = number(base).ok_or_else(malformed)?;
        let step = match under {
            None => Self { base, divisor: StepDivisor::One },
            Some("concurrency") => Self { base, divisor: StepDivisor::Concurrency },
            Some("sqrt_concurrency") => Self { base, divisor: StepDivisor::Root },
            Some(under) => {
                let under = number(under).filter(|under| *under > 0.0).ok_or_else(malformed)?;
                Self { base: base / under, divisor: StepDivisor::One }
            }
        };
        if (0.0..=1.0).contains(&step.base) { Ok(step) } else { Err(FeedbackStepError::OutOfBounds(text.to_owned())) }
    }
}

impl fmt::Display for FeedbackStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.divisor {
            StepDivisor::One => write!(f, "{}", self.base),
            StepDivisor::Concurrency => write!(f, "{}/concurrency", self.base),
            StepDivisor::Root => write!(f, "{}/sqrt_concurrency", self.base),
        }
    }
}

/// The window: its width, and the steps that have not become a place yet.
#[derive(Clone, Copy, Debug)]
pub struct State {
    settings: Feedback,
    window: u32,
    success: f64,
    failure: f64,
}

impl State {
    /// The window before anything happened, and after the queue has drained.
    pub fn new(settings: Feedback) -> Self {
        Self::open(settings, settings.first_window())
    }

    /// A window of this width, and nothing remembered.
    const fn open(settings: Feedback, window: u32) -> Self {
        Self { settings, window, success: 0.0, failure: 0.0 }
    }

    /// A delivery got through while `busy` of them, itself included, were under way. The window does not run away from
    /// what is used: it grows to `busy` and the initial window on top at most.
    fn succeeded(&mut self, busy: u32) {
        let Feedback { initial, limit, positive, rule, .. } = self.settings;
        let at_limit = limit.is_some_and(|limit| self.window >= limit);
        if at_limit || self.window >= busy.saturating_add(initial) {
            return;
        }
        let step = positive.at(self.window);
        let rounding = rule.rounding(step);
        self.success += step;
        while self.success + rounding >= 1.0 {
            self.window += 1;
            self.success -= 1.0;
            self.failure = 0.0;
        }
        self.window = limit.map_or(self.window, |limit| self.window.min(limit));
    }

    /// The site pushed back.
    fn failed(&mut self) {
        let step = self.settings.negative.at(self.window);
        let rounding = self.settings.rule.rounding(step);
        self.failure -= step;
        while self.failure - rounding < 0.0 {
            self.window = self.window.saturating_sub(1);
            self.success = 0.0;
            self.failure += 1.0;
        }
        self.window = self.window.max(1);
    }
}

impl WindowController for State {
    fn observe(&mut self, seen: &Observation) {
        if seen.pushed_back {
            self.failed();
        } else {
            self.succeeded(seen.load.busy);
        }
    }

    fn window(&self, _: Load) -> u32 {
        self.window
    }

    /// As many more are let in as are under way; where there are none, the window is as at the start.
    fn reopen(&mut self, busy: u32) {
        *self = if busy == 0 { Self::new(self.settings) } else { Self::open(self.settings, busy) };
    }

    /// Postfix keeps the state of a destination only while it has work for it (`qmgr_entry_done`).
    fn forgets_when_drained(&self) -> bool {
        true
    }
}

impl FeedbackRule {
    /// The half step by which the shipped code rounds.
    fn rounding(self, step: f64) -> f64 {
        match self {
            Self::Shipped => step / 2.0,
            Self::Readme => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(step: &str, rule: FeedbackRule) -> Feedback {
        let step = step.parse().unwrap();
        Feedback { initial: 5, limit: Some(20), positive: step, negative: step, rule }
    }

    fn falling(from: u32, step: &str, rule: FeedbackRule) -> Vec<u32> {
        let mut state = State::open(feedback(step, rule), from);
        let mut fall = || {
            state.failed();
            state.window
        };
        (0..6).map(|_| fall()).collect()
    }

    /// The window sequences of the shipped code and of the README's pseudo-code: the first failure costs the shipped
    /// code two places.
    #[test]
    fn the_first_failure_costs_two_places_as_shipped_and_one_as_published() {
        assert_eq!(falling(5, "1", FeedbackRule::Shipped)[..2], [3, 2]);
        assert_eq!(falling(5, "1", FeedbackRule::Readme)[..3], [4, 3, 2]);
        assert_eq!(falling(20, "1", FeedbackRule::Shipped), [18, 17, 16, 15, 14, 13]);
        assert_eq!(falling(20, "1", FeedbackRule::Readme), [19, 18, 17, 16, 15, 14]);
    }

    /// With 1/concurrency it takes about a window of failures to lose a place, and a remainder above 1 is kept: the
    /// next place is cheaper.
    #[test]
    fn a_cohort_of_failures_costs_a_place() {
        assert_eq!(falling(5, "1/concurrency", FeedbackRule::Shipped), [4, 4, 4, 3, 3, 3]);
        assert_eq!(falling(5, "1/concurrency", FeedbackRule::Readme), [4, 4, 4, 4, 3, 3]);
    }

    /// Published and measured alike: five successes at window 5, then the sixth connection is refused.
    #[test]
    fn a_cohort_of_successes_earns_a_place() {
        for rule in [FeedbackRule::Shipped, FeedbackRule::Readme] {
            let mut state = State::new(feedback("1/concurrency", rule));
            let mut grow = || {
                state.succeeded(5);
                state.window
            };
            assert_eq!((0..5).map(|_| grow()).collect::<Vec<_>>(), [5, 5, 5, 5, 6], "{rule:?}");
        }
    }

    #[test]
    fn the_window_follows_what_is_used_and_stops_at_the_limit() {
        let mut state = State::new(feedback("1", FeedbackRule::Shipped));
        (0..10).for_each(|_| state.succeeded(1));
        assert_eq!(state.window, 6, "one busy, and five on top");
        (0..50).for_each(|_| state.succeeded(20));
        assert_eq!(state.window, 20);
        (0..50).for_each(|_| state.failed());
        assert_eq!(state.window, 1, "never below one");
    }

    #[test]
    fn steps_are_written_as_in_main_cf() {
        let at = |text: &str, window| text.parse::<FeedbackStep>().map(|step| step.at(window));
        assert_eq!(at("1", 4), Ok(1.0));
        assert_eq!(at(" 1 / concurrency ", 4), Ok(0.25));
        assert_eq!(at("0.5/sqrt_concurrency", 4), Ok(0.25));
        assert_eq!(at("1/4", 9), Ok(0.25));
        for wrong in ["", "x", "1/", "1/0", "nan", "1/windows", "-1", "2", "5/4"] {
            assert!(wrong.parse::<FeedbackStep>().is_err(), "{wrong}");
        }
        assert_eq!("1/sqrt_concurrency".parse::<FeedbackStep>().unwrap().to_string(), "1/sqrt_concurrency");
    }
}
