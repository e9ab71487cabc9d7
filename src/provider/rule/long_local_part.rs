//! Addresses with a long local part: RFC 5321 (section 4.5.3.1.1) needs no server to take more than 64 octets. Postfix
//! takes whatever the line has room for, others refuse what VERP, SRS and BATV make of an address.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::smtp::Stage;
use crate::time::Time;

/// Refuses the sender at `mail`, and a recipient at `rcpt`, whose local part is longer than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongLocalPart {
    /// The longest local part that passes, in octets.
    pub longest: u8,
}

impl LongLocalPart {
    /// Whether a command is let pass.
    #[inline]
    pub(super) fn permits(self, context: &RuleContext<'_>) -> bool {
        let named = context.recipient().map(|recipient| recipient.local_octets);
        let octets = named.or_else(|| context.message().map(|message| message.sender_local_part.octets()));
        octets.is_none_or(|octets| octets <= self.longest)
    }
}

impl CheckKind for LongLocalPart {
    fn words(&self) -> String {
        format!("to an address with a local part above {} octets", self.longest)
    }

    fn reason(&self) -> Option<&'static str> {
        Some("long local parts")
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Mail, "the sender"))
    }

    fn too_late_at(&self, stage: Stage) -> Option<(String, &'static str)> {
        let message = || format!("at `{stage}` there is no question of an address");
        (stage > Stage::Rcpt).then(|| (message(), "ask this rule at `mail` of the sender, or at `rcpt`"))
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
