//! What a session refuses by itself, before any policy is asked: broken commands, a wrong order, what the server
//! said it would not take. Each has its reply.

use super::address::AddressError;
use super::command_error::CommandError;
use super::reply::{Code, EnhancedCode, Reply};

/// What a client did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A line that is no command.
    #[error(transparent)]
    Command(CommandError),
    /// A line longer than the limit.
    #[error("line too long")]
    LineTooLong,
    /// A command line that a bare LF ended.
    #[error("bare LF ends a command")]
    BareLineEnd,
    /// A command out of sequence.
    #[error("bad sequence of commands")]
    Sequence,
    /// DATA or BDAT after none but refused recipients.
    #[error("no valid recipients")]
    NoRecipients,
    /// More recipients than the server takes in a transaction.
    #[error("too many recipients")]
    TooManyRecipients,
    /// A message that is too big, by its announcement or in fact.
    #[error("message too big")]
    TooBig,
    /// A CR or LF that stood alone in a message.
    #[error("bare CR or LF in a message")]
    BareLineEndInMessage,
    /// A non-ASCII recipient in a transaction without SMTPUTF8.
    #[error("non-ASCII recipient without SMTPUTF8")]
    SmtpUtf8Required,
    /// MAIL before STARTTLS, where TLS is a must.
    #[error("TLS needed")]
    TlsRequired,
    /// MAIL before AUTH, where that is a must.
    #[error("authentication needed")]
    AuthRequired,
    /// AUTH in the clear, where that is not allowed.
    #[error("authentication needs TLS")]
    AuthWithoutTls,
    /// A mechanism that is not offered.
    #[error("unknown authentication mechanism")]
    Mechanism,
    /// A response of the exchange is not what the mechanism wants.
    #[error("broken authentication exchange")]
    SaslExchange,
    /// A name or password that is wrong (RFC 4954, section 6).
    #[error("wrong name or password")]
    Credentials,
    /// The client gave up authentication with `*`.
    #[error("authentication cancelled")]
    Cancelled,
    /// EXPN.
    #[error("command not implemented")]
    NotImplemented,
    /// More errors than the server tolerates; the session is closed.
    #[error("too many errors")]
    TooManyErrors,
    /// More junk commands than the server tolerates; the session is closed.
    #[error("too many commands without progress")]
    TooManyJunkCommands,
}

/// A reply that the session gives by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BuiltinReply {
    pub(super) code: Code,
    /// Empty where no enhanced code belongs (RFC 2034, section 4).
    pub(super) enhanced: Option<EnhancedCode>,
    pub(super) text: &'static str,
}

impl BuiltinReply {
    pub(super) const fn new(code: u16, enhanced: EnhancedCode, text: &'static str) -> Self {
        Self { code: Code::literal(code), enhanced: Some(enhanced), text }
    }

    pub(super) const fn plain(code: u16, text: &'static str) -> Self {
        Self { code: Code::literal(code), enhanced: None, text }
    }
}

/// `class.subject.detail`.
pub(super) const fn enhanced(class: u8, subject: u16, detail: u16) -> EnhancedCode {
    EnhancedCode { class, subject, detail }
}

impl ProtocolError {
    /// The code the session answers with.
    pub const fn code(self) -> Code {
        self.builtin_reply().code
    }

    /// The session's reply; its enhanced code is left out where the server does not offer them.
    pub fn reply(self) -> Reply {
        let BuiltinReply { code, enhanced, text } = self.builtin_reply();
        Reply { code, enhanced, text: text.to_owned() }
    }

    pub(super) const fn builtin_reply(self) -> BuiltinReply {
        match self {
            Self::Command(error) => command(error),
            Self::LineTooLong => BuiltinReply::new(500, enhanced(5, 5, 2), "Line too long"),
            Self::BareLineEnd => BuiltinReply::new(500, enhanced(5, 5, 2), "Lines end in CR LF"),
            Self::Sequence => BuiltinReply::new(503, enhanced(5, 5, 1), "Bad sequence of commands"),
            Self::NoRecipients => BuiltinReply::new(554, enhanced(5, 5, 1), "No valid recipients"),
            Self::TooManyRecipients => BuiltinReply::new(452, enhanced(4, 5, 3), "Too many recipients"),
            Self::TooBig => BuiltinReply::new(552, enhanced(5, 3, 4), "Message size exceeds limit"),
            Self::BareLineEndInMessage => BuiltinReply::new(550, enhanced(5, 6, 11), "Message contains bare CR or LF"),
            Self::SmtpUtf8Required => BuiltinReply::new(553, enhanced(5, 6, 7), "Non-ASCII address without SMTPUTF8"),
            Self::TlsRequired => BuiltinReply::new(530, enhanced(5, 7, 0), "Must issue a STARTTLS command first"),
            Self::AuthRequired => BuiltinReply::new(530, enhanced(5, 7, 0), "Authentication required"),
            Self::AuthWithoutTls => {
                BuiltinReply::new(538, enhanced(5, 7, 11), "Encryption required for authentication")
            }
            Self::Mechanism => BuiltinReply::new(504, enhanced(5, 5, 4), "Unknown authentication mechanism"),
            Self::SaslExchange => BuiltinReply::new(501, enhanced(5, 5, 2), "Cannot decode authentication response"),
            Self::Credentials => BuiltinReply::new(535, enhanced(5, 7, 8), "Authentication credentials invalid"),
            Self::Cancelled => BuiltinReply::new(501, enhanced(5, 7, 0), "Authentication cancelled"),
            Self::NotImplemented => BuiltinReply::new(502, enhanced(5, 5, 1), "Command not implemented"),
            Self::TooManyErrors => BuiltinReply::new(421, enhanced(4, 7, 0), "Too many errors"),
            Self::TooManyJunkCommands => {
                BuiltinReply::new(421, enhanced(4, 7, 0), "Too many commands without a message")
            }
        }
    }
}

const fn command(error: CommandError) -> BuiltinReply {
    match error {
        CommandError::Unknown => BuiltinReply::new(500, enhanced(5, 5, 1), "Command not recognized"),
        CommandError::NotOffered => BuiltinReply::new(502, enhanced(5, 5, 1), "Command not implemented"),
        CommandError::Bytes => BuiltinReply::new(500, enhanced(5, 5, 2), "Invalid characters in command"),
        CommandError::Arguments(usage) => BuiltinReply::new(501, enhanced(5, 5, 4), usage),
        CommandError::Sender(AddressError::Syntax) => {
            BuiltinReply::new(501, enhanced(5, 1, 7), "Bad sender address syntax")
        }
        CommandError::Recipient(AddressError::Syntax) => {
            BuiltinReply::new(501, enhanced(5, 1, 3), "Bad recipient address syntax")
        }
        CommandError::Sender(AddressError::TooLong) => {
            BuiltinReply::new(501, enhanced(5, 1, 7), "Sender address too long")
        }
        CommandError::Recipient(AddressError::TooLong) => {
            BuiltinReply::new(501, enhanced(5, 1, 3), "Recipient address too long")
        }
        CommandError::Sender(AddressError::NotAscii) | CommandError::Recipient(AddressError::NotAscii) => {
            ProtocolError::SmtpUtf8Required.builtin_reply()
        }
        CommandError::Parameter => BuiltinReply::new(501, enhanced(5, 5, 4), "Bad parameter"),
        CommandError::ParameterValue => BuiltinReply::new(504, enhanced(5, 5, 4), "Parameter value not implemented"),
        CommandError::UnknownParameter => {
            BuiltinReply::new(555, enhanced(5, 5, 4), "Parameter not recognized or not implemented")
        }
    }
}
