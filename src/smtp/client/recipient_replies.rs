//! What became of each recipient of a transaction: the stage at which it was decided, and the reply that did.

use super::super::reply::{Class, Code, EnhancedCode, ReceivedReply, Reply};
use super::super::stage::Stage;

/// A recipient's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecipientReply<'a> {
    /// Where it was decided; delivered only at the end of data.
    pub stage: Stage,
    /// The reply that settled it.
    pub reply: ReceivedReply<'a>,
}

impl RecipientReply<'_> {
    /// Whether the server took the message for this recipient.
    pub fn delivered(&self) -> bool {
        self.stage == Stage::EndOfData && self.reply.class() == Class::Positive
    }

    /// The reply, to keep.
    pub fn to_reply(&self) -> Reply {
        self.reply.to_reply()
    }
}

/// The results of a transaction. The buffers are used again for the next.
#[derive(Clone, Debug, Default)]
pub(super) struct RecipientReplies {
    /// Per recipient: which of the replies decided.
    decided: Vec<Option<u32>>,
    replies: Vec<DecidingReply>,
    text: String,
    /// Recipients that nothing was decided about.
    open: usize,
}

#[derive(Clone, Copy, Debug)]
struct DecidingReply {
    stage: Stage,
    code: Code,
    enhanced: Option<EnhancedCode>,
    from: usize,
    to: usize,
}

impl RecipientReplies {
    pub(super) fn begin(&mut self, recipients: usize) {
        self.decided.clear();
        self.decided.resize(recipients, None);
        self.replies.clear();
        self.text.clear();
        self.open = recipients;
    }

    /// Decides about one recipient.
    pub(super) fn one(&mut self, recipient: usize, stage: Stage, reply: &ReceivedReply<'_>) {
        if self.decided.get(recipient) == Some(&None) {
            self.decided[recipient] = Some(self.keep(stage, reply));
            self.open -= 1;
        }
    }

    /// Decides about all recipients that are open.
    pub(super) fn rest(&mut self, stage: Stage, reply: &ReceivedReply<'_>) {
        if self.open > 0 {
            let reply = self.keep(stage, reply);
            self.decided.iter_mut().for_each(|slot| *slot = slot.or(Some(reply)));
            self.open = 0;
        }
    }

    pub(super) const fn open(&self) -> usize {
        self.open
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Option<RecipientReply<'_>>> {
        self.decided.iter().map(|slot| {
            let kept = &self.replies[slot.as_ref().copied()? as usize];
            let reply =
                ReceivedReply { code: kept.code, enhanced: kept.enhanced, text: &self.text[kept.from..kept.to] };
            Some(RecipientReply { stage: kept.stage, reply })
        })
    }

    fn keep(&mut self, stage: Stage, reply: &ReceivedReply<'_>) -> u32 {
        let from = self.text.len();
        self.text.push_str(reply.text);
        let number = self.replies.len();
        let (code, enhanced, to) = (reply.code, reply.enhanced, self.text.len());
        self.replies.push(DecidingReply { stage, code, enhanced, from, to });
        u32::try_from(number).expect("no more replies than a number of 32 bits counts")
    }
}
