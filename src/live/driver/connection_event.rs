//! Messages between the driver and the tasks of its connections.

use std::time::Duration;

use super::message::OutgoingMessage;
use super::session_loss::SessionLoss;
use crate::record::{LatencyPhase, OwnFailure};
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
    /// It has been greeted, and EHLO is done. Where it goes on in clear text because STARTTLS was refused, with what.
    Connected { starttls_refused: Option<String> },
    /// A transaction is over, or there is no connection: the result for each recipient, or one for all; and what took
    /// how long since the last report.
    Replied { results: Vec<WireResult>, closed: bool, timings: Vec<PhaseTiming> },
    /// The connection ended while it was idle, and why: mostly the server closed it.
    Closed(SessionLoss),
    /// This machine was short of something for longer than a connection waits.
    Stuck(OwnFailure),
}

impl ConnectionEvent {
    /// No connection came about, or it was lost with all that it carried.
    pub(super) fn lost(stage: Stage, loss: SessionLoss) -> Self {
        Self::Replied { results: vec![WireResult::Lost(stage, loss)], closed: true, timings: Vec::new() }
    }

    /// What this machine was short of, if that is why there is no result.
    pub(super) fn own_failure(&self) -> Option<OwnFailure> {
        match self {
            Self::Replied { results, .. } => results.iter().find_map(WireResult::own_failure),
            _ => None,
        }
    }

    /// Whether the connection is over.
    pub(super) const fn ends_connection(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::Stuck(_) | Self::Replied { closed: true, .. })
    }

    /// What it means if a message was on its way to the connection: it is lost when the server closed just before.
    pub(super) fn lost_if_busy(self, busy: bool) -> Self {
        match self {
            Self::Closed(loss) if busy => Self::lost(Stage::Mail, loss),
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
    /// What this machine was short of, if that is it.
    const fn own_failure(&self) -> Option<OwnFailure> {
        match self {
            Self::Lost(_, SessionLoss::OwnSide(what)) => Some(*what),
            _ => None,
        }
    }
}
