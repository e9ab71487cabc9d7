//! Messages that fail an authentication.

use crate::provider::context::RuleContext;
use crate::provider::message::Auth;

/// Whether a message is let pass where this must pass.
#[inline]
pub(super) fn permits(auth: Auth, context: &RuleContext<'_>) -> bool {
    context.message().is_none_or(|message| message.passes(auth))
}

/// What is refused, in words.
pub(super) const fn words(auth: Auth) -> &'static str {
    match auth {
        Auth::Spf => "to a message that fails SPF",
        Auth::Dkim => "to a message that fails DKIM",
        Auth::Either => "to a message that passes neither SPF nor DKIM",
        Auth::Dmarc => "to a message that fails DMARC",
    }
}

/// What is refused, in a word or two.
pub(super) const REASON: &str = "failed authentication";
