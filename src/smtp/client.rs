//! The client's end of a session (RFC 5321, section 3): what it says next, which command a reply answers, and what
//! became of each recipient.
//!
//! Drive it so: give [`advance`](Client::advance) the bytes that have arrived; drop as many as it says it has used; do
//! what the [`Event`] says; do it again. What is left of the input must come again, with more behind it. Before waiting
//! for input, send what was written. [`awaiting`](Client::awaiting) says which command's time-out runs.
//!
//! A server that closes without a word is the caller's to notice; [`results`](Client::results) can be read at any time.

mod offers;
mod results;
mod transaction;

use super::extension::Extension;
use super::reply::{Class, Code, Received, ReplyError, ReplyReader};
use super::stage::Stage;
pub use offers::Offers;
pub use results::Fate;
use results::Results;
pub use transaction::Transaction;
use transaction::{Plan, Script};

/// A session, from the greeting to the end.
#[derive(Clone, Debug)]
pub struct Client {
    name: Box<str>,
    tls: UseTls,
    secured: bool,
    state: State,
    reader: ReplyReader,
    offers: Offers,
    script: Script,
    plan: Plan,
    results: Results,
    /// RSET was said to end the transaction, which is not over before it is answered.
    resetting: bool,
}

/// Whether STARTTLS is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UseTls {
    /// Never.
    #[default]
    Never,
    /// Where it is offered; if the server then refuses, the session goes on in the clear.
    May,
    /// Always; the session ends where it is not to be had.
    Must,
}

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
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
    /// The dot, or the last chunk.
    EndOfData,
    /// RSET.
    Reset,
    /// QUIT.
    Quit,
    /// Nothing: the server spoke unasked.
    Unasked,
}

impl Step {
    /// The stage of the session it belongs to.
    pub const fn stage(self) -> Option<Stage> {
        match self {
            Self::Connect => Some(Stage::Connect),
            Self::Ehlo | Self::Helo => Some(Stage::Ehlo),
            Self::Mail => Some(Stage::Mail),
            Self::Rcpt(_) => Some(Stage::Rcpt),
            Self::Data => Some(Stage::Data),
            Self::EndOfData => Some(Stage::EndOfData),
            Self::StartTls | Self::Reset | Self::Quit | Self::Unasked => None,
        }
    }
}

/// What happened, or what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'c> {
    /// Send what was written, and read.
    NeedInput,
    /// A reply came.
    Replied {
        /// To what.
        to: Step,
        /// The reply.
        reply: Received<'c>,
    },
    /// Shake hands, then say [`secured`](Client::secured).
    StartTls,
    /// Send what was written and the message, then say [`body_sent`](Client::body_sent).
    SendBody {
        /// As lines, with dots put before those that begin with one, and a line end at the end; else as it is, exactly
        /// as many bytes as were announced.
        dotted: bool,
    },
    /// The transaction is over: the results are there.
    Done,
    /// Nothing is under way: begin a transaction, reset, quit or wait.
    Idle,
    /// Send what was written and close.
    Close(End),
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// QUIT was answered.
    Quit,
    /// The server wants no session: it refused this step.
    Refused(Step),
    /// 421 in reply to this step: the server closes.
    ServiceClosing(Step),
    /// TLS is a must, and not offered or refused.
    NoTls,
    /// Bytes came behind the reply to STARTTLS, to be taken for what is said under TLS.
    Injected,
    /// A code that does not answer this step.
    Unexpected(Step, Code),
    /// What the server says is no reply.
    Broken(ReplyError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Awaiting(Step),
    Handshake,
    Body,
    Done,
    Idle,
    Closed(End),
}

impl Client {
    /// A session that has just connected, and the name the client gives with EHLO.
    pub fn new(name: &str, tls: UseTls) -> Self {
        Self {
            name: name.into(),
            tls,
            secured: false,
            state: State::Awaiting(Step::Connect),
            reader: ReplyReader::default(),
            offers: Offers::default(),
            script: Script::default(),
            plan: Plan::default(),
            results: Results::default(),
            resetting: false,
        }
    }

    /// Goes on as far as it can; commands are appended to `out`. Says how many bytes of the input are done with, and
    /// what happened.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Event<'_>) {
        let step = match self.state {
            State::Awaiting(step) => step,
            State::Idle => Step::Unasked,
            State::Handshake => return (0, Event::StartTls),
            State::Body => return (0, Event::SendBody { dotted: !self.plan.chunked }),
            State::Closed(end) => return (input.len(), Event::Close(end)),
            State::Done => {
                self.state = State::Idle;
                return (0, Event::Done);
            }
        };
        let used = match self.reader.scan(input) {
            Ok(used) => used,
            Err(error) => {
                self.state = State::Closed(End::Broken(error));
                return (input.len(), Event::Close(End::Broken(error)));
            }
        };
        let Some(code) = self.reader.received().map(|reply| reply.code) else {
            return (used, if self.state == State::Idle { Event::Idle } else { Event::NeedInput });
        };
        self.replied(step, code, out);
        if self.state == State::Handshake && used < input.len() {
            self.state = State::Closed(End::Injected);
        }
        match self.reader.received() {
            Some(reply) => (used, Event::Replied { to: step, reply }),
            None => (used, Event::NeedInput),
        }
    }

    /// Begins a transaction. Only when idle, and with one recipient at least.
    pub fn begin(&mut self, transaction: &Transaction<'_>, out: &mut Vec<u8>) {
        assert_eq!(self.state, State::Idle, "a transaction in the midst of something");
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
        self.state = if ahead { State::Body } else { State::Awaiting(Step::Mail) };
    }

    /// The message was sent.
    pub fn body_sent(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, State::Body, "a message nobody asked for");
        if !self.plan.chunked {
            out.extend_from_slice(b".\r\n");
        }
        let ahead = self.plan.pipelined && self.plan.chunked;
        self.state = State::Awaiting(if ahead { Step::Mail } else { Step::EndOfData });
    }

    /// The handshake is done: what the server offered before it does not hold (RFC 3207, section 4.2).
    pub fn secured(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, State::Handshake, "a handshake nobody asked for");
        self.secured = true;
        self.offers = Offers::default();
        self.say_hello(Step::Ehlo, out);
    }

    /// Says RSET. Only when idle.
    pub fn reset(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, State::Idle, "RSET in the midst of something");
        self.say(b"RSET\r\n", Step::Reset, out);
    }

    /// Says QUIT. Only when idle.
    pub fn quit(&mut self, out: &mut Vec<u8>) {
        assert_eq!(self.state, State::Idle, "QUIT in the midst of something");
        self.say(b"QUIT\r\n", Step::Quit, out);
    }

    /// What the server offers.
    pub const fn offers(&self) -> &Offers {
        &self.offers
    }

    /// The step whose reply is due.
    pub const fn awaiting(&self) -> Option<Step> {
        match self.state {
            State::Awaiting(step) => Some(step),
            _ => None,
        }
    }

    /// What became of each recipient of the last transaction, in their order; `None` where it is not decided, and never
    /// will be if the connection is gone.
    pub fn results(&self) -> impl ExactSizeIterator<Item = Option<Fate<'_>>> {
        self.results.iter()
    }

    /// Goes on after the reply that was just read.
    fn replied(&mut self, step: Step, code: Code, out: &mut Vec<u8>) {
        if code.get() == 421 {
            self.decide(step);
            self.state = State::Closed(End::ServiceClosing(step));
            return;
        }
        let asks_for_data = code.get() / 100 == 3;
        if step == Step::Unasked || (code.class() == Class::Positive && asks_for_data != (step == Step::Data)) {
            self.state = State::Closed(End::Unexpected(step, code));
            return;
        }
        match step {
            Step::Connect if code.class() == Class::Positive => self.say_hello(Step::Ehlo, out),
            Step::Ehlo if code.class() == Class::Permanent => self.say_hello(Step::Helo, out),
            Step::Ehlo | Step::Helo if code.class() == Class::Positive => self.welcomed(step, out),
            Step::Connect | Step::Ehlo | Step::Helo => self.give_up(End::Refused(step), out),
            Step::StartTls if code.class() == Class::Positive => self.state = State::Handshake,
            Step::StartTls if self.tls == UseTls::Must => self.give_up(End::NoTls, out),
            Step::Reset if std::mem::take(&mut self.resetting) => self.state = State::Done,
            Step::StartTls | Step::Reset => self.state = State::Idle,
            Step::Quit => self.state = State::Closed(End::Quit),
            Step::Mail | Step::Rcpt(_) | Step::Data | Step::EndOfData => self.transact(step, code.class(), out),
            Step::Unasked => {}
        }
    }

    fn welcomed(&mut self, step: Step, out: &mut Vec<u8>) {
        if let Some(reply) = self.reader.received().filter(|_| step == Step::Ehlo) {
            self.offers = Offers::parse(reply.text);
        }
        let offered = self.offers.has(Extension::StartTls);
        match self.tls {
            _ if self.secured => self.state = State::Idle,
            UseTls::May | UseTls::Must if offered => self.say(b"STARTTLS\r\n", Step::StartTls, out),
            UseTls::Must => self.give_up(End::NoTls, out),
            UseTls::May | UseTls::Never => self.state = State::Idle,
        }
    }

    fn say_hello(&mut self, step: Step, out: &mut Vec<u8>) {
        out.extend_from_slice(if step == Step::Ehlo { b"EHLO " } else { b"HELO " });
        out.extend_from_slice(self.name.as_bytes());
        self.say(b"\r\n", step, out);
    }

    fn say(&mut self, bytes: &[u8], step: Step, out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        self.state = State::Awaiting(step);
    }

    /// Says QUIT and does not wait for the reply.
    fn give_up(&mut self, end: End, out: &mut Vec<u8>) {
        out.extend_from_slice(b"QUIT\r\n");
        self.state = State::Closed(end);
    }

    /// The reply that was just read decides about all recipients that are open.
    fn decide(&mut self, step: Step) {
        if let (Some(stage), Some(reply)) = (step.stage(), self.reader.received()) {
            self.results.rest(stage, &reply);
        }
    }
}

#[cfg(test)]
mod tests;
