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
mod recipient_replies;
mod transact;
mod transaction;

use super::extension::Extension;
use super::reply::{Class, Code, ReceivedReply, ReplyError, ReplyReader};
use super::stage::Stage;
pub use capabilities::Capabilities;
use recipient_replies::RecipientReplies;
pub use recipient_replies::RecipientReply;
pub use transaction::Transaction;
use transaction::{PendingCommands, TransactionState};

/// A session, from the greeting to the end.
#[derive(Clone, Debug)]
pub struct ClientSession {
    name: Box<str>,
    tls: UseTls,
    secured: bool,
    state: ClientState,
    reader: ReplyReader,
    offers: Capabilities,
    script: PendingCommands,
    plan: TransactionState,
    results: RecipientReplies,
    /// RSET was sent to end the transaction, which is not over before it is answered.
    resetting: bool,
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

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionStep {
    /// The connection itself.
    Connect,
    /// EHLO.
    Ehlo,
    /// HELO, after EHLO was not understood.
    Helo,
    /// STARTTLS.
    StartTls,
    /// MAIL.
    Mail,
    /// RCPT, by the recipient's number in the transaction.
    Rcpt(usize),
    /// DATA.
    Data,
    /// End of data, or the last chunk.
    EndOfData,
    /// RSET.
    Reset,
    /// QUIT.
    Quit,
    /// Nothing: the server spoke unasked.
    Unsolicited,
}

impl SessionStep {
    /// The stage of the session it belongs to.
    pub const fn stage(self) -> Option<Stage> {
        match self {
            Self::Connect => Some(Stage::Connect),
            Self::Ehlo | Self::Helo => Some(Stage::Ehlo),
            Self::Mail => Some(Stage::Mail),
            Self::Rcpt(_) => Some(Stage::Rcpt),
            Self::Data => Some(Stage::Data),
            Self::EndOfData => Some(Stage::EndOfData),
            Self::StartTls | Self::Reset | Self::Quit | Self::Unsolicited => None,
        }
    }
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
            script: PendingCommands::default(),
            plan: TransactionState::default(),
            results: RecipientReplies::default(),
            resetting: false,
        }
    }

    /// Goes on as far as it can; commands are appended to `out`. Says how many bytes of the input are done with, and
    /// what happened.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, ClientEvent<'_>) {
        let step = match self.state {
            ClientState::Awaiting(step) => step,
            ClientState::Idle => SessionStep::Unsolicited,
            ClientState::Handshake => return (0, ClientEvent::StartTls),
            ClientState::Body => return (0, ClientEvent::SendBody { dotted: !self.plan.chunked }),
            ClientState::Closed(end) => return (input.len(), ClientEvent::Close(end)),
            ClientState::Done => {
                self.state = ClientState::Idle;
                return (0, ClientEvent::Done);
            }
        };
        let used = match self.reader.scan(input) {
            Ok(used) => used,
            Err(error) => {
                self.state = ClientState::Closed(ClientClose::Broken(error));
                return (input.len(), ClientEvent::Close(ClientClose::Broken(error)));
            }
        };
        let Some(code) = self.reader.received().map(|reply| reply.code) else {
            return (used, if self.state == ClientState::Idle { ClientEvent::Idle } else { ClientEvent::NeedInput });
        };
        self.replied(step, code, out);
        if self.state == ClientState::Handshake && used < input.len() {
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
        self.results.begin(transaction.recipients.len());
        self.plan = transaction.plan(&self.offers);
        self.script.write(transaction, &self.offers, &self.plan);
        if self.plan.pipelined {
            self.script.all(out);
        } else {
            self.script.next(out);
        }
        // With BDAT the message is part of the group.
        let ahead = self.plan.pipelined && self.plan.chunked;
        self.state = if ahead { ClientState::Body } else { ClientState::Awaiting(SessionStep::Mail) };
    }

    /// The message was sent.
    pub fn body_sent(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, ClientState::Body, "a message nobody asked for");
        if !self.plan.chunked {
            out.extend_from_slice(b".\r\n");
        }
        let ahead = self.plan.pipelined && self.plan.chunked;
        self.state = ClientState::Awaiting(if ahead { SessionStep::Mail } else { SessionStep::EndOfData });
    }

    /// The handshake is done: what the server offered before it does not hold (RFC 3207, section 4.2).
    pub fn secured(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, ClientState::Handshake, "a handshake nobody asked for");
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
        self.results.iter()
    }

    /// Goes on after the reply that was just read.
    fn replied(&mut self, step: SessionStep, code: Code, out: &mut Vec<u8>) {
        if code.get() == 421 {
            self.decide(step);
            self.state = ClientState::Closed(ClientClose::ServiceClosing(step));
            return;
        }
        let asks_for_data = code.get() / 100 == 3;
        if step == SessionStep::Unsolicited
            || (code.class() == Class::Positive && asks_for_data != (step == SessionStep::Data))
        {
            self.state = ClientState::Closed(ClientClose::Unexpected(step, code));
            return;
        }
        match step {
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
            SessionStep::Mail | SessionStep::Rcpt(_) | SessionStep::Data | SessionStep::EndOfData => {
                self.transact(step, code.class(), out);
            }
            SessionStep::Unsolicited => {}
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

    /// The reply that was just read decides about all recipients that are open.
    fn decide(&mut self, step: SessionStep) {
        if let (Some(stage), Some(reply)) = (step.stage(), self.reader.received()) {
            self.results.rest(stage, &reply);
        }
    }
}

#[cfg(test)]
mod tests;
