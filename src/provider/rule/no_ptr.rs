//! Clients without a PTR record that resolves back to them.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::time::Time;

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

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
