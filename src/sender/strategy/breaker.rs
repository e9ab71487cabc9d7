//! The breaker axis: when a site is left alone for a while.

use super::feedback::FeedbackRule;
use crate::time::{Span, Time};

/// When a site is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breaker {
    /// Never.
    #[default]
    None,
    /// After so many failures in a row the site is left alone for this long (a suspension). Its mail stays ready.
    Suspend {
        /// Failures in a row; at least 1.
        after: u32,
        /// How long.
        pause: Span,
    },
    /// Postfix's dead site: after so many *cohorts* of failures, a cohort being as many as the window is wide, with no
    /// success between them. All mail for a dead site is deferred without being tried.
    DeadSite {
        /// Cohorts; at least 1 (`default_destination_concurrency_failed_cohort_limit`).
        cohorts: u32,
        /// How long (`minimal_backoff_time`).
        pause: Span,
        /// The shipped rule calls a site dead at so many cohorts, the README's above so many.
        rule: FeedbackRule,
    },
}

impl Breaker {
    /// Whether mail for a site that is left alone is deferred until its own retry, and does not wait for the site.
    pub const fn defers(&self) -> bool {
        matches!(self, Self::DeadSite { .. })
    }
}

/// What a breaker remembers.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    failures: u32,
    cohorts: f64,
    until: Time,
}

impl State {
    /// When the site may be tried again; not after `now` where it may be tried now.
    pub fn open_at(&self) -> Time {
        self.until
    }

    /// Whether the site is left alone at `now`.
    pub fn is_open(&self, now: Time) -> bool {
        self.until > now
    }

    /// A delivery got through.
    pub fn succeeded(&mut self) {
        *self = Self { until: self.until, ..Self::default() };
    }

    /// A site that was left alone may be tried again at once.
    pub fn close(&mut self) {
        *self = Self::default();
    }

    /// A delivery was pushed back while the window was so wide.
    pub fn failed(&mut self, now: Time, window: u32, breaker: &Breaker) {
        match *breaker {
            Breaker::None => {}
            Breaker::Suspend { after, pause } => {
                self.failures += 1;
                if self.failures >= after {
                    self.failures = 0;
                    self.until = self.until.max(now + pause);
                }
            }
            Breaker::DeadSite { cohorts, pause, rule } => {
                self.cohorts += 1.0 / f64::from(window.max(1));
                let limit = f64::from(cohorts);
                let dead = match rule {
                    FeedbackRule::Shipped => self.cohorts >= limit,
                    FeedbackRule::Readme => self.cohorts > limit,
                };
                if dead {
                    self.until = now + pause;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_in_a_row_suspend() {
        let breaker = Breaker::Suspend { after: 2, pause: Span::from_secs(60) };
        let mut state = State::default();
        let at = Time::from_micros;
        state.failed(at(1), 5, &breaker);
        state.succeeded();
        state.failed(at(2), 5, &breaker);
        assert_eq!(state.open_at(), Time::ZERO);
        state.failed(at(3), 5, &breaker);
        assert_eq!(state.open_at(), at(3) + Span::from_secs(60));
    }
}
