//! Additive increase, multiplicative decrease: the window grows by steps while all is well, and shrinks by a factor
//! when the site pushes back. Per round as in Chiu and Jain, "Analysis of the increase and decrease algorithms for
//! congestion avoidance" (1989), or per delivery as in Netflix's `AIMDLimit`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sender::strategy::controller::{Load, Observation, WindowController};

/// The settings of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aimd {
    /// The window at the start.
    pub initial: u32,
    /// Never below; at least 1.
    pub min: u32,
    /// The window never grows beyond it.
    pub max: u32,
    /// Added for every delivery, or for every round of as many deliveries as the window is wide.
    pub increase: f64,
    /// The window is multiplied by this when the site pushes back; above 0 and below 1.
    pub decrease: f64,
    /// What `increase` is added for.
    pub per: IncreasePer,
}

/// What an additive increase counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IncreasePer {
    /// Every delivery that succeeds.
    Delivery,
    /// As many deliveries as the window is wide.
    #[default]
    Window,
}

impl Default for Aimd {
    fn default() -> Self {
        Self { initial: 1, min: 1, max: 100, increase: 1.0, decrease: 0.5, per: IncreasePer::Window }
    }
}

impl fmt::Display for Aimd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { initial, min, max, increase, decrease, per } = self;
        let per = match per {
            IncreasePer::Delivery => "every delivery",
            IncreasePer::Window => "every window of deliveries",
        };
        write!(f, "{initial} at once at first, {increase} more for {per}, × {decrease} on push-back, {min} to {max}")
    }
}

/// The window, which may stand between two whole numbers.
#[derive(Clone, Copy, Debug)]
pub struct State {
    settings: Aimd,
    window: f64,
}

impl State {
    /// The window before anything happened.
    pub fn new(settings: Aimd) -> Self {
        Self { settings, window: f64::from(settings.initial) }
    }
}

impl WindowController for State {
    fn observe(&mut self, seen: &Observation) {
        let Aimd { min, max, increase, decrease, per, .. } = self.settings;
        if seen.pushed_back {
            self.window = (self.window * decrease).floor().max(f64::from(min));
            return;
        }
        // A window that is not used says nothing about whether a wider one would do.
        if f64::from(seen.load.busy) * 2.0 < self.window.floor() {
            return;
        }
        let step = match per {
            IncreasePer::Delivery => increase,
            IncreasePer::Window => increase / self.window,
        };
        self.window = (self.window + step).min(f64::from(max));
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and u32::MAX")]
    fn window(&self, _: Load) -> u32 {
        self.window as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::strategy::controller::tests::seen;
    use crate::time::Time;

    fn aimd(per: IncreasePer) -> State {
        State::new(Aimd { initial: 4, min: 1, max: 8, increase: 1.0, decrease: 0.5, per })
    }

    fn window(state: &State) -> u32 {
        state.window(Load::default())
    }

    fn succeed(state: &mut State, busy: u32) {
        state.observe(&seen(Time::ZERO, busy, window(state), false));
    }

    #[test]
    fn a_window_grows_by_one_a_round_and_halves_when_pushed_back() {
        let mut state = aimd(IncreasePer::Window);
        // Just over four deliveries: every success counts a little less as the window grows.
        (0..5).for_each(|_| succeed(&mut state, 4));
        assert_eq!(window(&state), 5);
        let mut fail = || {
            state.observe(&seen(Time::ZERO, 4, 5, true));
            window(&state)
        };
        assert_eq!([fail(), fail(), fail()], [2, 1, 1], "never below the minimum");
    }

    #[test]
    fn per_delivery_is_faster_and_the_maximum_holds() {
        let mut state = aimd(IncreasePer::Delivery);
        (0..10).for_each(|_| succeed(&mut state, 8));
        assert_eq!(window(&state), 8);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let mut state = aimd(IncreasePer::Delivery);
        succeed(&mut state, 1);
        assert_eq!(window(&state), 4);
    }
}
