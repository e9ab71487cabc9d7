//! A transaction: its commands, in one go or one after the other, and what each reply to them means.

use std::io::Write;

use super::super::extension::Extension;
use super::super::parameter::BodyKind;
use super::super::reply::Class;
use super::{Capabilities, ClientSession, ClientState, SessionStep};

/// A message to send. Addresses are written as they are, between angle brackets; [`Mailbox`](crate::smtp::Mailbox)
/// knows which may be.
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    /// The return path; empty for a bounce.
    pub from: &'a str,
    /// The recipients.
    pub recipients: &'a [&'a str],
    /// Bytes of the message, without the dots that DATA wants.
    pub size: u64,
    /// What it is made of.
    pub body: BodyKind,
    /// An address or a header field is not ASCII.
    pub smtputf8: bool,
    /// Send the commands in one go where the server offers it.
    pub pipelining: bool,
    /// Send the message with BDAT where the server offers it.
    pub chunking: bool,
}

/// How a transaction is sent, and how far it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TransactionState {
    pub(super) pipelined: bool,
    pub(super) chunked: bool,
    recipients: usize,
    /// The server took MAIL: it has a transaction open.
    open: bool,
}

/// The commands of a transaction that are not said yet.
#[derive(Clone, Debug, Default)]
pub(super) struct PendingCommands {
    bytes: Vec<u8>,
    said: usize,
}

impl Transaction<'_> {
    pub(super) fn plan(&self, offers: &Capabilities) -> TransactionState {
        TransactionState {
            pipelined: self.pipelining && offers.has(Extension::Pipelining),
            chunked: self.chunking && offers.has(Extension::Chunking),
            recipients: self.recipients.len(),
            open: false,
        }
    }
}

impl PendingCommands {
    pub(super) fn write(&mut self, transaction: &Transaction<'_>, offers: &Capabilities, plan: &TransactionState) {
        self.bytes.clear();
        self.said = 0;
        self.pieces(&["MAIL FROM:<", transaction.from, ">"]);
        if offers.has(Extension::Size) {
            self.formatted(format_args!(" SIZE={}", transaction.size));
        }
        match transaction.body {
            BodyKind::EightBitMime if offers.has(Extension::EightBitMime) => self.pieces(&[" BODY=8BITMIME"]),
            BodyKind::BinaryMime if offers.has(Extension::BinaryMime) => self.pieces(&[" BODY=BINARYMIME"]),
            _ => {}
        }
        if transaction.smtputf8 && offers.has(Extension::SmtpUtf8) {
            self.pieces(&[" SMTPUTF8"]);
        }
        self.pieces(&["\r\n"]);
        for recipient in transaction.recipients {
            self.pieces(&["RCPT TO:<", recipient, ">\r\n"]);
        }
        if plan.chunked {
            self.formatted(format_args!("BDAT {} LAST\r\n", transaction.size));
        } else {
            self.pieces(&["DATA\r\n"]);
        }
    }

    /// Says all that is left.
    pub(super) fn all(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[self.said..]);
        self.said = self.bytes.len();
    }

    /// Says the next command.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) {
        let rest = &self.bytes[self.said..];
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        out.extend_from_slice(&rest[..end]);
        self.said += end;
    }

    fn pieces(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.bytes.extend_from_slice(piece.as_bytes());
        }
    }

    fn formatted(&mut self, text: std::fmt::Arguments<'_>) {
        self.bytes.write_fmt(text).expect("a Vec takes all that is written to it");
    }
}

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
                    self.results.one(n, super::Stage::Rcpt, &reply);
                }
                self.after_rcpt(n, out);
            }
            SessionStep::Data if yes && self.results.open() > 0 => self.state = ClientState::Body,
            // 354 for nobody: the shortest way on is an empty message (RFC 2920, section 3.1).
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

    /// Waits for the reply to the next command, and says it if it is not said yet.
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
