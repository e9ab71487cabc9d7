//! Messages that are too large.

use crate::provider::context::RuleContext;
use crate::units::Bytes;

/// Whether a message is let pass where the largest has so many bytes.
#[inline]
pub(super) fn permits(largest: Bytes, context: &RuleContext<'_>) -> bool {
    context.message().is_none_or(|message| u64::from(message.size) <= largest.0)
}

/// What is refused, in words.
pub(super) fn words(largest: Bytes) -> String {
    format!("to a message above {largest}")
}

/// What is refused, in a word or two.
pub(super) const REASON: &str = "size";
