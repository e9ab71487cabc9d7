//! Replies that stand in no book: servers whose profile nobody has written say what they like.

use super::{Meaning, Sender};
use crate::smtp::Reply;
use crate::units::{ProviderId, ReplyId};

impl Sender {
    /// A site has said something new: it is read as any other reply, and has the number that is returned.
    pub fn hear_of(&mut self, site: ProviderId, reply: &Reply) -> ReplyId {
        let book = &mut self.meanings[site.index()];
        book.push(Meaning::of(reply, &self.strategy));
        ReplyId::from_index(book.len() - 1)
    }
}
