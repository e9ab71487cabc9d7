//! Postfix's dead site: after so many *cohorts* of failures, a cohort being as many as the window is wide, with no
//! success between them, all mail for the site is deferred without being tried (`qmgr_feedback.c`).

use std::fmt;

use crate::sender::strategy::concurrency::feedback::FeedbackRule;
use crate::sender::strategy::controller::{BreakerController, Observation};
use crate::time::Span;

/// When a site is dead, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadSite {
    /// Cohorts; at least 1 (`default_destination_concurrency_failed_cohort_limit`).
    pub cohorts: u32,
    /// How long (`minimal_backoff_time`).
    pub pause: Span,
    /// The shipped rule calls a site dead at so many cohorts, the README's above so many.
    pub rule: FeedbackRule,
}

impl fmt::Display for DeadSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cohorts, pause, rule } = self;
        let after = if *rule == FeedbackRule::Shipped { "after" } else { "after more than" };
        write!(f, "takes a site for dead for {pause} {after} ")?;
        if *cohorts == 1 {
            f.write_str("a whole window")?;
        } else {
            write!(f, "{cohorts} whole windows")?;
        }
        f.write_str(" of failures, and defers all its mail")
    }
}

/// Cohorts of failures since the last success.
#[derive(Clone, Copy, Debug)]
pub struct State {
    settings: DeadSite,
    cohorts: f64,
}

impl State {
    /// No failure yet.
    pub const fn new(settings: DeadSite) -> Self {
        Self { settings, cohorts: 0.0 }
    }
}

impl BreakerController for State {
    fn observe(&mut self, seen: &Observation) -> Option<Span> {
        if !seen.pushed_back {
            self.cohorts = 0.0;
            return None;
        }
        self.cohorts += 1.0 / f64::from(seen.window.max(1));
        let limit = f64::from(self.settings.cohorts);
        let dead = match self.settings.rule {
            FeedbackRule::Shipped => self.cohorts >= limit,
            FeedbackRule::Readme => self.cohorts > limit,
        };
        dead.then_some(self.settings.pause)
    }

    /// After a delivery, a rate delay takes the place of everything else that keeps a site from being tried
    /// (`qmgr_entry_done`).
    fn is_ended_by_pace(&self) -> bool {
        true
    }
}
