//! The server's end of a session (RFC 5321, section 3 and 4). It reads bytes, keeps the order of commands, and writes
//! replies; whatever is a matter of policy it asks.
//!
//! To drive it: give [`advance`](ServerSession::advance) the bytes that have arrived; drop as many as it says it has
//! used; do what the [`ServerEvent`] says; do it again. Nothing of the input is kept inside: what is left over must
//! come again, with more behind it. Pipelining needs nothing else, since whatever is left of the input is the next
//! command.
//!
//! An idle session is this value and nothing on the heap.

mod authentication;
mod chunk;
mod command_outcome;
mod config;
mod error_counts;
mod event;
mod open_transaction;
mod peer_state;
mod replies;
mod state;
mod transaction;

use std::sync::Arc;

use super::command::Command;
use super::data::{DataPiece, DataReader};
use super::line::{Line, LineReader};
use super::protocol_error::{BuiltinReply, ProtocolError, enhanced};
use super::reply::{self, Class};
use super::stage::Stage;
use super::xclient::{XclientAttribute, XclientAttributes};
use chunk::{BdatChunk, ChunkPiece};
use command_outcome::{CommandOutcome, CommandResult};
use error_counts::ErrorCounts;
use peer_state::{Hello, PeerState};
use state::{Advance, IdleCommand, PendingQuestion, ServerState};
use transaction::ServerTransaction;

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
    client: PeerState,
    transaction: ServerTransaction,
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
            client: PeerState::default(),
            transaction: ServerTransaction::None,
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
            PolicyAnswer::Accept => {
                self.config.accept(asked, self.client.has_tls(), None, out);
                self.accepted(asked);
            }
            PolicyAnswer::Say { code, text, .. } if code.class() == Class::Positive && asked.has_own_frame() => {
                self.config.accept(asked, self.client.has_tls(), Some(text), out);
                self.accepted(asked);
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
        self.transaction = ServerTransaction::None;
    }

    /// What it has seen so far.
    pub const fn counts(&self) -> SessionCounts {
        self.counts
    }

    /// The stage that is due: `ehlo` before the client has introduced itself, `rcpt` while a transaction is open, else
    /// `mail`.
    pub const fn due(&self) -> Stage {
        match (self.client.is_introduced(), self.transaction.is_open()) {
            (_, true) => Stage::Rcpt,
            (true, false) => Stage::Mail,
            (false, false) => Stage::Ehlo,
        }
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
            Line::Whole(line) => self.line(line),
            Line::Bare => Err(ProtocolError::BareLineEnd),
            Line::TooLong => Err(ProtocolError::LineTooLong),
        };
        self.counts.commands += 1;
        match outcome {
            Ok(outcome) => self.carry_out(outcome, input, used, out),
            Err(error) => {
                if in_exchange {
                    self.state = ServerState::Command;
                }
                (used, Some(self.refuse(error, out)))
            }
        }
    }

    /// What a line comes to: a response in an authentication exchange, else a command.
    fn line<'a>(&mut self, line: &'a [u8]) -> CommandResult<'a> {
        match std::mem::replace(&mut self.state, ServerState::Command) {
            ServerState::Auth(exchange) => authentication::respond(exchange, line),
            state => {
                self.state = state;
                self.command(line)
            }
        }
    }

    /// Whether a command may come now, and what it comes to.
    fn command<'a>(&mut self, line: &'a [u8]) -> CommandResult<'a> {
        let command = Command::parse(line, self.config.extensions).map_err(ProtocolError::Command)?;
        if self.state == ServerState::TurnedAway && command != Command::Quit {
            return Err(ProtocolError::Sequence);
        }
        match command {
            Command::Mail(mail) => self.transaction.mail(mail, self.client, &self.config),
            Command::Rcpt(rcpt) => self.transaction.rcpt(rcpt, &self.config),
            Command::Data => self.transaction.data(),
            Command::Bdat { size, last } => self.bdat(size, last),
            Command::Ehlo(name) => self.hello(Hello::Ehlo, name),
            Command::Helo(name) => self.hello(Hello::Helo, name),
            Command::Rset => self.rset(),
            Command::Noop => self.idle_command(IdleCommand::Noop),
            Command::Help => self.idle_command(IdleCommand::Help),
            Command::Vrfy(_) => self.idle_command(IdleCommand::Vrfy),
            Command::Expn(_) => Err(ProtocolError::NotImplemented),
            Command::Quit => Ok(CommandOutcome::Quit),
            Command::StartTls if self.client.has_tls() || !self.client.is_introduced() => Err(ProtocolError::Sequence),
            Command::StartTls | Command::Auth { .. } | Command::XClient(_) if self.transaction.is_open() => {
                Err(ProtocolError::Sequence)
            }
            Command::StartTls => Ok(CommandOutcome::StartTls),
            Command::Auth { mechanism, initial } => {
                self.client.may_authenticate(&self.config)?;
                authentication::begin(mechanism, initial)
            }
            Command::XClient(attributes) => Ok(xclient(attributes)),
        }
    }

    fn hello<'a>(&mut self, hello: Hello, name: &'a str) -> CommandResult<'a> {
        let again = self.client.is_introduced();
        if again {
            self.errors.junk_command(&self.config)?;
        }
        let extended = hello == Hello::Ehlo;
        Ok(CommandOutcome::Ask(PendingQuestion::Hello(hello), PolicyQuestion::Hello { name, extended, again }))
    }

    fn rset<'a>(&mut self) -> CommandResult<'a> {
        // RSET after a refusal is proper, RSET after RSET is junk.
        let idle = self.transaction == ServerTransaction::None;
        if idle {
            self.errors.junk_command(&self.config)?;
        }
        Ok(CommandOutcome::Ask(PendingQuestion::Reset, PolicyQuestion::Reset { idle }))
    }

    /// A command that makes no progress.
    fn idle_command<'a>(&mut self, command: IdleCommand) -> CommandResult<'a> {
        self.errors.junk_command(&self.config)?;
        Ok(CommandOutcome::Ask(PendingQuestion::IdleCommand(command), PolicyQuestion::IdleCommand))
    }

    fn bdat<'a>(&mut self, size: u64, last: bool) -> CommandResult<'a> {
        self.chunk.announce(size, last, self.transaction.has_chunks());
        let outcome = self.transaction.bdat(self.config.too_big(self.chunk.message()));
        if outcome.is_err() {
            self.refuse_chunk();
        }
        outcome
    }

    fn carry_out<'a>(
        &mut self,
        outcome: CommandOutcome<'a>,
        input: &'a [u8],
        used: usize,
        out: &mut Vec<u8>,
    ) -> Advance<'a> {
        match outcome {
            CommandOutcome::Ask(asked, question) => return (used, Some(self.ask(asked, question))),
            CommandOutcome::Challenge(exchange) => {
                self.config.say(BuiltinReply::plain(334, exchange.challenge()), out);
                self.state = ServerState::Auth(exchange);
            }
            CommandOutcome::ReadChunk => self.state = ServerState::Chunk,
            CommandOutcome::StartTls => {
                self.config.say(BuiltinReply::new(220, enhanced(2, 0, 0), "Ready to start TLS"), out);
                self.state = ServerState::Handshake;
                // What stands behind it is discarded: under TLS it would be mistaken for the client's.
                let injected = input.len() - used;
                self.counts.injected += injected as u64;
                return (input.len(), Some(ServerEvent::StartTls { injected }));
            }
            CommandOutcome::Quit => {
                self.config.say(BuiltinReply::new(221, enhanced(2, 0, 0), "Bye"), out);
                self.state = ServerState::Closed(ServerClose::Quit);
            }
        }
        (used, None)
    }

    fn ask<'a>(&mut self, asked: PendingQuestion, question: PolicyQuestion<'a>) -> ServerEvent<'a> {
        self.state = ServerState::Waiting(asked);
        ServerEvent::Ask(question)
    }

    /// Goes on after acceptance.
    fn accepted(&mut self, asked: PendingQuestion) {
        match asked {
            PendingQuestion::Connect | PendingQuestion::IdleCommand(_) => {}
            PendingQuestion::Hello(hello) => {
                self.transaction = ServerTransaction::None;
                self.client.introduced(hello);
            }
            PendingQuestion::Mail(open) => self.transaction = ServerTransaction::Open(open),
            PendingQuestion::Rcpt => self.transaction.rcpt_answered(true),
            PendingQuestion::Data => {
                self.body = DataReader::default();
                self.state = ServerState::Body;
            }
            PendingQuestion::Chunk => self.state = ServerState::Chunk,
            PendingQuestion::EndOfData => {
                self.transaction.close();
                self.counts.messages += 1;
                self.errors.reset();
            }
            PendingQuestion::Auth => self.client.authenticated(),
            PendingQuestion::Reset => self.transaction = ServerTransaction::None,
            PendingQuestion::XClient { login } => {
                self.client.replaced(login);
                self.transaction = ServerTransaction::None;
            }
        }
    }

    /// Goes on after a refusal.
    fn refused(&mut self, asked: PendingQuestion) {
        match asked {
            PendingQuestion::Connect => self.state = ServerState::TurnedAway,
            PendingQuestion::Mail(_) => self.transaction = ServerTransaction::MailRefused,
            PendingQuestion::Rcpt => self.transaction.rcpt_answered(false),
            PendingQuestion::Chunk => self.refuse_chunk(),
            PendingQuestion::EndOfData => self.transaction.close(),
            PendingQuestion::Hello(_)
            | PendingQuestion::Data
            | PendingQuestion::Auth
            | PendingQuestion::Reset
            | PendingQuestion::IdleCommand(_)
            | PendingQuestion::XClient { .. } => {}
        }
    }

    fn read_body<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Advance<'a> {
        let (used, piece) = self.body.next(input);
        let event = match piece {
            DataPiece::Unfinished => Some(ServerEvent::NeedInput),
            // Of a message that will be refused, nothing is handed on.
            DataPiece::Data(_) if self.config.too_big(self.body.size()) => None,
            DataPiece::Data(data) => Some(ServerEvent::Body(data)),
            DataPiece::End => Some(self.end_of_data(out)),
        };
        (used, event)
    }

    fn end_of_data<'a>(&mut self, out: &mut Vec<u8>) -> ServerEvent<'a> {
        if let Err(error) = self.config.check_message(&self.body) {
            self.state = ServerState::Command;
            self.transaction.close();
            return self.refuse(error, out);
        }
        self.ask(PendingQuestion::EndOfData, PolicyQuestion::EndOfData { size: self.body.size() })
    }

    /// The chunk is dropped as it comes, and the message with it.
    fn refuse_chunk(&mut self) {
        self.chunk.refuse();
        self.state = ServerState::Chunk;
        self.transaction.chunk_refused();
    }

    fn read_chunk<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Advance<'a> {
        let (used, piece) = self.chunk.next(input);
        let event = match piece {
            ChunkPiece::Unfinished => Some(ServerEvent::NeedInput),
            ChunkPiece::Data(data) => Some(ServerEvent::Body(data)),
            ChunkPiece::Dropped => None,
            ChunkPiece::End { last, refused } => self.end_of_chunk(last, refused, out),
        };
        (used, event)
    }

    fn end_of_chunk<'a>(&mut self, last: bool, refused: bool, out: &mut Vec<u8>) -> Option<ServerEvent<'a>> {
        self.state = ServerState::Command;
        match (last, refused) {
            (true, false) => {
                let size = self.chunk.message();
                return Some(self.ask(PendingQuestion::EndOfData, PolicyQuestion::EndOfData { size }));
            }
            (true, true) => self.transaction.close(),
            (false, false) => self.config.say(BuiltinReply::new(250, enhanced(2, 0, 0), "Chunk received"), out),
            (false, true) => {}
        }
        None
    }

    /// Refuses with the session's own reply; closes where it was one error too many.
    fn refuse<'a>(&mut self, error: ProtocolError, out: &mut Vec<u8>) -> ServerEvent<'a> {
        self.counts.errors += 1;
        self.counts.long_lines += u32::from(error == ProtocolError::LineTooLong);
        let mail_refused = self.transaction == ServerTransaction::MailRefused;
        let error = self.errors.count(error, mail_refused, &self.config);
        self.config.say(error.builtin_reply(), out);
        if matches!(error, ProtocolError::TooManyErrors | ProtocolError::TooManyJunkCommands) {
            self.state = ServerState::Closed(ServerClose::ProtocolError(error));
        }
        ServerEvent::Refused(error)
    }
}

fn xclient(attributes: XclientAttributes<'_>) -> CommandOutcome<'_> {
    let login = attributes.get(XclientAttribute::Login).is_some();
    CommandOutcome::Ask(PendingQuestion::XClient { login }, PolicyQuestion::XClient(attributes))
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
