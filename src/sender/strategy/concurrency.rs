//! The concurrency axis: how many at once. One file an algorithm.

pub mod aimd;
pub mod feedback;
mod fixed;

use std::fmt;

use super::controller::{Load, Observation, WindowController};
use aimd::Aimd;
use feedback::Feedback;

/// How many deliveries (or connections, see [`counts_idle`](super::session::SessionSettings::counts_idle)) at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Concurrency {
    /// No limit of its own.
    Unlimited,
    /// Always so many; at least 1.
    Fixed(u32),
    /// Additive increase, multiplicative decrease.
    Aimd(Aimd),
    /// Postfix's concurrency feedback. What it has learnt is lost when a queue drains.
    Feedback(Feedback),
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("as many at once as there is mail"),
            Self::Fixed(limit) => write!(f, "{limit} at once"),
            Self::Aimd(settings) => settings.fmt(f),
            Self::Feedback(settings) => settings.fmt(f),
        }
    }
}

/// The controller of a limiter.
#[derive(Clone, Copy, Debug)]
pub enum State {
    /// A window that never changes.
    Fixed(fixed::State),
    /// Additive increase, multiplicative decrease.
    Aimd(aimd::State),
    /// Postfix's.
    Feedback(feedback::State),
}

impl State {
    /// The controller before anything happened.
    pub fn new(concurrency: &Concurrency) -> Self {
        match *concurrency {
            Concurrency::Unlimited => Self::Fixed(fixed::State::new(u32::MAX)),
            Concurrency::Fixed(limit) => Self::Fixed(fixed::State::new(limit)),
            Concurrency::Aimd(settings) => Self::Aimd(aimd::State::new(settings)),
            Concurrency::Feedback(settings) => Self::Feedback(feedback::State::new(settings)),
        }
    }
}

/// A match, not a `dyn`: these are asked several times for every delivery.
macro_rules! each {
    ($state:expr, $it:ident => $then:expr) => {
        match $state {
            State::Fixed($it) => $then,
            State::Aimd($it) => $then,
            State::Feedback($it) => $then,
        }
    };
}

impl WindowController for State {
    fn observe(&mut self, seen: &Observation) {
        each!(self, it => it.observe(seen));
    }

    fn window(&self, load: Load) -> u32 {
        each!(self, it => it.window(load))
    }

    fn reopen(&mut self, busy: u32) {
        each!(self, it => it.reopen(busy));
    }

    fn forgets_when_drained(&self) -> bool {
        each!(self, it => it.forgets_when_drained())
    }
}

#[cfg(test)]
mod tests {
    use super::super::controller::tests::seen;
    use super::*;
    use crate::time::Time;

    #[test]
    fn fixed_and_unlimited_stay() {
        for (concurrency, window) in [(Concurrency::Fixed(3), 3), (Concurrency::Unlimited, u32::MAX)] {
            let mut state = State::new(&concurrency);
            state.observe(&seen(Time::ZERO, 3, window, true));
            state.observe(&seen(Time::ZERO, 3, window, false));
            assert_eq!(state.window(Load::default()), window);
        }
    }
}
