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
        let Self::Limit(state) = self else { unreachable!("a rule that is no limit is asked for what it counts") };
        state
    }

    /// The state of a rule that is a limit, to be counted in.
    #[inline]
    pub(in crate::provider) fn limit_mut(&mut self) -> &mut LimitState {
        let Self::Limit(state) = self else { unreachable!("a rule that is no limit is asked to count") };
        state
    }

    /// The limits by tier, unknowns drawn; empty for a check.
    pub(in crate::provider) fn limit_by_tier(&self) -> Vec<Option<u32>> {
        match self {
            Self::Limit(state) => state.drawn().by_tier().to_vec(),
            Self::Stateless | Self::Greylist(_) | Self::LowReputation(_) | Self::Busy(_) => Vec::new(),
        }
    }

    /// What a greylist remembers.
    pub(super) fn greylist(&mut self) -> &mut GreylistState {
        let Self::Greylist(state) = self else { unreachable!("a rule that is no greylist is asked for triplets") };
        state
    }

    /// The chances of a check of reputation.
    pub(super) fn low_reputation(&mut self) -> &mut Bernoulli {
        let Self::LowReputation(state) = self else { unreachable!("a rule without a threshold is asked for chances") };
        state
    }

    /// The spells of a busy server.
    pub(super) fn busy(&mut self) -> &mut BusyState {
        let Self::Busy(state) = self else { unreachable!("a rule without busy spells is asked for them") };
        state
    }
}
