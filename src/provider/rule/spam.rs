//! Messages whose content looks like spam.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::smtp::Stage;
use crate::time::Time;

/// Refuses messages that look like spam.
pub(super) struct Spam;

impl Spam {
    /// Whether a message is let pass.
    #[inline]
    pub(super) fn permits(context: &RuleContext<'_>) -> bool {
        context.message().is_none_or(|message| !message.spam)
    }
}

impl CheckKind for Spam {
    fn words(&self) -> String {
        "to a message that looks like spam".to_owned()
    }

    fn reason(&self) -> Option<&'static str> {
        Some("spam")
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::EndOfData, "the content"))
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
