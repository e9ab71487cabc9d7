//! Messages that fail an authentication.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::provider::message::Auth;
use crate::smtp::Stage;
use crate::time::Time;

impl Auth {
    /// Whether a check that refuses messages that fail this lets a command pass.
    #[inline]
    pub(super) fn permits(self, context: &RuleContext<'_>) -> bool {
        context.message().is_none_or(|message| message.passes(self))
    }
}

impl CheckKind for Auth {
    fn words(&self) -> String {
        let refused = match self {
            Self::Spf => "to a message that fails SPF",
            Self::Dkim => "to a message that fails DKIM",
            Self::Either => "to a message that passes neither SPF nor DKIM",
            Self::Dmarc => "to a message that fails DMARC",
        };
        refused.to_owned()
    }

    fn reason(&self) -> Option<&'static str> {
        Some("failed authentication")
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Data, "the authentication"))
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
