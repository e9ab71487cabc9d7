//! How a session talks to its caller: events, questions to the policy, and the answers.

use super::super::parameter::{MailCommand, RcptCommand};
use super::super::protocol_error::ProtocolError;
use super::super::reply::{Code, EnhancedCode, Reply};
use super::super::sasl::Credentials;
use super::super::stage::Stage;
use super::super::xclient::XclientAttributes;

/// What the caller has to do, after the session went on as far as it could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent<'a> {
    /// Nothing more can be read: send what was written, then append to what was left of the input.
    NeedInput,
    /// The policy decides; give the answer before anything else.
    Ask(PolicyQuestion<'a>),
    /// A piece of the message, without the transparency dots.
    Body(&'a [u8]),
    /// The session refused something by itself; the reply is written. Where it was a message, the transaction is over
    /// without [`PolicyQuestion::EndOfData`]; [`due`](super::ServerSession::due) tells.
    Refused(ProtocolError),
    /// Send what was written, shake hands, then say [`secured`](super::ServerSession::secured).
    StartTls {
        /// Bytes that were sent in the clear after STARTTLS, to be mistaken for input under TLS. They were discarded.
        injected: usize,
    },
    /// Send what was written and close. All further input is ignored.
    Close(ServerClose),
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerClose {
    /// The client said QUIT.
    Quit,
    /// The policy answered with a reply that closes.
    Answered,
    /// The policy answered by dropping the connection.
    Dropped,
    /// Too many protocol errors or junk commands.
    ProtocolError(ProtocolError),
}

/// What the policy is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyQuestion<'a> {
    /// A client is there. Refused without closing, it may only say QUIT (RFC 5321, section 3.1).
    Connect,
    /// EHLO or HELO; accepted, it ends an open transaction.
    Hello {
        /// The client's name, as it gave it.
        name: &'a str,
        /// Whether it was EHLO, and not HELO.
        extended: bool,
        /// Whether it has said so before, so that this does nothing for a message.
        again: bool,
    },
    /// MAIL: a transaction begins.
    Mail(MailCommand<'a>),
    /// RCPT: a recipient is named.
    Rcpt(RcptCommand<'a>),
    /// A message is about to come.
    Data {
        /// With BDAT: it is coming already, and comes even if it is refused.
        chunked: bool,
    },
    /// The message is there. Whatever is answered, the transaction is over.
    EndOfData {
        /// Bytes of the message, transparency dots left out.
        size: u64,
    },
    /// The client authenticates as a user.
    Auth(Credentials),
    /// RSET: an open transaction ends.
    Reset {
        /// Whether there is none, so that this does nothing for a message.
        idle: bool,
    },
    /// NOOP, HELP or VRFY: nothing is done for a message.
    IdleCommand,
    /// The client stands for another client from here on. Accepted, the session starts over with the greeting, without
    /// [`Connect`](Self::Connect) being asked: a policy that would not greet this client refuses here, and closes.
    XClient(XclientAttributes<'a>),
}

impl PolicyQuestion<'_> {
    /// The stage at which it is asked; none for what a policy has no stage for.
    pub const fn stage(&self) -> Option<Stage> {
        match self {
            Self::Connect => Some(Stage::Connect),
            Self::Hello { .. } => Some(Stage::Ehlo),
            Self::Mail(_) => Some(Stage::Mail),
            Self::Rcpt(_) => Some(Stage::Rcpt),
            Self::Data { .. } => Some(Stage::Data),
            Self::EndOfData { .. } => Some(Stage::EndOfData),
            Self::Auth(_) | Self::Reset { .. } | Self::IdleCommand | Self::XClient(_) => None,
        }
    }
}

/// What the policy answers, in the terms of the session: which reply to write, and whether to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyAnswer<'a> {
    /// Accepted, with the session's own reply.
    Accept,
    /// Accepted or refused, as the code says, with this reply. At EHLO the first line of a positive reply takes the
    /// place of the host's name.
    Say {
        /// The three-digit code; it also says whether the command is accepted.
        code: Code,
        /// The enhanced status code in front of the text.
        enhanced: Option<EnhancedCode>,
        /// The text; `\n` parts lines.
        text: &'a str,
        /// Whether the connection is closed after the reply.
        close: bool,
    },
    /// No reply: the connection is closed.
    Drop,
}

impl<'a> PolicyAnswer<'a> {
    /// A reply that has no placeholders, or whose placeholders may stand.
    pub fn reply(reply: &'a Reply, close: bool) -> Self {
        Self::Say { code: reply.code, enhanced: reply.enhanced, text: &reply.text, close }
    }
}

/// What a session has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Lines, also those that were no commands.
    pub commands: u32,
    /// Messages that were accepted.
    pub messages: u32,
    /// Refusals of the session's own.
    pub errors: u32,
    /// Lines that were too long.
    pub long_lines: u32,
    /// Bytes sent in the clear behind STARTTLS, to be mistaken for input under TLS.
    pub injected: u64,
}
