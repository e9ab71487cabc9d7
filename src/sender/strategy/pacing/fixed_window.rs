//! A fixed window: so many in each frame of time, all at once where they can.

use std::fmt;

use super::frame::{self, Frame};
use crate::sender::strategy::controller::PaceController;
use crate::time::{Span, Time};

/// So many messages in each frame of this length, counted from the start of the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedWindow {
    /// Messages per frame; at least 1.
    pub messages: u32,
    /// Length of a frame; not zero.
    pub per: Span,
}

impl FixedWindow {
    /// The window that takes `factor` times as many.
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { messages: frame::scaled(self.messages, factor), ..self }
    }
}

impl fmt::Display for FixedWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.messages == 1 { "" } else { "s" };
        write!(f, "{} message{plural} in each {}, as early in it as possible", self.messages, self.per)
    }
}

/// What the current frame has used.
#[derive(Clone, Copy, Debug)]
pub struct State {
    settings: FixedWindow,
    frame: Frame,
}

impl State {
    /// Nothing is used yet.
    pub fn new(settings: FixedWindow) -> Self {
        Self { settings, frame: Frame::default() }
    }

    /// Goes on with other settings; frames of another length begin unused.
    pub(super) fn change(&mut self, settings: FixedWindow) {
        let frame = if settings.per == self.settings.per { self.frame } else { Frame::default() };
        *self = Self { settings, frame };
    }
}

impl PaceController for State {
    fn ready_at(&self, now: Time) -> Time {
        self.frame.ready_at(now, self.settings.per, |_| self.settings.messages)
    }

    fn began(&mut self, now: Time) {
        self.frame.began(now, self.settings.per);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::strategy::controller::tests::starts;

    #[test]
    fn a_fixed_window_bursts_at_every_boundary() {
        let mut state = State::new(FixedWindow { messages: 2, per: Span::from_secs(1) });
        let starts = starts(&mut state, Time::from_micros(900_000), 5);
        assert_eq!(starts, [900_000, 900_000, 1_000_000, 1_000_000, 2_000_000]);
    }
}
