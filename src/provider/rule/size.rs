//! Messages that are too large.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::smtp::Stage;
use crate::time::Time;
use crate::units::Bytes;

/// Refuses messages above a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeLimit {
    /// The largest message that passes.
    pub largest: Bytes,
}

impl SizeLimit {
    /// Whether a message is let pass.
    #[inline]
    pub(super) fn permits(self, context: &RuleContext<'_>) -> bool {
        context.message().is_none_or(|message| u64::from(message.size) <= self.largest.0)
    }
}

impl CheckKind for SizeLimit {
    fn words(&self) -> String {
        format!("to a message above {}", self.largest)
    }

    fn reason(&self) -> Option<&'static str> {
        Some("size")
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Mail, "the size"))
    }

    /// MAIL may say nothing of it, or lie.
    fn is_asked_again(&self) -> bool {
        true
    }

    fn largest_message(&self) -> Option<Bytes> {
        Some(self.largest)
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
