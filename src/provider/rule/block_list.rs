//! Clients on the block list that the provider uses.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::time::Time;

/// Refuses clients on the block list.
pub(super) struct BlockList;

impl BlockList {
    /// Whether a command is let pass.
    #[inline]
    pub(super) const fn permits(context: &RuleContext<'_>) -> bool {
        !context.client().listed
    }
}

impl CheckKind for BlockList {
    fn words(&self) -> String {
        "to a client on the block list".to_owned()
    }

    fn reason(&self) -> Option<&'static str> {
        Some("a block list")
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
