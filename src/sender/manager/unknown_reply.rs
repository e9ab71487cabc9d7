//! Replies that stand in no book: servers whose profile nobody has written say what they like.

use super::{ReplyClass, Sender};
use crate::smtp::Reply;
use crate::units::{ProviderId, ReplyId};

impl Sender {
    /// A site has said something new: it is read as any other reply, and has the number that is returned.
    pub fn learn_reply(&mut self, site: ProviderId, reply: &Reply) -> ReplyId {
        let book = &mut self.reply_classes[site.index()];
        book.push(ReplyClass::of(reply, &self.strategy));
        ReplyId::from_index(book.len() - 1)
    }
}
