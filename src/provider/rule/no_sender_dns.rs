//! Messages whose sender domain has neither MX nor address records, so that nothing could be sent back.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::smtp::Stage;
use crate::time::Time;

/// Refuses senders whose domain cannot be looked up.
pub(super) struct NoSenderDns;

impl NoSenderDns {
    /// Whether a message is let pass.
    #[inline]
    pub(super) fn permits(context: &RuleContext<'_>) -> bool {
        context.message().is_none_or(|message| message.dns)
    }
}

impl CheckKind for NoSenderDns {
    fn words(&self) -> String {
        "to a sender whose domain has no DNS records".to_owned()
    }

    fn reason(&self) -> Option<&'static str> {
        Some("sender domain without DNS")
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Mail, "the sender"))
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
