//! A suspension: after so many failures in a row a site is left alone. Its mail stays ready.

use std::fmt;

use crate::sender::strategy::controller::{BreakerController, Observation};
use crate::time::Span;

/// When a site is suspended, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspend {
    /// Failures in a row; at least 1.
    pub after: u32,
    /// How long the site is left alone.
    pub pause: Span,
}

impl fmt::Display for Suspend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaves a site alone for {} after ", self.pause)?;
        if self.after == 1 { f.write_str("every failure") } else { write!(f, "{} failures in a row", self.after) }
    }
}

/// Failures since the last success or suspension.
#[derive(Clone, Copy, Debug)]
pub struct State {
    settings: Suspend,
    failures: u32,
}

impl State {
    /// No failure yet.
    pub const fn new(settings: Suspend) -> Self {
        Self { settings, failures: 0 }
    }
}

impl BreakerController for State {
    fn observe(&mut self, seen: &Observation) -> Option<Span> {
        self.failures = if seen.pushed_back { self.failures + 1 } else { 0 };
        (self.failures >= self.settings.after).then(|| {
            self.failures = 0;
            self.settings.pause
        })
    }
}
