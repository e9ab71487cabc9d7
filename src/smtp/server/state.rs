//! Where a session stands: what it reads next, or whose answer it waits for.

use super::super::sasl::SaslExchange;
use super::event::{ServerClose, ServerEvent};
use super::open_transaction::OpenTransaction;
use super::peer_state::Hello;

/// What the session does with the next bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServerState {
    /// The policy was not asked yet whether to greet.
    New,
    /// The policy was asked and has not answered.
    Waiting(PendingQuestion),
    /// A command line comes.
    Command,
    /// Refused at the greeting, and open: only QUIT is taken.
    TurnedAway,
    /// A response of the authentication exchange comes.
    Auth(SaslExchange),
    /// The message comes, after DATA.
    Body,
    /// A chunk of the message comes, after BDAT.
    Chunk,
    /// The TLS handshake is under way.
    Handshake,
    /// The session is over; all further input is ignored.
    Closed(ServerClose),
}

/// What the answer that is waited for is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PendingQuestion {
    Connect,
    Hello(Hello),
    Mail(OpenTransaction),
    Rcpt,
    Data,
    Chunk,
    EndOfData,
    Auth,
    Reset,
    IdleCommand(IdleCommand),
    XClient { login: bool },
}

/// A command that does nothing for a message, and has a reply of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdleCommand {
    Noop,
    Help,
    Vrfy,
}

impl PendingQuestion {
    /// Whether the session's part of a positive reply remains, whatever text the policy gives.
    pub(super) const fn has_own_frame(self) -> bool {
        matches!(self, Self::Hello(_) | Self::Chunk)
    }
}

/// How many bytes are done with, and what is to be done; `None` if the session can go on by itself.
pub(super) type Advance<'a> = (usize, Option<ServerEvent<'a>>);
