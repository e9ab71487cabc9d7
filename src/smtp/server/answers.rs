//! What an answer does: the session's own words for a yes, and what is open after a yes and after a no.

use super::super::body::Body;
use super::super::fault::Said;
use super::{Asked, Server, State};

impl Server {
    /// Writes the session's own yes, and goes on.
    pub(super) fn accept(&mut self, asked: Asked, words: Option<&str>, out: &mut Vec<u8>) {
        match asked {
            Asked::Connect | Asked::XClient { .. } => self.greet(out),
            Asked::Hello(hello) => self.welcome(hello, words, out),
            Asked::Mail(_) => self.say(Said::new(250, (2, 1, 0), "Sender ok"), out),
            Asked::Rcpt => self.say(Said::new(250, (2, 1, 5), "Recipient ok"), out),
            Asked::Data => self.say(Said::plain(354, "End data with <CR><LF>.<CR><LF>"), out),
            // The reply comes when the chunk has come.
            Asked::Chunk => {}
            Asked::EndOfData | Asked::Reset => self.say(Said::new(250, (2, 0, 0), "Ok"), out),
            Asked::Auth => self.say(Said::new(235, (2, 7, 0), "Authentication successful"), out),
        }
        self.accepted(asked);
    }

    /// Goes on after a yes.
    pub(super) fn accepted(&mut self, asked: Asked) {
        match asked {
            Asked::Connect => {}
            Asked::Hello(hello) => {
                self.begin_anew();
                self.hello = Some(hello);
            }
            Asked::Mail(transaction) => {
                self.transaction = Some(transaction);
                self.mail_refused = false;
            }
            Asked::Rcpt => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.accepted += 1;
                }
            }
            Asked::Data => {
                self.body = Body::default();
                self.state = State::Body;
            }
            Asked::Chunk => self.state = State::Chunk,
            Asked::EndOfData => {
                self.transaction = None;
                self.counts.messages += 1;
                (self.faults, self.idle) = (0, 0);
            }
            Asked::Auth => self.authenticated = true,
            Asked::Reset => {
                self.transaction = None;
                self.mail_refused = false;
            }
            Asked::XClient { login } => {
                self.authenticated = login;
                self.begin_anew();
            }
        }
    }

    /// Goes on after a no.
    pub(super) fn refused(&mut self, asked: Asked) {
        match asked {
            Asked::Connect => self.state = State::TurnedAway,
            Asked::Mail(_) => self.mail_refused = true,
            Asked::Rcpt => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.refused = true;
                }
            }
            Asked::Chunk => self.refuse_chunk(),
            Asked::EndOfData => self.transaction = None,
            Asked::Hello(_) | Asked::Data | Asked::Auth | Asked::Reset | Asked::XClient { .. } => {}
        }
    }
}
