//! Messages whose content looks like spam.

use super::check_kind::CheckKind;
use crate::provider::context::RuleContext;
use crate::smtp::Stage;

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
}
