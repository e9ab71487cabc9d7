//! Meters: what a limit counts.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::provider::session::SlotOf;
use crate::smtp::Stage;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Meter {
    /// Connections open now. A connection takes a slot when the rule lets it pass and gives it back when it closes.
    OpenConnections,
    /// Transactions open now: from MAIL to the reply to the end of data.
    OpenTransactions,
    /// Connections made.
    Connections,
    /// Transactions begun with MAIL.
    Messages,
    /// Recipients named with RCPT.
    Recipients,
    /// Recipients named that do not exist.
    UnknownRecipients,
    /// Bytes of messages.
    Bytes,
    /// Commands that do nothing for a message: NOOP, HELP, VRFY, RSET outside of a transaction, EHLO said again.
    IdleCommands,
    /// AUTH commands that failed.
    AuthFailures,
    /// Refusals that told a client to slow down: by limits on what a client or sender domain does, and for low
    /// reputation. The rule is broken by the first refusal above the limit.
    Refusals,
}

impl Meter {
    /// The stage at which this is counted when the rule is asked no later.
    pub const fn natural_stage(self) -> Stage {
        match self {
            Self::OpenConnections | Self::Connections | Self::Refusals => Stage::Connect,
            Self::IdleCommands | Self::AuthFailures => Stage::Ehlo,
            Self::OpenTransactions | Self::Messages => Stage::Mail,
            Self::Recipients | Self::UnknownRecipients => Stage::Rcpt,
            Self::Bytes => Stage::EndOfData,
        }
    }

    /// How long each counts of what is open now; `None` where what has happened is counted.
    pub(in crate::provider) const fn slot(self) -> Option<SlotOf> {
        match self {
            Self::OpenConnections => Some(SlotOf::Session),
            Self::OpenTransactions => Some(SlotOf::Transaction),
            Self::Connections
            | Self::Messages
            | Self::Recipients
            | Self::UnknownRecipients
            | Self::Bytes
            | Self::IdleCommands
            | Self::AuthFailures
            | Self::Refusals => None,
        }
    }

    /// Whether this counts what is open now instead of what has happened.
    pub const fn is_gauge(self) -> bool {
        self.slot().is_some()
    }

    /// Whether it is counted between the stages, when it happens.
    pub const fn is_between_stages(self) -> bool {
        matches!(self, Self::IdleCommands | Self::AuthFailures)
    }

    /// The meter's name as profiles write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenConnections => "open-connections",
            Self::OpenTransactions => "open-transactions",
            Self::Connections => "connections",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::UnknownRecipients => "unknown-recipients",
            Self::Bytes => "bytes",
            Self::IdleCommands => "idle-commands",
            Self::AuthFailures => "auth-failures",
            Self::Refusals => "refusals",
        }
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
