//! Clients without a PTR record that resolves back to them.

use crate::provider::context::RuleContext;

/// Whether a command is let pass.
#[inline]
pub(super) const fn permits(context: &RuleContext<'_>) -> bool {
    context.client().ptr
}

/// What is refused, in words.
pub(super) const WORDS: &str = "to a client without a PTR record that resolves back";

/// What is refused, in a word or two.
pub(super) const REASON: &str = "no PTR record";
