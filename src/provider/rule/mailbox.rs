//! The state of a recipient's mailbox: at RCPT, or for every recipient once the message is there, as Yahoo does.

use super::check_kind::{CheckKind, CheckTiming, no_recipient_at};
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::provider::message::Mailbox;
use crate::smtp::Stage;
use crate::time::Time;

impl Mailbox {
    /// Whether a check that refuses recipients whose mailbox is in this state lets a command pass.
    #[inline]
    pub(super) fn permits(self, context: &RuleContext<'_>) -> bool {
        context.recipient().is_none_or(|recipient| recipient.mailbox != Some(self))
    }
}

impl CheckKind for Mailbox {
    fn words(&self) -> String {
        let refused = match self {
            Self::Unknown => "to a recipient that does not exist",
            Self::Full => "to a mailbox that is full",
            Self::Trap => "to a spam trap",
            Self::Exists => "to a recipient that exists",
        };
        refused.to_owned()
    }

    /// `None` for a provider that takes no mail.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Unknown => Some("unknown recipients"),
            Self::Full => Some("full mailboxes"),
            Self::Trap => Some("spam traps"),
            Self::Exists => None,
        }
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Rcpt, "the recipient"))
    }

    /// At the end of the data every recipient is asked for once more, as Yahoo does.
    fn too_late_at(&self, stage: Stage) -> Option<(String, &'static str)> {
        (stage == Stage::Data).then(|| no_recipient_at(stage))
    }

    fn timing(&self, stage: Stage) -> CheckTiming {
        if stage == Stage::EndOfData { CheckTiming::PerRecipientAtEnd(*self) } else { CheckTiming::AtStage }
    }

    fn concerns(&self, mailbox: Option<Mailbox>) -> bool {
        mailbox == Some(*self)
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
