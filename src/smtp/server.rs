//! The server's end of a session (RFC 5321, section 3 and 4). It reads bytes, keeps the order of commands, and writes
//! replies; whatever is a matter of policy it asks.
//!
//! To drive it: give [`advance`](ServerSession::advance) the bytes that have arrived; drop as many as it says it has
//! used; do what the [`ServerEvent`] says; do it again. Nothing of the input is kept inside: what is left over must
//! come again, with more behind it. Pipelining needs nothing else, since whatever is left of the input is the next
//! command.
//!
//! An idle session is this value and nothing on the heap.

mod answers;
mod auth;
mod chunk;
mod client_state;
mod commands;
mod config;
mod error_counts;
mod event;
mod message;
mod open_transaction;
mod replies;
mod state;

use std::sync::Arc;

use super::data::DataReader;
use super::line::{Line, LineReader};
use super::protocol_error::ProtocolError;
use super::reply::{self, Class};
use chunk::BdatChunk;
use client_state::ClientState;
use error_counts::ErrorCounts;
use open_transaction::OpenTransaction;
use state::{Advance, PendingQuestion, ServerState};

pub use config::ServerConfig;
pub use event::{PolicyAnswer, PolicyQuestion, ServerClose, ServerEvent, SessionCounts};

/// The longest line of an authentication exchange in bytes (RFC 4954, section 4).
const AUTH_LINE_MAX: usize = 12_288;

/// A session, from the greeting to the end.
#[derive(Clone, Debug)]
pub struct ServerSession {
    config: Arc<ServerConfig>,
    state: ServerState,
    lines: LineReader,
    client: ClientState,
    transaction: Option<OpenTransaction>,
    /// MAIL was refused: what was sent behind it without waiting cannot be held against the client.
    mail_refused: bool,
    body: DataReader,
    chunk: BdatChunk,
    errors: ErrorCounts,
    counts: SessionCounts,
}

impl ServerSession {
    /// A session whose client has just connected.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self {
            config,
            state: ServerState::New,
            lines: LineReader::default(),
            client: ClientState::default(),
            transaction: None,
            mail_refused: false,
            body: DataReader::default(),
            chunk: BdatChunk::default(),
            errors: ErrorCounts::default(),
            counts: SessionCounts::default(),
        }
    }

    /// Goes on as far as it can; replies are appended to `out`. Says how many bytes of the input are done with, and
    /// what is to be done. Needs an answer to its question first.
    pub fn advance<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> (usize, ServerEvent<'a>) {
        let mut used = 0;
        loop {
            let (more, turn) = self.step(&input[used..], out);
            used += more;
            if let Some(turn) = turn {
                return (used, turn);
            }
        }
    }

    /// Takes the answer to the question that was asked last, and writes the reply.
    pub fn answer(&mut self, answer: PolicyAnswer<'_>, out: &mut Vec<u8>) {
        let ServerState::Waiting(asked) = std::mem::replace(&mut self.state, ServerState::Command) else {
            panic!("an answer without a question");
        };
        match answer {
            PolicyAnswer::Accept => self.accept(asked, None, out),
            PolicyAnswer::Say { code, text, .. } if code.class() == Class::Positive && asked.has_own_frame() => {
                self.accept(asked, Some(text), out);
            }
            PolicyAnswer::Say { code, enhanced, text, .. } => {
                reply::write(out, code, enhanced, text);
                if code.class() == Class::Positive {
                    self.accepted(asked);
                } else {
                    self.refused(asked);
                }
            }
            PolicyAnswer::Drop => self.state = ServerState::Closed(ServerClose::Dropped),
        }
        if let PolicyAnswer::Say { close: true, .. } = answer {
            self.state = ServerState::Closed(ServerClose::Answered);
        }
    }

    /// The handshake after STARTTLS is done: nothing from before it holds (RFC 3207, section 4.2).
    pub fn secured(&mut self) {
        assert_eq!(self.state, ServerState::Handshake, "a handshake without STARTTLS");
        self.state = ServerState::Command;
        self.client.secured();
        self.end_transaction();
    }

    /// What it has seen so far.
    pub const fn counts(&self) -> SessionCounts {
        self.counts
    }

    /// Whether a transaction is open.
    pub const fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    fn step<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Advance<'a> {
        match &self.state {
            ServerState::New => (0, Some(self.ask(PendingQuestion::Connect, PolicyQuestion::Connect))),
            ServerState::Command | ServerState::TurnedAway | ServerState::Auth(_) => self.read_line(input, out),
            ServerState::Body => self.read_body(input, out),
            ServerState::Chunk => self.read_chunk(input, out),
            ServerState::Closed(why) => (input.len(), Some(ServerEvent::Close(*why))),
            ServerState::Waiting(_) => panic!("a question without an answer"),
            ServerState::Handshake => panic!("a handshake without an end"),
        }
    }

    fn read_line<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Advance<'a> {
        let in_exchange = matches!(self.state, ServerState::Auth(_));
        let max = if in_exchange { AUTH_LINE_MAX } else { self.config.line_max };
        let (used, line) = self.lines.next(input, max, self.config.line_ends);
        let outcome = match line {
            Line::Unfinished => return (used, Some(ServerEvent::NeedInput)),
            Line::Whole(line) if in_exchange => self.respond(line, out),
            Line::Whole(line) => self.command(line, out),
            Line::Bare => Err(ProtocolError::BareLineEnd),
            Line::TooLong => Err(ProtocolError::LineTooLong),
        };
        self.counts.commands += 1;
        match outcome {
            Ok(Some(ServerEvent::StartTls { .. })) => self.inject(input, used),
            Ok(turn) => (used, turn),
            Err(error) => {
                if in_exchange {
                    self.state = ServerState::Command;
                }
                (used, Some(self.refuse(error, out)))
            }
        }
    }

    /// What stands behind STARTTLS is discarded: under TLS it would be mistaken for the client's.
    fn inject<'a>(&mut self, input: &'a [u8], used: usize) -> Advance<'a> {
        let injected = input.len() - used;
        self.counts.injected += injected as u64;
        (input.len(), Some(ServerEvent::StartTls { injected }))
    }

    fn ask<'a>(&mut self, asked: PendingQuestion, question: PolicyQuestion<'a>) -> ServerEvent<'a> {
        self.state = ServerState::Waiting(asked);
        ServerEvent::Ask(question)
    }

    fn end_transaction(&mut self) {
        self.transaction = None;
        self.mail_refused = false;
    }

    /// Refuses with the session's own reply; closes where it was one error too many.
    fn refuse<'a>(&mut self, error: ProtocolError, out: &mut Vec<u8>) -> ServerEvent<'a> {
        self.counts.errors += 1;
        self.counts.long_lines += u32::from(error == ProtocolError::LineTooLong);
        let forgiven = match error {
            // What a client sends without waiting is no error of its own (RFC 2920, section 3.1).
            ProtocolError::Sequence => self.mail_refused,
            ProtocolError::NoRecipients | ProtocolError::TooManyRecipients | ProtocolError::TooBig => true,
            _ => false,
        };
        let error = if forgiven { error } else { self.errors.count(error, &self.config) };
        self.config.say(error.builtin_reply(), out);
        if matches!(error, ProtocolError::TooManyErrors | ProtocolError::TooManyJunkCommands) {
            self.state = ServerState::Closed(ServerClose::ProtocolError(error));
        }
        ServerEvent::Refused(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a client's bytes to a server that accepts everything; what it wrote, and the last turn.
    fn play(config: ServerConfig, input: &[u8]) -> (String, ServerEvent<'_>) {
        let (mut server, mut out, mut at) = (ServerSession::new(Arc::new(config)), Vec::new(), 0);
        loop {
            let (used, turn) = server.advance(&input[at..], &mut out);
            at += used;
            match turn {
                ServerEvent::Ask(_) => server.answer(PolicyAnswer::Accept, &mut out),
                ServerEvent::Body(_) | ServerEvent::Refused(_) => {}
                turn => return (String::from_utf8(out).unwrap(), turn),
            }
        }
    }

    #[test]
    fn a_session_is_small() {
        assert!(size_of::<ServerSession>() <= 256, "{} bytes", size_of::<ServerSession>());
    }

    #[test]
    fn a_pipelined_session_runs_to_its_end() {
        let input =
            b"EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n";
        let (out, turn) = play(ServerConfig::default(), input);
        let codes: Vec<&str> = out.lines().map(|line| &line[..4]).collect();
        assert_eq!(codes.join(""), "220 250-250-250-250-250-250-250 250 250 354 250 221 ", "{out}");
        assert_eq!(turn, ServerEvent::Close(ServerClose::Quit));
    }
}
