//! What every kind of check answers. Each stands in a file of its own; what has a default here holds for most of them.

use super::population::Population;
use crate::provider::message::Mailbox;
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::Bytes;

/// A kind of check.
pub(in crate::provider) trait CheckKind {
    /// What it refuses, in words: "to a client on the block list".
    fn words(&self) -> String;

    /// What it refuses for, in a word or two; `None` where there is none to mention in short.
    fn reason(&self) -> Option<&'static str>;

    /// What a client sees of it besides refusals, in short; `None` where there is nothing more.
    fn in_short(&self) -> Option<String> {
        None
    }

    /// What it has to know, and the stage from which on that is known; `None` where it can be asked at every stage.
    fn needs(&self) -> Option<(Stage, &'static str)> {
        None
    }

    /// Why it cannot be asked at `stage` any more, and what to do instead; `None` where it can.
    fn too_late_at(&self, _stage: Stage) -> Option<(String, &'static str)> {
        None
    }

    /// When a rule that is asked at `stage` asks this.
    fn timing(&self, _stage: Stage) -> CheckTiming {
        CheckTiming::AtStage
    }

    /// Whether what it looks at may turn out otherwise by the end of data, so that it is asked again then.
    fn is_asked_again(&self) -> bool {
        false
    }

    /// Whether it can refuse a recipient with such a mailbox; `None` is a recipient of another provider.
    fn concerns(&self, _mailbox: Option<Mailbox>) -> bool {
        true
    }

    /// Whether it is asked about a recipient before all other rules, wherever it stands in the profile.
    fn goes_first(&self) -> bool {
        false
    }

    /// The first moment from `at` on at which waiting is known to be over. What waiting does not change, and what
    /// chance decides, is not foreseen.
    fn earliest(&self, at: Time) -> Time;

    /// How long after a refusal the same thing may pass, where the check itself says so.
    fn retry_delay(&self) -> Option<Span> {
        None
    }

    /// The largest message in bytes that it lets pass, if it minds the size.
    fn largest_message(&self) -> Option<Bytes> {
        None
    }

    /// Bytes that it remembers at most, roughly.
    fn memory(&self, population: &Population) -> f64;
}

/// When a check is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::provider) enum CheckTiming {
    /// With every command of the rule's stage.
    AtStage,
    /// For every recipient of a message that was accepted, if its mailbox is in this state.
    PerRecipientAtEnd(Mailbox),
    /// When a client talks before its greeting, which is held back so long.
    BeforeGreeting(Span),
    /// When a client has said nothing for so long.
    WhileIdle(Span),
}

/// At such a stage there is no question of a recipient: why, and what to do instead.
pub(super) fn no_recipient_at(stage: Stage) -> (String, &'static str) {
    (format!("at `{stage}` there is no question of a recipient"), "ask this rule at `rcpt`")
}
