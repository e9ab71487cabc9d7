//! How a session talks to the world: turns, questions and answers.

use super::super::parameter::{MailCommand, RcptCommand};
use super::super::protocol_error::ProtocolError;
use super::super::reply::{Code, EnhancedCode, Reply};
use super::super::sasl::Credentials;
use super::super::stage::Stage;
use super::super::xclient::XclientAttributes;

/// Whose turn it is, after the session went on as far as it could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent<'a> {
    /// Nothing more can be read: send what was written, then append to what was left of the input.
    NeedInput,
    /// The world decides; give the answer before anything else.
    Ask(PolicyQuestion<'a>),
    /// A piece of the message, as it was before dots were put before its lines.
    Body(&'a [u8]),
    /// The session refused something by itself; the reply is written. Where it was a message, the transaction is over
    /// without [`PolicyQuestion::EndOfData`]; [`in_transaction`](super::Server::in_transaction) tells.
    Refused(ProtocolError),
    /// Send what was written, shake hands, then say [`secured`](super::Server::secured).
    StartTls {
        /// Bytes that were sent in the clear after STARTTLS, to be taken for what was said under TLS. They are gone.
        injected: usize,
    },
    /// Send what was written and close. All that is said from here on is ignored.
    Close(ServerClose),
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerClose {
    /// The client said QUIT.
    Quit,
    /// The world answered with a reply that closes.
    Answered,
    /// The world answered by dropping the connection.
    Dropped,
    /// The session bore enough.
    ProtocolError(ProtocolError),
}

/// What the world is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyQuestion<'a> {
    /// A client is there. Refused without closing, it may only say QUIT (RFC 5321, section 3.1).
    Connect,
    /// EHLO or HELO; accepted, it ends an open transaction.
    Hello {
        /// The client's name, as it gave it.
        name: &'a str,
        /// EHLO.
        extended: bool,
    },
    /// A transaction begins.
    Mail(MailCommand<'a>),
    /// A recipient.
    Rcpt(RcptCommand<'a>),
    /// A message is about to come.
    Data {
        /// With BDAT: it is coming already, and comes even if it is refused.
        chunked: bool,
    },
    /// The message is there. Whatever is answered, the transaction is over.
    EndOfData {
        /// Its bytes.
        size: u64,
    },
    /// Somebody claims to be somebody.
    Auth(Credentials),
    /// RSET: an open transaction ends.
    Reset,
    /// The client stands for somebody else from here on. Accepted, the session begins anew with the greeting, without
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
            Self::Auth(_) | Self::Reset | Self::XClient(_) => None,
        }
    }
}

/// What the world says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyAnswer<'a> {
    /// Yes, in the session's own words.
    Accept,
    /// Yes or no, as the code says, in these words. At EHLO the first line of a yes takes the place of the host's name.
    Say {
        /// The code.
        code: Code,
        /// The enhanced code.
        enhanced: Option<EnhancedCode>,
        /// The text; `\n` parts lines.
        text: &'a str,
        /// Close after it.
        close: bool,
    },
    /// Nothing, and close.
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
    /// Bytes said in the clear to be taken for said under TLS.
    pub injected: u64,
}
