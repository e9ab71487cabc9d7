//! The list of what rules remember, by kind.

use super::bernoulli::Bernoulli;
use super::busy::BusyState;
use super::greylist::GreylistState;
use super::limit::state::LimitState;

/// What a rule remembers. With a tag of its own, as it is asked for with every command.
#[derive(Clone, Debug)]
#[repr(u8)]
pub(in crate::provider) enum RuleState {
    /// Nothing: it looks at the command alone.
    Stateless,
    Limit(LimitState),
    Greylist(GreylistState),
    LowReputation(Bernoulli),
    Busy(BusyState),
}

impl RuleState {
    /// The state of a rule that is a limit.
    #[inline]
    pub(in crate::provider) fn limit(&self) -> &LimitState {
        match self {
            Self::Limit(state) => state,
            Self::Stateless | Self::Greylist(_) | Self::LowReputation(_) | Self::Busy(_) => unreachable!("{NO_LIMIT}"),
        }
    }

    /// The state of a rule that is a limit, to be counted in.
    #[inline]
    pub(in crate::provider) fn limit_mut(&mut self) -> &mut LimitState {
        match self {
            Self::Limit(state) => state,
            Self::Stateless | Self::Greylist(_) | Self::LowReputation(_) | Self::Busy(_) => unreachable!("{NO_LIMIT}"),
        }
    }
}

const NO_LIMIT: &str = "a rule that is no limit is asked for what it counts";
