//! Everything, always: for tarpits.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::time::Time;

/// Refuses whatever comes.
pub(super) struct Always;

impl CheckKind for Always {
    fn words(&self) -> String {
        "always".to_owned()
    }

    fn reason(&self) -> Option<&'static str> {
        None
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
