//! The replies to a transaction's commands: what each means, what is sent next, and what it decides about whom.

use super::super::reply::{Class, ReceivedReply};
use super::super::stage::Stage;
use super::capabilities::Capabilities;
use super::recipient_replies::RecipientReplies;
use super::session_step::SessionStep;
use super::transaction::{PendingCommands, Transaction, TransactionState};

/// A transaction under way. The buffers are used again for the next.
#[derive(Clone, Debug, Default)]
pub(super) struct TransactionExchange {
    commands: PendingCommands,
    state: TransactionState,
    results: RecipientReplies,
}

/// What the session does next about its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextInTransaction {
    /// It waits for the reply to this step, which is sent.
    Await(SessionStep),
    /// It sends the message.
    SendBody,
    /// It ends the transaction, which the server has open, with RSET.
    Reset,
    /// The transaction is over, on the server as well.
    Done,
}

impl TransactionExchange {
    /// Sends the first commands of a transaction, or all that may go at once.
    pub(super) fn begin(
        &mut self,
        transaction: &Transaction<'_>,
        offers: &Capabilities,
        out: &mut Vec<u8>,
    ) -> NextInTransaction {
        self.results.begin(transaction.recipients.len());
        self.state = transaction.plan(offers);
        self.commands.write(transaction, offers, &self.state);
        if self.state.pipelined {
            self.commands.all(out);
        } else {
            self.commands.next(out);
        }
        // With BDAT the message is part of the group.
        if self.state.body_goes_ahead() {
            NextInTransaction::SendBody
        } else {
            NextInTransaction::Await(SessionStep::Mail)
        }
    }

    /// Whether the message is sent as lines with an end of data, and not with BDAT.
    pub(super) const fn is_dotted(&self) -> bool {
        !self.state.chunked
    }

    /// The message was sent; the step whose reply is due.
    pub(super) fn body_sent(&self, out: &mut Vec<u8>) -> SessionStep {
        if self.is_dotted() {
            out.extend_from_slice(b".\r\n");
        }
        if self.state.body_goes_ahead() { SessionStep::Mail } else { SessionStep::EndOfData }
    }

    /// What became of each recipient.
    pub(super) const fn results(&self) -> &RecipientReplies {
        &self.results
    }

    /// The reply decides about all recipients that are open.
    pub(super) fn decide(&mut self, stage: Stage, reply: &ReceivedReply<'_>) {
        self.results.rest(stage, reply);
    }

    /// MAIL was answered.
    pub(super) fn mail(&mut self, reply: &ReceivedReply<'_>, out: &mut Vec<u8>) -> NextInTransaction {
        self.state.open = reply.class() == Class::Positive;
        if !self.state.open {
            self.decide(Stage::Mail, reply);
        }
        if self.state.open || self.state.pipelined { self.await_next(SessionStep::Rcpt(0), out) } else { self.finish() }
    }

    /// A recipient was answered.
    pub(super) fn rcpt(&mut self, n: usize, reply: &ReceivedReply<'_>, out: &mut Vec<u8>) -> NextInTransaction {
        if reply.class() != Class::Positive {
            self.results.one(n, Stage::Rcpt, reply);
        }
        if n + 1 < self.state.recipients {
            self.await_next(SessionStep::Rcpt(n + 1), out)
        } else if self.state.pipelined {
            NextInTransaction::Await(if self.state.chunked { SessionStep::EndOfData } else { SessionStep::Data })
        } else if self.results.open() == 0 {
            self.finish()
        } else if self.state.chunked {
            self.commands.next(out);
            NextInTransaction::SendBody
        } else {
            self.await_next(SessionStep::Data, out)
        }
    }

    /// DATA was answered.
    pub(super) fn data(&mut self, reply: &ReceivedReply<'_>, out: &mut Vec<u8>) -> NextInTransaction {
        if reply.class() != Class::Positive {
            self.decide(Stage::Data, reply);
            self.finish()
        } else if self.results.open() > 0 {
            NextInTransaction::SendBody
        } else {
            // 354 without a recipient: the shortest way on is an empty message (RFC 2920, section 3.1).
            out.extend_from_slice(b".\r\n");
            NextInTransaction::Await(SessionStep::EndOfData)
        }
    }

    /// The message was answered.
    pub(super) fn end_of_data(&mut self, reply: &ReceivedReply<'_>) -> NextInTransaction {
        self.decide(Stage::EndOfData, reply);
        // After a refused chunk the server may not have let go of the transaction (RFC 3030, section 2).
        self.state.open &= self.state.chunked && reply.class() != Class::Positive;
        self.finish()
    }

    /// Waits for the reply to the next command, and sends it if it is not sent yet.
    fn await_next(&mut self, step: SessionStep, out: &mut Vec<u8>) -> NextInTransaction {
        if !self.state.pipelined {
            self.commands.next(out);
        }
        NextInTransaction::Await(step)
    }

    const fn finish(&mut self) -> NextInTransaction {
        if std::mem::replace(&mut self.state.open, false) { NextInTransaction::Reset } else { NextInTransaction::Done }
    }
}
