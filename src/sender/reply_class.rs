//! What a refusal means to a strategy: read once for every reply of every book, so that no text is looked at while mail
//! flows.

use super::strategy::{PushBack, ReplyMeaning, Strategy};
use crate::smtp::Reply;

/// What a refusal means once the strategy has read it; prepared for every reply of every book.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyClass {
    pub(super) read: ReplyMeaning,
    /// Whether it is the site that pushes back, and not one mailbox.
    pub(super) pushes_back: bool,
}

impl ReplyClass {
    pub(super) fn of(reply: &Reply, strategy: &Strategy) -> Self {
        let read = strategy.reading.read(reply);
        // Enhanced codes x.1 and x.2 are about addresses and mailboxes (RFC 3463), not about the sender.
        let about_mailbox = reply.enhanced.is_some_and(|enhanced| matches!(enhanced.subject, 1 | 2));
        let pushes_back = match read {
            ReplyMeaning::SlowDown => true,
            ReplyMeaning::Deferral => strategy.reading.push_back == PushBack::Deferrals && !about_mailbox,
            ReplyMeaning::Bounce => false,
        };
        Self { read, pushes_back }
    }
}
