//! AUTH: when it may be said, and the exchange that follows (RFC 4954, section 4).

use super::super::fault::{Fault, Said};
use super::super::sasl::{Exchange, Step};
use super::{Asked, Hello, Outcome, Question, Server, State};

impl Server {
    pub(super) fn auth<'a>(&mut self, mechanism: &str, initial: Option<&str>, out: &mut Vec<u8>) -> Outcome<'a> {
        if self.hello != Some(Hello::Ehlo) || self.authenticated || self.transaction.is_some() {
            return Err(Fault::Sequence);
        }
        if !self.tls && !self.config.auth_in_the_clear {
            return Err(Fault::AuthInTheClear);
        }
        let Some(exchange) = Exchange::begin(mechanism) else { return Err(Fault::Mechanism) };
        self.state = State::Auth(exchange);
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
    pub(super) fn respond<'a>(&mut self, response: &[u8], out: &mut Vec<u8>) -> Outcome<'a> {
        let State::Auth(exchange) = std::mem::replace(&mut self.state, State::Command) else { return Ok(None) };
        match exchange.respond(response)? {
            Step::Next(exchange) => {
                self.state = State::Auth(exchange);
                self.challenge(out);
                Ok(None)
            }
            Step::Done(credentials) => Ok(Some(self.ask(Asked::Auth, Question::Auth(credentials)))),
        }
    }

    fn challenge(&self, out: &mut Vec<u8>) {
        if let State::Auth(exchange) = &self.state {
            self.say(Said::plain(334, exchange.challenge()), out);
        }
    }
}
