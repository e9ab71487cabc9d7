//! AUTH: when it is allowed, and the exchange that follows (RFC 4954, section 4).

use super::super::protocol_error::{BuiltinReply, ProtocolError};
use super::super::sasl::{SaslExchange, SaslStep};
use super::state::{CommandResult, PendingQuestion, ServerState};
use super::{PolicyQuestion, ServerSession};

impl ServerSession {
    pub(super) fn auth<'a>(&mut self, mechanism: &str, initial: Option<&str>, out: &mut Vec<u8>) -> CommandResult<'a> {
        if self.transaction.is_some() {
            return Err(ProtocolError::Sequence);
        }
        self.client.may_authenticate(&self.config)?;
        let Some(exchange) = SaslExchange::begin(mechanism) else { return Err(ProtocolError::Mechanism) };
        self.state = ServerState::Auth(exchange);
        match initial {
            Some("=") => self.respond(b"", out),
            Some(initial) => self.respond(initial.as_bytes(), out),
            None => {
                self.challenge(out);
                Ok(None)
            }
        }
    }

    /// Takes a line of the authentication exchange.
    pub(super) fn respond<'a>(&mut self, response: &[u8], out: &mut Vec<u8>) -> CommandResult<'a> {
        let ServerState::Auth(exchange) = std::mem::replace(&mut self.state, ServerState::Command) else {
            return Ok(None);
        };
        match exchange.respond(response)? {
            SaslStep::Next(exchange) => {
                self.state = ServerState::Auth(exchange);
                self.challenge(out);
                Ok(None)
            }
            SaslStep::Done(credentials) => Ok(Some(self.ask(PendingQuestion::Auth, PolicyQuestion::Auth(credentials)))),
        }
    }

    fn challenge(&self, out: &mut Vec<u8>) {
        if let ServerState::Auth(exchange) = &self.state {
            self.config.say(BuiltinReply::plain(334, exchange.challenge()), out);
        }
    }
}
