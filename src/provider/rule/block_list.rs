//! Clients on the block list that the provider uses.

use crate::provider::context::RuleContext;

/// Whether a command is let pass.
#[inline]
pub(super) const fn permits(context: &RuleContext<'_>) -> bool {
    !context.client().listed
}

/// What is refused, in words.
pub(super) const WORDS: &str = "to a client on the block list";

/// What is refused, in a word or two.
pub(super) const REASON: &str = "a block list";
