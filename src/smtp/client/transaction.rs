//! A transaction: the message, how it is sent to this server, and its commands.

use std::io::Write;

use super::super::extension::Extension;
use super::super::parameter::BodyKind;
use super::capabilities::Capabilities;

/// A message to send. Addresses are written as they are, between angle brackets; [`Address`](crate::smtp::Address)
/// knows which may be.
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    /// The return path; empty for a bounce.
    pub from: &'a str,
    /// The addresses of the recipients, in the order of their RCPT commands.
    pub recipients: &'a [&'a str],
    /// Bytes of the message, without dot stuffing.
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
    /// The commands go in one group, without waiting for each reply.
    pub(super) pipelined: bool,
    /// The message goes with BDAT.
    pub(super) chunked: bool,
    /// How many recipients it has.
    pub(super) recipients: usize,
    /// The server accepted MAIL: it has a transaction open.
    pub(super) open: bool,
}

impl TransactionState {
    /// The message goes out together with the commands.
    pub(super) const fn body_goes_ahead(&self) -> bool {
        self.pipelined && self.chunked
    }
}

/// The commands of a transaction that are not sent yet.
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

    /// Sends all that is left.
    pub(super) fn all(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[self.said..]);
        self.said = self.bytes.len();
    }

    /// Sends the next command.
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
