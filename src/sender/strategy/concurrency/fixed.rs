//! A window that never changes.

use crate::sender::strategy::controller::{Load, Observation, WindowController};

/// Always so many at once.
#[derive(Clone, Copy, Debug)]
pub struct State {
    window: u32,
}

impl State {
    /// A window of this width.
    pub const fn new(window: u32) -> Self {
        Self { window }
    }
}

impl WindowController for State {
    fn observe(&mut self, _: &Observation) {}

    fn window(&self, _: Load) -> u32 {
        self.window
    }
}
