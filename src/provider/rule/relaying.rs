//! Recipients whose domain is another provider's: a client that names them has looked up the wrong MX.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::provider::message::Mailbox;
use crate::smtp::Stage;
use crate::time::Time;

/// Refuses recipients at domains that the provider does not serve. At its stage it goes before every other rule: what
/// is not the provider's is not counted, and has no mailbox that could be unknown or full.
pub(super) struct Relaying;

impl Relaying {
    /// Whether a command is let pass.
    #[inline]
    pub(super) fn permits(context: &RuleContext<'_>) -> bool {
        context.recipient().is_none_or(|recipient| recipient.mailbox.is_some())
    }
}

impl CheckKind for Relaying {
    fn words(&self) -> String {
        "to a recipient at a domain that is not the provider's".to_owned()
    }

    fn reason(&self) -> Option<&'static str> {
        Some("relaying")
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Rcpt, "the recipient"))
    }

    fn too_late_at(&self, stage: Stage) -> Option<(String, &'static str)> {
        (stage > Stage::Rcpt).then(|| super::check_kind::no_recipient_at(stage))
    }

    fn concerns(&self, mailbox: Option<Mailbox>) -> bool {
        mailbox.is_none()
    }

    fn goes_first(&self) -> bool {
        true
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
