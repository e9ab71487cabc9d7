//! Clients without a PTR record that resolves back to them.

use super::check_kind::CheckKind;
use crate::provider::context::RuleContext;

/// Refuses clients without a PTR record.
pub(super) struct NoPtr;

impl NoPtr {
    /// Whether a command is let pass.
    #[inline]
    pub(super) const fn permits(context: &RuleContext<'_>) -> bool {
        context.client().ptr
    }
}

impl CheckKind for NoPtr {
    fn words(&self) -> String {
        "to a client without a PTR record that resolves back".to_owned()
    }

    fn reason(&self) -> Option<&'static str> {
        Some("no PTR record")
    }
}
