//! The steps of a session, each answered by a reply.

use super::super::stage::Stage;

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
