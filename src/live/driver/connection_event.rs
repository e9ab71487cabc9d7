//! What the tasks that hold the connections say to the driver, and what they are told.

use std::time::Duration;

use crate::record::{ConnectionFailure, LatencyPhase};
use crate::smtp::{Code, Stage};
use crate::units::ConnId;

/// What a connection is told.
#[derive(Clone, Debug)]
pub(super) enum DriverCommand {
    /// Send this message.
    Send(OutgoingMessage),
    /// Say QUIT.
    Quit,
}

/// A message with its envelope, ready to be said.
#[derive(Clone, Debug)]
pub(super) struct OutgoingMessage {
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
pub(super) struct ConnectionReport {
    pub(super) conn: ConnId,
    /// Which connection of that name it was: names are given again.
    pub(super) generation: u64,
    pub(super) event: ConnectionEvent,
}

/// What happened.
#[derive(Debug)]
pub(super) enum ConnectionEvent {
    /// It is greeted, and EHLO is done.
    Connected,
    /// A transaction is over, or the connection could not be had: what was heard, for each recipient, or one for all;
    /// and how long everything took since the last report.
    Replied { results: Vec<WireResult>, closed: bool, timings: Vec<PhaseTiming> },
    /// The server closed it while it was idle.
    Closed,
}

impl ConnectionEvent {
    /// The server hung up while a message was on its way to the connection: the message went nowhere.
    pub(super) fn lost_if_busy(self, busy: bool) -> Self {
        match self {
            Self::Closed if busy => {
                let results = vec![WireResult::Silent(Stage::Mail, ConnectionFailure::Reset)];
                Self::Replied { results, closed: true, timings: Vec::new() }
            }
            event => event,
        }
    }
}

/// How long something took.
pub(super) type PhaseTiming = (LatencyPhase, Duration);

/// What was heard about a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WireResult {
    /// Delivered.
    Accepted,
    /// A refusal: where, its code, and all of its lines joined by `\n`.
    Refused(Stage, Code, String),
    /// Nothing, and why.
    Silent(Stage, ConnectionFailure),
}
