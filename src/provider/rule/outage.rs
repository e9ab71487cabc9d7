//! Outages: the server is out of order from one moment to another.

use crate::time::Time;

/// A time in which the server is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first moment of it.
    pub from: Time,
    /// The first moment after it.
    pub until: Time,
}

impl Outage {
    /// Whether a command at `now` is let pass.
    #[inline]
    pub(super) fn permits(&self, now: Time) -> bool {
        now < self.from || now >= self.until
    }

    /// The first moment from `at` on at which the server works.
    pub(super) fn earliest(&self, at: Time) -> Time {
        if self.permits(at) { at } else { self.until }
    }
}
