//! The authentication exchange (RFC 4954, section 4): each response is followed by a challenge, by the question whether
//! the credentials are good, or by a refusal.

use super::super::protocol_error::ProtocolError;
use super::super::sasl::{SaslExchange, SaslStep};
use super::command_outcome::{CommandOutcome, CommandResult};
use super::event::PolicyQuestion;
use super::state::PendingQuestion;

/// Begins the exchange of a mechanism, with the response that came with the command, if one did.
pub(super) fn begin<'a>(mechanism: &str, initial: Option<&str>) -> CommandResult<'a> {
    let exchange = SaslExchange::begin(mechanism).ok_or(ProtocolError::Mechanism)?;
    match initial {
        Some("=") => respond(exchange, b""),
        Some(initial) => respond(exchange, initial.as_bytes()),
        None => Ok(CommandOutcome::Challenge(exchange)),
    }
}

/// Takes a response.
pub(super) fn respond<'a>(exchange: SaslExchange, response: &[u8]) -> CommandResult<'a> {
    Ok(match exchange.respond(response)? {
        SaslStep::Next(exchange) => CommandOutcome::Challenge(exchange),
        SaslStep::Done(credentials) => CommandOutcome::Ask(PendingQuestion::Auth, PolicyQuestion::Auth(credentials)),
    })
}
