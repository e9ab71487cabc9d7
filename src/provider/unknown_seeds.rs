//! What each unknown of a provider is drawn from.

use crate::rng::Seed;

/// What the volumes of the allowance are drawn from, at a provider whose own seed of what is unknown is this.
pub(super) fn allowance_seed(own: Seed) -> Seed {
    own.named("reputation")
}

/// What the limit of the rule of this name is drawn from.
pub(super) fn limit_seed(own: Seed, rule: &str) -> Seed {
    own.named("unknown").named(rule)
}

/// What limits that are changed later are drawn from: where chance drew from before what is unknown had a seed of its
/// own.
pub(super) fn changed_limits_seed(own: Seed) -> Seed {
    own.named("coins").named("amended")
}
