//! The concurrency axis: how many at once.

/// How many deliveries (or connections, see [`super::Session::counts_idle`]) at once.
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
        per: Round,
    },
}

/// What an additive increase counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// Every delivery that succeeds.
    Delivery,
    /// As many deliveries as the window is wide.
    #[default]
    Window,
}

/// What a controller remembers.
#[derive(Clone, Copy, Debug)]
pub struct State {
    window: f64,
}

impl State {
    /// The state before anything happened.
    pub fn new(concurrency: &Concurrency) -> Self {
        let window = match *concurrency {
            Concurrency::Unlimited => f64::from(u32::MAX),
            Concurrency::Fixed(limit) => f64::from(limit),
            Concurrency::Aimd { initial, .. } => f64::from(initial),
        };
        Self { window }
    }

    /// How many at once, now.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and u32::MAX")]
    pub fn window(&self) -> u32 {
        self.window as u32
    }

    /// A delivery got through while `busy` of them, itself included, were under way.
    pub fn succeeded(&mut self, busy: u32, concurrency: &Concurrency) {
        let Concurrency::Aimd { max, increase, per, .. } = *concurrency else { return };
        // A window that is not used says nothing about whether a wider one would do.
        if f64::from(busy) * 2.0 < self.window.floor() {
            return;
        }
        let step = match per {
            Round::Delivery => increase,
            Round::Window => increase / self.window,
        };
        self.window = (self.window + step).min(f64::from(max));
    }

    /// The site pushed back.
    pub fn failed(&mut self, concurrency: &Concurrency) {
        let Concurrency::Aimd { min, decrease, .. } = *concurrency else { return };
        self.window = (self.window * decrease).floor().max(f64::from(min));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aimd(per: Round) -> Concurrency {
        Concurrency::Aimd { initial: 4, min: 1, max: 8, increase: 1.0, decrease: 0.5, per }
    }

    #[test]
    fn a_window_grows_by_one_a_round_and_halves_when_pushed_back() {
        let rule = aimd(Round::Window);
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
        let rule = aimd(Round::Delivery);
        let mut state = State::new(&rule);
        for _ in 0..10 {
            state.succeeded(8, &rule);
        }
        assert_eq!(state.window(), 8);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let rule = aimd(Round::Delivery);
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
