//! The client's end of a session (RFC 5321, section 3): what it says next, which command a reply answers, and what
//! became of each recipient.
//!
//! To drive it: give [`advance`](ClientSession::advance) the bytes that have arrived; drop as many as it says it has
//! used; do what the [`ClientEvent`] says; do it again. What is left of the input must come again, with more behind it.
//! Before waiting for input, send what was written. [`awaiting`](ClientSession::awaiting) says which command's time-out
//! runs.
//!
//! A server that closes without a reply is the caller's to notice; [`results`](ClientSession::results) can be read at
//! any time.

mod capabilities;
mod exchange;
mod recipient_replies;
mod session_step;
mod transaction;
mod violation;

use super::extension::Extension;
use super::reply::{Class, Code, ReceivedReply, Reply, ReplyError, ReplyReader};
use exchange::{NextInTransaction, TransactionExchange};

pub use capabilities::Capabilities;
pub use recipient_replies::RecipientReply;
pub use session_step::SessionStep;
pub use transaction::Transaction;
pub use violation::{Violation, printable_line};

/// A session, from the greeting to the end.
#[derive(Clone, Debug)]
pub struct ClientSession {
    name: Box<str>,
    tls: UseTls,
    secured: bool,
    state: ClientState,
    reader: ReplyReader,
    offers: Capabilities,
    transaction: TransactionExchange,
    /// RSET was sent to end the transaction, which is not over before it is answered.
    resetting: bool,
    violation: Option<Box<Violation>>,
}

/// Whether STARTTLS is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UseTls {
    /// The session stays in the clear, whatever is offered.
    #[default]
    Never,
    /// Where it is offered; if the server then refuses, the session goes on in the clear.
    May,
    /// Always; the session ends where it is not to be had.
    Must,
}

/// What happened, or what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEvent<'c> {
    /// Send what was written, and read.
    NeedInput,
    /// A reply came.
    Replied {
        /// The step that the reply answers.
        to: SessionStep,
        /// The whole reply, all of its lines.
        reply: ReceivedReply<'c>,
    },
    /// Shake hands, then say [`secured`](ClientSession::secured).
    StartTls,
    /// Send what was written and the message, then say [`body_sent`](ClientSession::body_sent).
    SendBody {
        /// As lines, dot-stuffed, and a line end at the end; else as it is, exactly
        /// as many bytes as were announced.
        dotted: bool,
    },
    /// The transaction is over: the results are there.
    Done,
    /// Nothing is under way: begin a transaction, reset, quit or wait.
    Idle,
    /// Send what was written and close.
    Close(ClientClose),
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientClose {
    /// QUIT was answered.
    Quit,
    /// The server wants no session: it refused this step.
    Refused(SessionStep),
    /// 421 in reply to this step: the server closes.
    ServiceClosing(SessionStep),
    /// TLS is a must, and not offered or refused.
    NoTls,
    /// Bytes came behind the reply to STARTTLS, to be taken for what is said under TLS.
    Injected,
    /// A code that does not answer this step.
    Unexpected(SessionStep, Code),
    /// What the server says is no reply.
    Broken(ReplyError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientState {
    Awaiting(SessionStep),
    Handshake,
    Body,
    Done,
    Idle,
    Closed(ClientClose),
}

impl ClientSession {
    /// A session that has just connected, and the name the client gives with EHLO.
    pub fn new(name: &str, tls: UseTls) -> Self {
        Self {
            name: name.into(),
            tls,
            secured: false,
            state: ClientState::Awaiting(SessionStep::Connect),
            reader: ReplyReader::default(),
            offers: Capabilities::default(),
            transaction: TransactionExchange::default(),
            resetting: false,
            violation: None,
        }
    }

    /// Goes on as far as it can; commands are appended to `out`. Says how many bytes of the input are done with, and
    /// what happened.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, ClientEvent<'_>) {
        let step = match self.state {
            ClientState::Awaiting(step) => step,
            ClientState::Idle => SessionStep::Unsolicited,
            ClientState::Handshake => return (0, ClientEvent::StartTls),
            ClientState::Body => return (0, ClientEvent::SendBody { dotted: self.transaction.is_dotted() }),
            ClientState::Closed(end) => return (input.len(), ClientEvent::Close(end)),
            ClientState::Done => {
                self.state = ClientState::Idle;
                return (0, ClientEvent::Done);
            }
        };
        let used = match self.reader.scan(input) {
            Ok(used) => used,
            Err(error) => {
                self.violated(Violation::no_reply(step, error, self.reader.offending_line()));
                self.state = ClientState::Closed(ClientClose::Broken(error));
                return (input.len(), ClientEvent::Close(ClientClose::Broken(error)));
            }
        };
        if self.reader.received().is_none() {
            return (used, if self.state == ClientState::Idle { ClientEvent::Idle } else { ClientEvent::NeedInput });
        }
        self.replied(step, out);
        if self.state == ClientState::Handshake && used < input.len() {
            self.violated(Violation::injected(&input[used..]));
            self.state = ClientState::Closed(ClientClose::Injected);
        }
        match self.reader.received() {
            Some(reply) => (used, ClientEvent::Replied { to: step, reply }),
            None => (used, ClientEvent::NeedInput),
        }
    }

    /// Begins a transaction. Only when idle, and with one recipient at least.
    pub fn begin(&mut self, transaction: &Transaction<'_>, out: &mut Vec<u8>) {
        assert_eq!(self.state, ClientState::Idle, "a transaction in the midst of something");
        assert!(!transaction.recipients.is_empty(), "a transaction without recipients");
        let next = self.transaction.begin(transaction, &self.offers, out);
        self.go_on(next, out);
    }

    /// The message was sent.
    pub fn body_sent(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, ClientState::Body, "a message not asked for");
        self.state = ClientState::Awaiting(self.transaction.body_sent(out));
    }

    /// The handshake is done: what the server offered before it does not hold (RFC 3207, section 4.2).
    pub fn secured(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, ClientState::Handshake, "a handshake not asked for");
        self.secured = true;
        self.offers = Capabilities::default();
        self.say_hello(SessionStep::Ehlo, out);
    }

    /// Sends RSET. Only when idle.
    pub fn reset(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, ClientState::Idle, "RSET in the midst of something");
        self.say(b"RSET\r\n", SessionStep::Reset, out);
    }

    /// Sends QUIT. Only when idle.
    pub fn quit(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, ClientState::Idle, "QUIT in the midst of something");
        self.say(b"QUIT\r\n", SessionStep::Quit, out);
    }

    /// What the server offers.
    pub const fn offers(&self) -> &Capabilities {
        &self.offers
    }

    /// The step whose reply is due.
    pub const fn awaiting(&self) -> Option<SessionStep> {
        match self.state {
            ClientState::Awaiting(step) => Some(step),
            _ => None,
        }
    }

    /// What became of each recipient of the last transaction, in their order; `None` where it is not decided, and never
    /// will be if the connection is gone.
    pub fn results(&self) -> impl ExactSizeIterator<Item = Option<RecipientReply<'_>>> {
        self.transaction.results().iter()
    }

    /// What the server did against the protocol, if that is how the session ended.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_deref()
    }

    fn violated(&mut self, violation: Violation) {
        self.violation = Some(Box::new(violation));
    }

    /// Goes on after the reply that was just read.
    fn replied(&mut self, step: SessionStep, out: &mut Vec<u8>) {
        let reply = self.reader.received().expect("a reply was read");
        let code = reply.code;
        if code.get() == 421 {
            // It decides about all recipients that are open.
            if let Some(stage) = step.stage() {
                self.transaction.decide(stage, &reply);
            }
            self.state = ClientState::Closed(ClientClose::ServiceClosing(step));
            return;
        }
        let asks_for_data = code.get() / 100 == 3;
        if code.class() == Class::Positive && asks_for_data != (step == SessionStep::Data) {
            let said = reply.to_reply();
            return self.unexpected(step, &said);
        }
        match step {
            SessionStep::Unsolicited => {
                let said = reply.to_reply();
                self.unexpected(step, &said);
            }
            SessionStep::Connect if code.class() == Class::Positive => self.say_hello(SessionStep::Ehlo, out),
            SessionStep::Ehlo if code.class() == Class::Permanent => self.say_hello(SessionStep::Helo, out),
            SessionStep::Ehlo | SessionStep::Helo if code.class() == Class::Positive => self.welcomed(step, out),
            SessionStep::Connect | SessionStep::Ehlo | SessionStep::Helo => {
                self.give_up(ClientClose::Refused(step), out);
            }
            SessionStep::StartTls if code.class() == Class::Positive => self.state = ClientState::Handshake,
            SessionStep::StartTls if self.tls == UseTls::Must => self.give_up(ClientClose::NoTls, out),
            SessionStep::Reset if std::mem::take(&mut self.resetting) => self.state = ClientState::Done,
            SessionStep::StartTls | SessionStep::Reset => self.state = ClientState::Idle,
            SessionStep::Quit => self.state = ClientState::Closed(ClientClose::Quit),
            SessionStep::Mail => {
                let next = self.transaction.mail(&reply, out);
                self.go_on(next, out);
            }
            SessionStep::Rcpt(n) => {
                let next = self.transaction.rcpt(n, &reply, out);
                self.go_on(next, out);
            }
            SessionStep::Data => {
                let next = self.transaction.data(&reply, out);
                self.go_on(next, out);
            }
            SessionStep::EndOfData => {
                let next = self.transaction.end_of_data(&reply);
                self.go_on(next, out);
            }
        }
    }

    /// A reply that does not answer the step.
    fn unexpected(&mut self, step: SessionStep, said: &Reply) {
        self.violated(Violation::unexpected(step, &said.to_string()));
        self.state = ClientState::Closed(ClientClose::Unexpected(step, said.code));
    }

    fn go_on(&mut self, next: NextInTransaction, out: &mut Vec<u8>) {
        match next {
            NextInTransaction::Await(step) => self.state = ClientState::Awaiting(step),
            NextInTransaction::SendBody => self.state = ClientState::Body,
            NextInTransaction::Reset => {
                self.resetting = true;
                self.say(b"RSET\r\n", SessionStep::Reset, out);
            }
            NextInTransaction::Done => self.state = ClientState::Done,
        }
    }

    fn welcomed(&mut self, step: SessionStep, out: &mut Vec<u8>) {
        if let Some(reply) = self.reader.received().filter(|_| step == SessionStep::Ehlo) {
            self.offers = Capabilities::parse(reply.text);
        }
        let offered = self.offers.has(Extension::StartTls);
        match self.tls {
            _ if self.secured => self.state = ClientState::Idle,
            UseTls::May | UseTls::Must if offered => self.say(b"STARTTLS\r\n", SessionStep::StartTls, out),
            UseTls::Must => self.give_up(ClientClose::NoTls, out),
            UseTls::May | UseTls::Never => self.state = ClientState::Idle,
        }
    }

    fn say_hello(&mut self, step: SessionStep, out: &mut Vec<u8>) {
        out.extend_from_slice(if step == SessionStep::Ehlo { b"EHLO " } else { b"HELO " });
        out.extend_from_slice(self.name.as_bytes());
        self.say(b"\r\n", step, out);
    }

    fn say(&mut self, bytes: &[u8], step: SessionStep, out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        self.state = ClientState::Awaiting(step);
    }

    /// Sends QUIT and does not wait for the reply.
    fn give_up(&mut self, end: ClientClose, out: &mut Vec<u8>) {
        out.extend_from_slice(b"QUIT\r\n");
        self.state = ClientState::Closed(end);
    }
}

#[cfg(test)]
mod tests;
