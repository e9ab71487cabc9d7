//! The breaker axis: when a site is left alone for a while.

use crate::time::{Span, Time};

/// When a site is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breaker {
    /// Never.
    #[default]
    None,
    /// After so many failures in a row the site is left alone for this long (a suspension).
    Suspend {
        /// Failures in a row; at least 1.
        after: u32,
        /// How long.
        pause: Span,
    },
}

/// What a breaker remembers.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    failures: u32,
    until: Time,
}

impl State {
    /// When the site may be tried again; not after `now` where it may be tried now.
    pub fn open_at(&self) -> Time {
        self.until
    }

    /// A delivery got through.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// A delivery was pushed back.
    pub fn failed(&mut self, now: Time, breaker: &Breaker) {
        let Breaker::Suspend { after, pause } = *breaker else { return };
        self.failures += 1;
        if self.failures >= after {
            self.failures = 0;
            self.until = self.until.max(now + pause);
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
        state.failed(at(1), &breaker);
        state.succeeded();
        state.failed(at(2), &breaker);
        assert_eq!(state.open_at(), Time::ZERO);
        state.failed(at(3), &breaker);
        assert_eq!(state.open_at(), at(3) + Span::from_secs(60));
    }
}
