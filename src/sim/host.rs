//! A provider's mail host: the provider behind its listen queue.

use std::collections::VecDeque;

use super::observer::ObservedProvider;
use crate::provider::{ConnectOutcome, ListenQueue};
use crate::units::{ClientId, ConnId, SourceId};

/// A provider and the connections that wait for it.
pub(super) struct MailHost {
    pub(super) provider: ObservedProvider,
    listen_queue: ListenQueue,
    /// Connections in the backlog, the first to be greeted first.
    backlog: VecDeque<ConnId>,
}

impl MailHost {
    pub(super) fn new(provider: ObservedProvider) -> Self {
        Self { provider, listen_queue: ListenQueue::default(), backlog: VecDeque::new() }
    }

    /// A connection arrives.
    pub(super) fn arrive(&mut self, conn: ConnId) -> ConnectOutcome {
        let arrival = self.listen_queue.arrive(self.provider.listener());
        if arrival == ConnectOutcome::Queued {
            self.backlog.push_back(conn);
        }
        arrival
    }

    /// Whether a connection that arrived now would be served at once.
    pub(super) fn would_serve(&self) -> bool {
        self.listen_queue.would_serve(self.provider.listener())
    }

    /// A worker is free. Whether one that waits in the backlog is to be served.
    pub(super) fn free_worker(&mut self) -> bool {
        self.listen_queue.leave(self.provider.listener())
    }

    /// The connection of the backlog that is to be served next.
    pub(super) fn next_waiting(&mut self) -> Option<ConnId> {
        self.backlog.pop_front()
    }

    /// A connection of the backlog gives up.
    pub(super) fn leave_backlog(&mut self, conn: ConnId) {
        self.backlog.retain(|waiting| *waiting != conn);
        self.listen_queue.give_up();
    }
}

/// The client that a source is to every provider: providers meet the sources in their order.
pub(super) fn client_of(source: SourceId) -> ClientId {
    ClientId::from_index(source.index())
}
