//! Whether a transaction is open, and which of its commands may come: MAIL, RCPT, DATA and BDAT in their order.

use super::super::parameter::{MailCommand, RcptCommand};
use super::super::protocol_error::ProtocolError;
use super::command_outcome::{CommandOutcome, CommandResult};
use super::config::ServerConfig;
use super::event::PolicyQuestion;
use super::open_transaction::OpenTransaction;
use super::peer_state::PeerState;
use super::state::PendingQuestion;

/// The transaction of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ServerTransaction {
    /// There is none.
    #[default]
    None,
    /// MAIL was refused: what was sent behind it without waiting cannot be held against the client.
    MailRefused,
    /// MAIL was accepted.
    Open(OpenTransaction),
}

impl ServerTransaction {
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Whether a part of its message came with BDAT.
    pub(super) fn has_chunks(self) -> bool {
        matches!(self, Self::Open(open) if open.has_chunks())
    }

    /// MAIL: whether it may come, and what the policy is asked.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn mail<'a>(
        &mut self,
        mail: MailCommand<'a>,
        client: PeerState,
        config: &ServerConfig,
    ) -> CommandResult<'a> {
        if self.is_open() {
            return Err(ProtocolError::Sequence);
        }
        if let Err(error) = client.may_send(mail.size.unwrap_or(0), config) {
            *self = Self::MailRefused;
            return Err(error);
        }
        let asked = PendingQuestion::Mail(OpenTransaction::new(&mail));
        Ok(CommandOutcome::Ask(asked, PolicyQuestion::Mail(mail)))
    }

    /// RCPT: whether it may come, and what the policy is asked.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn rcpt<'a>(&mut self, rcpt: RcptCommand<'a>, config: &ServerConfig) -> CommandResult<'a> {
        self.open()?.rcpt(&rcpt, config.recipients_max)?;
        Ok(CommandOutcome::Ask(PendingQuestion::Rcpt, PolicyQuestion::Rcpt(rcpt)))
    }

    /// The policy's answer about a recipient.
    pub(super) fn rcpt_answered(&mut self, accepted: bool) {
        if let Self::Open(open) = self {
            open.rcpt_answered(accepted);
        }
    }

    /// DATA: whether it may come, and what the policy is asked.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn data<'a>(&mut self) -> CommandResult<'a> {
        self.open()?.data()?;
        Ok(CommandOutcome::Ask(PendingQuestion::Data, PolicyQuestion::Data { chunked: false }))
    }

    /// BDAT: whether the chunk may come, and what the policy is asked about the first of a message.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn bdat<'a>(&mut self, too_big: bool) -> CommandResult<'a> {
        Ok(if self.open()?.bdat(too_big)? {
            CommandOutcome::Ask(PendingQuestion::Chunk, PolicyQuestion::Data { chunked: true })
        } else {
            CommandOutcome::ReadChunk
        })
    }

    /// A chunk was refused, and the message with it.
    pub(super) const fn chunk_refused(&mut self) {
        if let Self::Open(open) = self {
            open.chunk_refused();
        }
    }

    /// Its message has come, or will not come.
    pub(super) const fn close(&mut self) {
        if self.is_open() {
            *self = Self::None;
        }
    }

    const fn open(&mut self) -> Result<&mut OpenTransaction, ProtocolError> {
        match self {
            Self::Open(open) => Ok(open),
            Self::None | Self::MailRefused => Err(ProtocolError::Sequence),
        }
    }
}
