//! Postfix's clock: a message waits as long as it is old, within bounds (`qmgr_active.c`). Waits about double, and mail
//! of one age stays together.

use std::fmt;

use crate::time::Span;

/// As long as the message is old, within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// No wait is shorter; not zero (`minimal_backoff_time`).
    pub min: Span,
    /// No wait is longer; at least `min` (`maximal_backoff_time`).
    pub max: Span,
}

impl Age {
    /// Postfix's bounds as they come.
    pub const DEFAULT: Self = Self { min: Span::from_secs(300), max: Span::from_secs(4_000) };

    /// The wait of a message that is so old.
    pub fn wait(self, age: Span) -> Span {
        age.max(self.min).min(self.max)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waits as long as a message is old, at least {} and at most {}", self.min, self.max)
    }
}
