//! What each reply to a transaction's commands means, and what is sent next.

use super::super::reply::Class;
use super::super::stage::Stage;
use super::{ClientSession, ClientState, SessionStep};

impl ClientSession {
    /// Goes on after the reply to a command of the transaction.
    pub(super) fn transact(&mut self, step: SessionStep, class: Class, out: &mut Vec<u8>) {
        let yes = class == Class::Positive;
        match step {
            SessionStep::Mail => {
                self.plan.open = yes;
                if !yes {
                    self.decide(step);
                }
                if yes || self.plan.pipelined { self.await_next(SessionStep::Rcpt(0), out) } else { self.finish(out) }
            }
            SessionStep::Rcpt(n) => {
                if let Some(reply) = self.reader.received().filter(|_| !yes) {
                    self.results.one(n, Stage::Rcpt, &reply);
                }
                self.after_rcpt(n, out);
            }
            SessionStep::Data if yes && self.results.open() > 0 => self.state = ClientState::Body,
            // 354 without a recipient: the shortest way on is an empty message (RFC 2920, section 3.1).
            SessionStep::Data if yes => self.say(b".\r\n", SessionStep::EndOfData, out),
            SessionStep::Data => {
                self.decide(step);
                self.finish(out);
            }
            _ => {
                self.decide(step);
                // After a refused chunk the server may not have let go of the transaction (RFC 3030, section 2).
                self.plan.open &= self.plan.chunked && !yes;
                self.finish(out);
            }
        }
    }

    fn after_rcpt(&mut self, n: usize, out: &mut Vec<u8>) {
        let (chunked, pipelined) = (self.plan.chunked, self.plan.pipelined);
        if n + 1 < self.plan.recipients {
            self.await_next(SessionStep::Rcpt(n + 1), out);
        } else if pipelined {
            self.state = ClientState::Awaiting(if chunked { SessionStep::EndOfData } else { SessionStep::Data });
        } else if self.results.open() == 0 {
            self.finish(out);
        } else if chunked {
            self.script.next(out);
            self.state = ClientState::Body;
        } else {
            self.await_next(SessionStep::Data, out);
        }
    }

    /// Waits for the reply to the next command, and sends it if it is not sent yet.
    fn await_next(&mut self, step: SessionStep, out: &mut Vec<u8>) {
        if !self.plan.pipelined {
            self.script.next(out);
        }
        self.state = ClientState::Awaiting(step);
    }

    /// The transaction is over, on the server as well.
    fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.plan.open) {
            self.resetting = true;
            self.say(b"RSET\r\n", SessionStep::Reset, out);
        } else {
            self.state = ClientState::Done;
        }
    }
}
