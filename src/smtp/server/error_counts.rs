//! How many errors and junk commands a client is forgiven, as Postfix counts them: since the last accepted message.

use super::super::protocol_error::ProtocolError;
use super::config::ServerConfig;

/// Errors and junk commands since the last message that was accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ErrorCounts {
    errors: u32,
    junk_commands: u32,
}

impl ErrorCounts {
    /// A message was accepted.
    pub(super) const fn reset(&mut self) {
        *self = Self { errors: 0, junk_commands: 0 };
    }

    /// Counts an error, unless it is forgiven, and says what the client is told: that error, or that it was one too
    /// many.
    pub(super) const fn count(
        &mut self,
        error: ProtocolError,
        mail_refused: bool,
        config: &ServerConfig,
    ) -> ProtocolError {
        if is_forgiven(error, mail_refused) {
            return error;
        }
        self.errors += 1;
        if self.errors >= config.errors_max { ProtocolError::TooManyErrors } else { error }
    }

    /// Counts a command that makes no progress.
    ///
    /// # Errors
    ///
    /// It was one too many.
    pub(super) const fn junk_command(&mut self, config: &ServerConfig) -> Result<(), ProtocolError> {
        self.junk_commands += 1;
        if self.junk_commands > config.junk_commands_max { Err(ProtocolError::TooManyJunkCommands) } else { Ok(()) }
    }
}

/// Whether an error is none of the client's making. What it sends behind a MAIL that is refused, without waiting, is no
/// error of its own (RFC 2920, section 3.1).
const fn is_forgiven(error: ProtocolError, mail_refused: bool) -> bool {
    match error {
        ProtocolError::Sequence => mail_refused,
        ProtocolError::NoRecipients | ProtocolError::TooManyRecipients | ProtocolError::TooBig => true,
        ProtocolError::Command(_)
        | ProtocolError::LineTooLong
        | ProtocolError::BareLineEnd
        | ProtocolError::BareLineEndInMessage
        | ProtocolError::SmtpUtf8Required
        | ProtocolError::TlsRequired
        | ProtocolError::AuthRequired
        | ProtocolError::AuthWithoutTls
        | ProtocolError::Mechanism
        | ProtocolError::SaslExchange
        | ProtocolError::Credentials
        | ProtocolError::Cancelled
        | ProtocolError::NotImplemented
        | ProtocolError::TooManyErrors
        | ProtocolError::TooManyJunkCommands => false,
    }
}
