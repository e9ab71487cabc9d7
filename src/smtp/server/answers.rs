//! What an answer does: the session's own positive replies, and what is open after acceptance and refusal.

use super::super::data::DataReader;
use super::super::protocol_error::BuiltinReply;
use super::ServerSession;
use super::state::{PendingQuestion, ServerState};

impl ServerSession {
    /// Writes the session's own positive reply, and goes on.
    pub(super) fn accept(&mut self, asked: PendingQuestion, words: Option<&str>, out: &mut Vec<u8>) {
        match asked {
            PendingQuestion::Connect | PendingQuestion::XClient { .. } => self.config.greet(out),
            PendingQuestion::Hello(hello) => self.config.welcome(hello, self.client.has_tls(), words, out),
            PendingQuestion::Mail(_) => self.config.say(BuiltinReply::new(250, (2, 1, 0), "Sender ok"), out),
            PendingQuestion::Rcpt => self.config.say(BuiltinReply::new(250, (2, 1, 5), "Recipient ok"), out),
            PendingQuestion::Data => self.config.say(BuiltinReply::plain(354, "End data with <CR><LF>.<CR><LF>"), out),
            // The reply comes when the chunk has come.
            PendingQuestion::Chunk => {}
            PendingQuestion::EndOfData | PendingQuestion::Reset => {
                self.config.say(BuiltinReply::new(250, (2, 0, 0), "Ok"), out);
            }
            PendingQuestion::Auth => {
                self.config.say(BuiltinReply::new(235, (2, 7, 0), "Authentication successful"), out);
            }
        }
        self.accepted(asked);
    }

    /// Goes on after acceptance.
    pub(super) fn accepted(&mut self, asked: PendingQuestion) {
        match asked {
            PendingQuestion::Connect => {}
            PendingQuestion::Hello(hello) => {
                self.end_transaction();
                self.client.introduced(hello);
            }
            PendingQuestion::Mail(transaction) => {
                self.transaction = Some(transaction);
                self.mail_refused = false;
            }
            PendingQuestion::Rcpt => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.rcpt_answered(true);
                }
            }
            PendingQuestion::Data => {
                self.body = DataReader::default();
                self.state = ServerState::Body;
            }
            PendingQuestion::Chunk => self.state = ServerState::Chunk,
            PendingQuestion::EndOfData => {
                self.transaction = None;
                self.counts.messages += 1;
                self.errors.reset();
            }
            PendingQuestion::Auth => self.client.authenticated(),
            PendingQuestion::Reset => self.end_transaction(),
            PendingQuestion::XClient { login } => {
                self.client.replaced(login);
                self.end_transaction();
            }
        }
    }

    /// Goes on after a refusal.
    pub(super) fn refused(&mut self, asked: PendingQuestion) {
        match asked {
            PendingQuestion::Connect => self.state = ServerState::TurnedAway,
            PendingQuestion::Mail(_) => self.mail_refused = true,
            PendingQuestion::Rcpt => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.rcpt_answered(false);
                }
            }
            PendingQuestion::Chunk => self.refuse_chunk(),
            PendingQuestion::EndOfData => self.transaction = None,
            PendingQuestion::Hello(_)
            | PendingQuestion::Data
            | PendingQuestion::Auth
            | PendingQuestion::Reset
            | PendingQuestion::XClient { .. } => {}
        }
    }
}
