//! Everything, always: for tarpits.

use super::check_kind::CheckKind;

/// Refuses whatever comes.
pub(super) struct Always;

impl CheckKind for Always {
    fn words(&self) -> String {
        "always".to_owned()
    }

    fn reason(&self) -> Option<&'static str> {
        None
    }
}
