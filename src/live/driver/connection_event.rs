//! Messages between the driver and the tasks of its connections.

use std::time::Duration;

use super::message::OutgoingMessage;
use super::session_loss::SessionLoss;
use crate::record::{ConnectionFailure, LatencyPhase, OwnFailure};
use crate::smtp::{Code, Stage};
use crate::units::ConnId;

/// What the driver tells a connection.
#[derive(Clone, Debug)]
pub(super) enum DriverCommand {
    /// Send this message.
    Send(OutgoingMessage),
    /// Say QUIT.
    Quit,
}

/// What a connection tells the driver.
#[derive(Debug)]
pub(super) struct ConnectionReport {
    pub(super) conn: ConnId,
    /// Which of the connections that have had this [`ConnId`] it is: ids are used again.
    pub(super) generation: u64,
    pub(super) event: ConnectionEvent,
}

/// What happened on a connection.
#[derive(Debug)]
pub(super) enum ConnectionEvent {
    /// It has been greeted, and EHLO is done.
    Connected,
    /// A transaction is over, or there is no connection: the result for each recipient, or one for all; and what took
    /// how long since the last report.
    Replied { results: Vec<WireResult>, closed: bool, timings: Vec<PhaseTiming> },
    /// The server closed the connection while it was idle, or said something against the protocol, in words.
    Closed { violation: Option<String> },
    /// This machine was short of something for longer than a connection waits.
    Stuck(OwnFailure),
}

impl ConnectionEvent {
    /// No connection came about, or it was lost with all that it carried.
    pub(super) fn lost(stage: Stage, loss: SessionLoss) -> Self {
        Self::Replied { results: vec![WireResult::Lost(stage, loss)], closed: true, timings: Vec::new() }
    }

    /// Whether the connection is over.
    pub(super) const fn ends_connection(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Stuck(_) | Self::Replied { closed: true, .. })
    }

    /// What it means if a message was on its way to the connection: it is lost when the server closed just before.
    pub(super) fn lost_if_busy(self, busy: bool) -> Self {
        match self {
            Self::Closed { violation } if busy => {
                let silence = SessionLoss::Silence(ConnectionFailure::Reset);
                Self::lost(Stage::Mail, violation.map_or(silence, SessionLoss::BrokenOff))
            }
            event => event,
        }
    }
}

/// How long a phase took, in wall-clock time.
pub(super) type PhaseTiming = (LatencyPhase, Duration);

/// The result of a transaction for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WireResult {
    /// The message was delivered.
    Accepted,
    /// The recipient was refused: the stage, the code, and the reply's lines joined by `\n`.
    Refused(Stage, Code, String),
    /// There was no reply that counts: at which stage, and why.
    Lost(Stage, SessionLoss),
}

impl WireResult {
    /// Whether it was this machine that failed.
    pub(super) const fn is_own_failure(&self) -> bool {
        matches!(self, Self::Lost(_, SessionLoss::OwnSide(_)))
    }
}
