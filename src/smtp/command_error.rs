//! Why a line is no command.

use super::address::AddressError;

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The first word is no command.
    #[error("unknown command")]
    Unknown,
    /// A command of an extension that is not offered.
    #[error("command not implemented")]
    NotOffered,
    /// Control characters, or bytes that are no UTF-8.
    #[error("bytes that no command may contain")]
    Bytes,
    /// Arguments are missing or too many; how it is written.
    #[error("bad arguments; write {0}")]
    Arguments(&'static str),
    /// The path of MAIL.
    #[error("sender: {0}")]
    Sender(AddressError),
    /// The path of RCPT.
    #[error("recipient: {0}")]
    Recipient(AddressError),
    /// A parameter is malformed or given twice.
    #[error("bad parameter")]
    Parameter,
    /// A parameter has a value this server does not know.
    #[error("parameter value not implemented")]
    ParameterValue,
    /// A parameter of no extension that is offered.
    #[error("unknown parameter")]
    UnknownParameter,
}
