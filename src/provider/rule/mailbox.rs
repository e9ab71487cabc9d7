//! The state of a recipient's mailbox: at RCPT, or for every recipient once the message is there, as Yahoo does.

use crate::provider::context::RuleContext;
use crate::provider::message::Mailbox;

/// Whether a command is let pass by a rule that refuses mailboxes in this state.
#[inline]
pub(super) fn permits(refused: Mailbox, context: &RuleContext<'_>) -> bool {
    context.recipient().is_none_or(|recipient| recipient.mailbox != refused)
}

/// What is refused, in words.
pub(super) const fn words(refused: Mailbox) -> &'static str {
    match refused {
        Mailbox::Unknown => "to a recipient that does not exist",
        Mailbox::Full => "to a mailbox that is full",
        Mailbox::Trap => "to a spam trap",
        Mailbox::Exists => "to a recipient that exists",
    }
}

/// What is refused, in a word or two; `None` for a provider that takes no mail.
pub(super) const fn reason(refused: Mailbox) -> Option<&'static str> {
    match refused {
        Mailbox::Unknown => Some("unknown recipients"),
        Mailbox::Full => Some("full mailboxes"),
        Mailbox::Trap => Some("spam traps"),
        Mailbox::Exists => None,
    }
}
