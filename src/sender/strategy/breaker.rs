//! The breaker axis: when a site is left alone for a while. One file an algorithm.

pub mod dead_site;
pub mod suspend;

use std::fmt;

use super::controller::{BreakerController, Observation};
use crate::time::{Span, Time};
use dead_site::DeadSite;
use suspend::Suspend;

/// When a site is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breaker {
    /// No site is ever left alone.
    #[default]
    None,
    /// After so many failures in a row; its mail stays ready.
    Suspend(Suspend),
    /// After whole windows of failures; all its mail is deferred (Postfix).
    DeadSite(DeadSite),
}

impl fmt::Display for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Suspend(settings) => settings.fmt(f),
            Self::DeadSite(settings) => settings.fmt(f),
        }
    }
}

/// The breaker of a limiter.
#[derive(Clone, Copy, Debug)]
pub struct State {
    trip: TripState,
    until: Time,
}

/// What a breaker has seen.
#[derive(Clone, Copy, Debug)]
enum TripState {
    Never,
    Suspend(suspend::State),
    DeadSite(dead_site::State),
}

impl State {
    /// The breaker before anything happened.
    pub const fn new(breaker: &Breaker) -> Self {
        let trip = match *breaker {
            Breaker::None => TripState::Never,
            Breaker::Suspend(settings) => TripState::Suspend(suspend::State::new(settings)),
            Breaker::DeadSite(settings) => TripState::DeadSite(dead_site::State::new(settings)),
        };
        Self { trip, until: Time::ZERO }
    }

    /// When the site may be tried again; not after the present where it may be tried now.
    pub const fn resumes_at(&self) -> Time {
        self.until
    }

    /// Until when mail for the site is deferred until its own retry, and does not wait for the site; long past where it
    /// is not.
    pub const fn dead_until(&self) -> Time {
        if matches!(self.trip, TripState::DeadSite(_)) { self.until } else { Time::ZERO }
    }

    /// Whether a site that is left alone at `now` no longer is if the pace keeps the next delivery from beginning.
    pub fn is_ended_by_pace(&self, now: Time) -> bool {
        self.until > now
            && match &self.trip {
                TripState::Never => false,
                TripState::Suspend(state) => state.is_ended_by_pace(),
                TripState::DeadSite(state) => state.is_ended_by_pace(),
            }
    }

    /// A delivery is over.
    pub fn observe(&mut self, seen: &Observation) {
        let pause: Option<Span> = match &mut self.trip {
            TripState::Never => None,
            TripState::Suspend(state) => state.observe(seen),
            TripState::DeadSite(state) => state.observe(seen),
        };
        if let Some(pause) = pause {
            self.until = self.until.max(seen.now + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::controller::tests::seen;
    use super::*;

    #[test]
    fn only_failures_in_a_row_suspend() {
        let mut state = State::new(&Breaker::Suspend(Suspend { after: 2, pause: Span::from_secs(60) }));
        let at = Time::from_micros;
        state.observe(&seen(at(1), 5, 5, true));
        state.observe(&seen(at(1), 5, 5, false));
        state.observe(&seen(at(2), 5, 5, true));
        assert_eq!(state.resumes_at(), Time::ZERO);
        state.observe(&seen(at(3), 5, 5, true));
        assert_eq!(state.resumes_at(), at(3) + Span::from_secs(60));
    }
}
