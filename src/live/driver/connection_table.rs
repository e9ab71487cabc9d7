//! The driver's side of its connections: a task for each, and what the driver knows of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, ConnectionOptions, ConnectionParams};
use super::connection_event::{ConnectionEvent, ConnectionReport, DriverCommand};
use super::message::OutgoingMessage;
use crate::sender::Delivery;
use crate::units::{ConnId, ProviderId, SourceId};

/// The connections of a trial.
pub(super) struct ConnectionTable {
    /// By [`ConnId`].
    entries: Vec<TableEntry>,
    /// Connections that have been opened so far. Ids are used again, and these numbers are not.
    generations: u64,
    tasks: TaskTracker,
    reports: mpsc::UnboundedSender<ConnectionReport>,
    /// What connections to each provider share, by [`ProviderId`].
    options: Vec<Arc<ConnectionOptions>>,
    /// Ends every connection.
    stop: CancellationToken,
}

struct TableEntry {
    generation: u64,
    assignment: Assignment,
    /// Whether a report on the delivery is still to come.
    is_busy: bool,
    /// Gone once the connection is closed, or is told to quit.
    commands: Option<mpsc::Sender<DriverCommand>>,
}

/// What a connection is used for.
#[derive(Clone, Copy)]
pub(super) struct Assignment {
    pub(super) site: ProviderId,
    pub(super) source: SourceId,
    pub(super) delivery: Delivery,
    /// The host it leads to.
    pub(super) to: SocketAddr,
}

/// Wall-clock time for connections to end at the end of a trial.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

impl ConnectionTable {
    /// A table without connections, which will report there and end when `stop` is cancelled; with the options of
    /// every provider.
    pub(super) fn new(
        options: impl Iterator<Item = ConnectionOptions>,
        stop: CancellationToken,
        reports: mpsc::UnboundedSender<ConnectionReport>,
    ) -> Self {
        let (tasks, options) = (TaskTracker::new(), options.map(Arc::new).collect());
        Self { entries: Vec::new(), generations: 0, tasks, reports, options, stop }
    }

    /// Opens a connection.
    pub(super) fn open(&mut self, conn: ConnId, assignment: Assignment, from: IpAddr) {
        self.generations += 1;
        let generation = self.generations;
        let (commands, inbox) = mpsc::channel(1);
        let entry = TableEntry { generation, assignment, is_busy: true, commands: Some(commands) };
        match self.entries.get_mut(conn.index()) {
            Some(place) => *place = entry,
            // The sender numbers its connections from 0 on.
            None => self.entries.push(entry),
        }
        let params = ConnectionParams { conn, generation, from, to: assignment.to };
        let options = self.options[assignment.site.index()].clone();
        self.tasks.spawn(connection::run(params, options, inbox, self.reports.clone()));
    }

    /// The provider to which a connection leads.
    pub(super) fn site(&self, conn: ConnId) -> ProviderId {
        self.entries[conn.index()].assignment.site
    }

    /// Open connections to a provider.
    pub(super) fn count(&self, site: ProviderId) -> usize {
        self.entries.iter().filter(|entry| entry.assignment.site == site && entry.commands.is_some()).count()
    }

    /// Sends a message on a connection.
    pub(super) fn send(&mut self, conn: ConnId, delivery: Delivery, message: OutgoingMessage) {
        let entry = &mut self.entries[conn.index()];
        (entry.assignment.delivery, entry.is_busy) = (delivery, true);
        // A connection that has closed has reported it, or will: see `ConnectionEvent::lost_if_busy`.
        if let Some(commands) = &entry.commands {
            let _ = commands.try_send(DriverCommand::Send(message));
        }
    }

    /// Closes a connection with QUIT, if it is still open.
    pub(super) fn quit(&mut self, conn: ConnId) {
        self.entries[conn.index()].quit();
    }

    /// What a report means, and for which assignment; `None` if the connection is not the one of this id any more.
    pub(super) fn receive(&mut self, report: ConnectionReport) -> Option<(Assignment, ConnectionEvent)> {
        let ConnectionReport { conn, generation, event } = report;
        let entry = &mut self.entries[conn.index()];
        if entry.generation != generation {
            return None;
        }
        let event = event.lost_if_busy(std::mem::take(&mut entry.is_busy));
        if event.ends_connection() {
            entry.commands = None;
        }
        Some((entry.assignment, event))
    }

    /// Closes all connections: idle ones with QUIT, and those in the middle of a message at once.
    pub(super) async fn close(&mut self) {
        self.entries.iter_mut().for_each(TableEntry::quit);
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.tasks.wait()).await;
    }
}

impl TableEntry {
    fn quit(&mut self) {
        if let Some(commands) = self.commands.take() {
            let _ = commands.try_send(DriverCommand::Quit);
        }
    }
}
