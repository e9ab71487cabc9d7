//! A transaction between MAIL and the end of data: which commands may come next, and what was answered to those before.

use super::super::parameter::{BodyKind, MailCommand, RcptCommand};
use super::super::protocol_error::ProtocolError;

/// An open transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OpenTransaction {
    /// Recipients that were accepted.
    accepted: u32,
    /// A recipient was refused.
    refused: bool,
    utf8: bool,
    binary: bool,
    chunks: Chunks,
}

/// What came with BDAT; after it DATA may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Chunks {
    #[default]
    None,
    Some,
    /// One was refused: only RSET helps, or the last one (RFC 3030, section 2).
    Void,
}

impl OpenTransaction {
    pub(super) fn new(mail: &MailCommand<'_>) -> Self {
        Self { utf8: mail.smtputf8, binary: mail.body == BodyKind::BinaryMime, ..Self::default() }
    }

    /// Whether this recipient may come.
    ///
    /// # Errors
    ///
    /// The session's own refusal, which counts as a refused recipient.
    pub(super) fn rcpt(&mut self, rcpt: &RcptCommand<'_>, recipients_max: u32) -> Result<(), ProtocolError> {
        let error = match () {
            () if self.chunks != Chunks::None => ProtocolError::Sequence,
            () if !self.utf8 && !rcpt.to.as_str().is_ascii() => ProtocolError::SmtpUtf8Required,
            () if self.accepted >= recipients_max => ProtocolError::TooManyRecipients,
            () => return Ok(()),
        };
        self.refused = true;
        Err(error)
    }

    /// The policy's answer about a recipient.
    pub(super) const fn rcpt_answered(&mut self, accepted: bool) {
        if accepted {
            self.accepted += 1;
        } else {
            self.refused = true;
        }
    }

    /// Whether DATA may come.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn data(self) -> Result<(), ProtocolError> {
        if self.binary || self.chunks != Chunks::None { Err(ProtocolError::Sequence) } else { self.has_recipients() }
    }

    /// Takes up a chunk that is announced; whether it is the first of its message.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn bdat(&mut self, too_big: bool) -> Result<bool, ProtocolError> {
        if self.chunks == Chunks::Void {
            return Err(ProtocolError::Sequence);
        }
        self.has_recipients()?;
        if too_big {
            return Err(ProtocolError::TooBig);
        }
        Ok(std::mem::replace(&mut self.chunks, Chunks::Some) == Chunks::None)
    }

    /// A chunk was refused, and the message with it.
    pub(super) const fn chunk_refused(&mut self) {
        self.chunks = Chunks::Void;
    }

    /// Whether a part of the message came with BDAT.
    pub(super) fn has_chunks(self) -> bool {
        self.chunks != Chunks::None
    }

    const fn has_recipients(self) -> Result<(), ProtocolError> {
        match self {
            Self { accepted: 1.., .. } => Ok(()),
            Self { refused: true, .. } => Err(ProtocolError::NoRecipients),
            Self { .. } => Err(ProtocolError::Sequence),
        }
    }
}
