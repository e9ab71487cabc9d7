//! What a command comes to: a question to the policy, or what the session does by itself.

use super::super::protocol_error::ProtocolError;
use super::super::sasl::SaslExchange;
use super::event::PolicyQuestion;
use super::state::PendingQuestion;

/// What the session does about a command that may come now.
#[derive(Debug)]
pub(super) enum CommandOutcome<'a> {
    /// It asks the policy.
    Ask(PendingQuestion, PolicyQuestion<'a>),
    /// It sends the challenge of an authentication exchange, and the response comes.
    Challenge(SaslExchange),
    /// It reads a chunk of a message that the policy takes.
    ReadChunk,
    /// It is ready for the TLS handshake.
    StartTls,
    /// It takes leave.
    Quit,
}

/// What a command or a response comes to, or the session's own refusal.
pub(super) type CommandResult<'a> = Result<CommandOutcome<'a>, ProtocolError>;
