//! When deferred mail is tried again.

use crate::time::Time;

/// When deferred mail is tried again, unless its site is dead until later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryLaw {
    /// As the retry axis says.
    Axis,
    /// At this moment.
    At(Time),
}

impl RetryLaw {
    /// The moment, where the retry axis says `axis`.
    pub(super) const fn moment(self, axis: Time) -> Time {
        match self {
            Self::Axis => axis,
            Self::At(at) => at,
        }
    }
}
