//! What the tasks that hold the connections say to the driver, and what they are told.

use std::time::Duration;

use crate::record::{ConnectionFailure, LatencyPhase};
use crate::smtp::{Code, Stage};
use crate::units::ConnId;

/// What a connection is told.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// Send this message.
    Transact(Letter),
    /// Say QUIT.
    Quit,
}

/// A message with its envelope, ready to be said.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// MAIL FROM, without brackets.
    pub(super) from: String,
    /// RCPT TO, one for each recipient of the delivery, without brackets.
    pub(super) to: Vec<String>,
    /// Header fields, with the empty line behind them.
    pub(super) head: String,
    /// Bytes of the message, the header included; never fewer than that.
    pub(super) size: u64,
}

/// What happened on a connection.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) conn: ConnId,
    /// Which connection of that name it was: names are given again.
    pub(super) opening: u64,
    pub(super) news: News,
}

/// What happened.
#[derive(Debug)]
pub(super) enum News {
    /// It is greeted, and EHLO is done.
    Connected,
    /// A transaction is over, or the connection could not be had: what was heard, for each recipient, or one for all;
    /// and how long everything took since the last report.
    Replied { heard: Vec<Said>, closed: bool, laps: Vec<Lap> },
    /// The server closed it while it was idle.
    Closed,
}

impl News {
    /// The server hung up while a message was on its way to the connection: the message went nowhere.
    pub(super) fn or_lost(self, busy: bool) -> Self {
        match self {
            Self::Closed if busy => {
                let heard = vec![Said::Nothing(Stage::Mail, ConnectionFailure::Reset)];
                Self::Replied { heard, closed: true, laps: Vec::new() }
            }
            news => news,
        }
    }
}

/// How long something took.
pub(super) type Lap = (LatencyPhase, Duration);

/// What was heard about a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Delivered.
    Accepted,
    /// A refusal: where, its code, and all of its lines joined by `\n`.
    Refused(Stage, Code, String),
    /// Nothing, and why.
    Nothing(Stage, ConnectionFailure),
}
