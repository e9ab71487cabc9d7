//! The concurrency axis: how many at once.

use super::feedback::{self, Feedback};

/// How many deliveries (or connections, see [`super::SessionSettings::counts_idle`]) at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Concurrency {
    /// No limit of its own.
    Unlimited,
    /// Always so many; at least 1.
    Fixed(u32),
    /// Additive increase, multiplicative decrease.
    Aimd {
        /// The window at the start.
        initial: u32,
        /// Never below; at least 1.
        min: u32,
        /// Never above.
        max: u32,
        /// Added for every delivery, or for every round of as many deliveries as the window.
        increase: f64,
        /// The window is multiplied by this when the site pushes back; above 0 and below 1.
        decrease: f64,
        /// Whether `increase` is for every delivery (Netflix's `AIMDLimit`) or for every round (Chiu and Jain, 1989).
        per: IncreasePer,
    },
    /// Postfix's concurrency feedback. What it has learnt is lost when a queue drains.
    Feedback(Feedback),
}

impl Concurrency {
    /// Whether what was learnt about a site is lost when no mail for it is ready or under way. Postfix keeps the state
    /// of a destination only while it has work for it (`qmgr_entry_done`).
    pub const fn forgets(&self) -> bool {
        matches!(self, Self::Feedback(_))
    }
}

/// What an additive increase counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IncreasePer {
    /// Every delivery that succeeds.
    Delivery,
    /// As many deliveries as the window is wide.
    #[default]
    Window,
}

/// What a controller remembers.
#[derive(Clone, Copy, Debug)]
pub enum State {
    /// A window that may stand between two whole numbers.
    Window(f64),
    /// Postfix's.
    Feedback(feedback::State),
}

impl State {
    /// The state before anything happened.
    pub fn new(concurrency: &Concurrency) -> Self {
        match *concurrency {
            Concurrency::Unlimited => Self::Window(f64::from(u32::MAX)),
            Concurrency::Fixed(limit) => Self::Window(f64::from(limit)),
            Concurrency::Aimd { initial, .. } => Self::Window(f64::from(initial)),
            Concurrency::Feedback(rule) => Self::Feedback(feedback::State::new(&rule)),
        }
    }

    /// How many at once, now.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and u32::MAX")]
    pub fn window(&self) -> u32 {
        match self {
            Self::Window(window) => *window as u32,
            Self::Feedback(state) => state.window(),
        }
    }

    /// A delivery got through while `busy` of them, itself included, were under way.
    pub fn succeeded(&mut self, busy: u32, concurrency: &Concurrency) {
        match (self, concurrency) {
            (Self::Feedback(state), Concurrency::Feedback(rule)) => state.succeeded(busy, rule),
            (Self::Window(window), Concurrency::Aimd { max, increase, per, .. }) => {
                // A window that is not used says nothing about whether a wider one would do.
                if f64::from(busy) * 2.0 < window.floor() {
                    return;
                }
                let step = match per {
                    IncreasePer::Delivery => *increase,
                    IncreasePer::Window => increase / *window,
                };
                *window = (*window + step).min(f64::from(*max));
            }
            _ => {}
        }
    }

    /// The site pushed back.
    pub fn failed(&mut self, concurrency: &Concurrency) {
        match (self, concurrency) {
            (Self::Feedback(state), Concurrency::Feedback(rule)) => state.failed(rule),
            (Self::Window(window), Concurrency::Aimd { min, decrease, .. }) => {
                *window = (*window * decrease).floor().max(f64::from(*min));
            }
            _ => {}
        }
    }

    /// A site that was dead is tried again: `busy` deliveries are still under way from before. As many more are let in;
    /// where there are none, the window is as at the start.
    pub fn reopen(&mut self, busy: u32, concurrency: &Concurrency) {
        let Concurrency::Feedback(rule) = concurrency else { return };
        *self = Self::Feedback(match busy {
            0 => feedback::State::new(rule),
            busy => feedback::State::open(busy),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aimd(per: IncreasePer) -> Concurrency {
        Concurrency::Aimd { initial: 4, min: 1, max: 8, increase: 1.0, decrease: 0.5, per }
    }

    #[test]
    fn a_window_grows_by_one_a_round_and_halves_when_pushed_back() {
        let rule = aimd(IncreasePer::Window);
        let mut state = State::new(&rule);
        // Just over four deliveries: every success counts a little less as the window grows.
        for _ in 0..5 {
            state.succeeded(4, &rule);
        }
        assert_eq!(state.window(), 5);
        state.failed(&rule);
        assert_eq!(state.window(), 2);
        state.failed(&rule);
        state.failed(&rule);
        assert_eq!(state.window(), 1, "never below the minimum");
    }

    #[test]
    fn per_delivery_is_faster_and_the_maximum_holds() {
        let rule = aimd(IncreasePer::Delivery);
        let mut state = State::new(&rule);
        for _ in 0..10 {
            state.succeeded(8, &rule);
        }
        assert_eq!(state.window(), 8);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let rule = aimd(IncreasePer::Delivery);
        let mut state = State::new(&rule);
        state.succeeded(1, &rule);
        assert_eq!(state.window(), 4);
    }

    #[test]
    fn fixed_and_unlimited_stay() {
        for (rule, window) in [(Concurrency::Fixed(3), 3), (Concurrency::Unlimited, u32::MAX)] {
            let mut state = State::new(&rule);
            state.failed(&rule);
            state.succeeded(3, &rule);
            assert_eq!(state.window(), window);
        }
    }
}
