//! Messages whose content looks like spam.

use crate::provider::context::RuleContext;

/// Whether a message is let pass.
#[inline]
pub(super) fn permits(context: &RuleContext<'_>) -> bool {
    context.message().is_none_or(|message| !message.spam)
}

/// What is refused, in words.
pub(super) const WORDS: &str = "to a message that looks like spam";

/// What is refused, in a word or two.
pub(super) const REASON: &str = "spam";
