//! Messages that fail an authentication.

use crate::provider::context::RuleContext;
use crate::provider::message::Auth;

/// Whether a message is let pass where this must pass.
#[inline]
pub(super) fn permits(auth: Auth, context: &RuleContext<'_>) -> bool {
    context.message().is_none_or(|message| message.passes(auth))
}
