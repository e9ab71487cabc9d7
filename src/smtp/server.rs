//! The server's end of a session (RFC 5321, section 3 and 4). It reads bytes, keeps the order of commands, and writes
//! replies; whatever is a matter of policy it asks.
//!
//! Drive it so: give [`advance`](Server::advance) the bytes that have arrived; drop as many as it says it has used; do
//! what the [`Turn`] says; do it again. Nothing of the input is kept inside: what is left over must come again, with
//! more behind it. Pipelining needs nothing else, since whatever is left of the input is the next command.
//!
//! An idle session is this value and nothing on the heap.

mod answers;
mod auth;
mod commands;
mod config;
mod greeting;
mod message;
mod turn;

use std::sync::Arc;

use super::body::Body;
use super::extension::Extension;
use super::fault::{Fault, Said};
use super::line::{Line, Lines};
use super::reply::{self, Class};
use super::sasl::Exchange;
use message::Chunk;

pub use config::Config;
pub use turn::{Answer, Closing, Counts, Question, Turn};

/// The longest line of an authentication exchange in bytes (RFC 4954, section 4).
const AUTH_LINE_MAX: usize = 12_288;

/// A session, from the greeting to the end.
#[derive(Clone, Debug)]
pub struct Server {
    config: Arc<Config>,
    state: State,
    lines: Lines,
    hello: Option<Hello>,
    tls: bool,
    authenticated: bool,
    transaction: Option<Transaction>,
    /// MAIL was refused: what was sent behind it without waiting cannot be held against the client.
    mail_refused: bool,
    body: Body,
    chunk: Chunk,
    /// Since the last message that was accepted.
    faults: u32,
    idle: u32,
    counts: Counts,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nobody was asked yet whether to greet.
    New,
    Asked(Asked),
    Command,
    /// Refused at the greeting, and open.
    TurnedAway,
    Auth(Exchange),
    Body,
    Chunk,
    Handshake,
    Closed(Closing),
}

/// What the answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Connect,
    Hello(Hello),
    Mail(Transaction),
    Rcpt,
    Data,
    Chunk,
    EndOfData,
    Auth,
    Reset,
    XClient { login: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hello {
    Helo,
    Ehlo,
}

/// What is open between MAIL and the end of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Transaction {
    accepted: u32,
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

/// How many bytes are done with, and whose turn it is; none if the session can go on by itself.
type Stepped<'a> = (usize, Option<Turn<'a>>);

/// What a command comes to.
type Outcome<'a> = Result<Option<Turn<'a>>, Fault>;

impl Server {
    /// A session whose client has just connected.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            state: State::New,
            lines: Lines::default(),
            hello: None,
            tls: false,
            authenticated: false,
            transaction: None,
            mail_refused: false,
            body: Body::default(),
            chunk: Chunk::default(),
            faults: 0,
            idle: 0,
            counts: Counts::default(),
        }
    }

    /// Goes on as far as it can; replies are appended to `out`. Says how many bytes of the input are done with, and
    /// whose turn it is. Needs an answer to its question first.
    pub fn advance<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> (usize, Turn<'a>) {
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
    pub fn answer(&mut self, answer: Answer<'_>, out: &mut Vec<u8>) {
        let State::Asked(asked) = std::mem::replace(&mut self.state, State::Command) else {
            panic!("an answer without a question");
        };
        match answer {
            Answer::Accept => self.accept(asked, None, out),
            Answer::Say { code, text, .. } if code.class() == Class::Positive && Self::has_own_frame(asked) => {
                self.accept(asked, Some(text), out);
            }
            Answer::Say { code, enhanced, text, .. } => {
                reply::write(out, code, enhanced, text);
                if code.class() == Class::Positive {
                    self.accepted(asked);
                } else {
                    self.refused(asked);
                }
            }
            Answer::Drop => self.state = State::Closed(Closing::Dropped),
        }
        if let Answer::Say { close: true, .. } = answer {
            self.state = State::Closed(Closing::Answered);
        }
    }

    /// The handshake after STARTTLS is done: nothing that was said before it holds (RFC 3207, section 4.2).
    pub fn secured(&mut self) {
        assert_eq!(self.state, State::Handshake, "a handshake nobody asked for");
        self.state = State::Command;
        self.tls = true;
        self.authenticated = false;
        self.begin_anew();
    }

    /// What it has seen so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether a transaction is open.
    pub const fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    fn step<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Stepped<'a> {
        match &self.state {
            State::New => (0, Some(self.ask(Asked::Connect, Question::Connect))),
            State::Command | State::TurnedAway | State::Auth(_) => self.read_line(input, out),
            State::Body => self.read_body(input, out),
            State::Chunk => self.read_chunk(input, out),
            State::Closed(why) => (input.len(), Some(Turn::Close(*why))),
            State::Asked(_) => panic!("a question without an answer"),
            State::Handshake => panic!("a handshake without an end"),
        }
    }

    fn read_line<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Stepped<'a> {
        let in_exchange = matches!(self.state, State::Auth(_));
        let max = if in_exchange { AUTH_LINE_MAX } else { self.config.line_max };
        let (used, line) = self.lines.next(input, max, self.config.line_ends);
        let outcome = match line {
            Line::Unfinished => return (used, Some(Turn::NeedInput)),
            Line::Whole(line) if in_exchange => self.respond(line, out),
            Line::Whole(line) => self.command(line, out),
            Line::Bare => Err(Fault::BareLineEnd),
            Line::TooLong => Err(Fault::LineTooLong),
        };
        self.counts.commands += 1;
        match outcome {
            Ok(Some(Turn::StartTls { .. })) => self.inject(input, used),
            Ok(turn) => (used, turn),
            Err(fault) => {
                if in_exchange {
                    self.state = State::Command;
                }
                (used, Some(self.fault(fault, out)))
            }
        }
    }

    /// What stands behind STARTTLS is thrown away: under TLS it would be taken for the client's word.
    fn inject<'a>(&mut self, input: &'a [u8], used: usize) -> Stepped<'a> {
        let injected = input.len() - used;
        self.counts.injected += injected as u64;
        (input.len(), Some(Turn::StartTls { injected }))
    }

    fn ask<'a>(&mut self, asked: Asked, question: Question<'a>) -> Turn<'a> {
        self.state = State::Asked(asked);
        Turn::Ask(question)
    }

    /// Whether the session's part of a positive reply remains whatever words the world has.
    fn has_own_frame(asked: Asked) -> bool {
        matches!(asked, Asked::Hello(_) | Asked::Chunk)
    }

    /// Forgets who the client said it is, and what it was about to send.
    fn begin_anew(&mut self) {
        self.hello = None;
        self.transaction = None;
        self.mail_refused = false;
    }

    fn too_idle(&mut self) -> bool {
        self.idle += 1;
        self.idle > self.config.idle_max
    }

    /// Refuses in the session's own words; closes where it was one fault too many.
    fn fault<'a>(&mut self, fault: Fault, out: &mut Vec<u8>) -> Turn<'a> {
        self.counts.faults += 1;
        self.counts.long_lines += u32::from(fault == Fault::LineTooLong);
        let forgiven = match fault {
            // What a client sends without waiting is not its fault (RFC 2920, section 3.1).
            Fault::Sequence => self.mail_refused,
            Fault::NoRecipients | Fault::TooManyRecipients | Fault::TooBig => true,
            _ => false,
        };
        self.faults += u32::from(!forgiven);
        let fault = if self.faults >= self.config.faults_max && !forgiven { Fault::TooManyFaults } else { fault };
        self.say(fault.said(), out);
        if matches!(fault, Fault::TooManyFaults | Fault::NoProgress) {
            self.state = State::Closed(Closing::Fault(fault));
        }
        Turn::Fault(fault)
    }

    fn say(&self, said: Said, out: &mut Vec<u8>) {
        let enhanced = said.enhanced.filter(|_| self.config.extensions.has(Extension::EnhancedStatusCodes));
        reply::write(out, said.code, enhanced, said.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a client's bytes to a server that accepts everything; what it wrote, and the last turn.
    fn play(config: Config, input: &[u8]) -> (String, Turn<'_>) {
        let (mut server, mut out, mut at) = (Server::new(Arc::new(config)), Vec::new(), 0);
        loop {
            let (used, turn) = server.advance(&input[at..], &mut out);
            at += used;
            match turn {
                Turn::Ask(_) => server.answer(Answer::Accept, &mut out),
                Turn::Body(_) | Turn::Fault(_) => {}
                turn => return (String::from_utf8(out).unwrap(), turn),
            }
        }
    }

    #[test]
    fn a_session_is_small() {
        assert!(size_of::<Server>() <= 256, "{} bytes", size_of::<Server>());
    }

    #[test]
    fn a_pipelined_session_runs_to_its_end() {
        let input =
            b"EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n";
        let (out, turn) = play(Config::default(), input);
        let codes: Vec<&str> = out.lines().map(|line| &line[..4]).collect();
        assert_eq!(codes.join(""), "220 250-250-250-250-250-250-250 250 250 354 250 221 ", "{out}");
        assert_eq!(turn, Turn::Close(Closing::Quit));
    }
}
