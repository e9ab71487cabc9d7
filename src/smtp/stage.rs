//! The six moments of an SMTP session at which a server can say something (RFC 5321, section 3).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A moment of an SMTP session. The order is the order of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The greeting.
    Connect,
    /// EHLO or HELO.
    Ehlo,
    /// MAIL FROM.
    Mail,
    /// RCPT TO, once for every recipient.
    Rcpt,
    /// DATA, before the message.
    Data,
    /// End of data: the line with a single dot.
    EndOfData,
}

impl Stage {
    /// Every stage, in the order of the session.
    pub const ALL: [Self; 6] = [Self::Connect, Self::Ehlo, Self::Mail, Self::Rcpt, Self::Data, Self::EndOfData];

    /// The stage's name as scenarios and tables write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Ehlo => "ehlo",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::EndOfData => "end-of-data",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
