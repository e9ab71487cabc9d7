//! Everything of a cluster that changes, behind its one lock: the providers at work, who has connected, and what they
//! have met.

use std::collections::VecDeque;
use std::net::IpAddr;

use tokio::sync::oneshot;

use super::client_registry::ClientRegistry;
use super::live_event::EventEmitter;
use super::numbered_names::{Novelty, NumberOf};
use super::outcome_orders::OutcomeOrders;
use super::receiver_statistics::ReceiverStatistics;
use crate::provider::{Client, ConnectOutcome, History, ListenQueue, Policy, Provider};
use crate::rng::{Seeds, Stream};
use crate::time::{Span, Time};
use crate::units::{ClientId, NetworkId, ProviderId, SenderDomainId};

/// The state of a cluster.
#[derive(Debug)]
pub(super) struct SharedState {
    /// By [`ProviderId`].
    pub(super) providers: Vec<ServedProvider>,
    pub(super) registry: ClientRegistry,
    pub(super) statistics: ReceiverStatistics,
    pub(super) events: EventEmitter,
    pub(super) orders: OutcomeOrders,
    /// Service times are drawn from it.
    pub(super) chance: Stream,
    /// Refusals with a reply so far: each reply has its own `{id}`.
    pub(super) rejections_sent: u64,
    /// Connections that were greeted or refused so far.
    pub(super) connections: u64,
    /// MAIL commands so far.
    pub(super) messages: u64,
}

/// A provider, and the connections that wait to be greeted by it.
#[derive(Debug)]
pub(super) struct ServedProvider {
    pub(super) provider: Provider,
    queue: ListenQueue,
    /// Connections in the backlog, first come first.
    backlog: VecDeque<oneshot::Sender<()>>,
}

/// A connection that has arrived at a provider.
#[derive(Debug)]
pub(super) struct NewConnection {
    pub(super) client: ClientId,
    pub(super) admission: Admission,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is greeted now.
    Served,
    /// It is greeted when this resolves.
    Queued(oneshot::Receiver<()>),
    /// The backlog is full: it is never greeted.
    Ignored,
}

impl SharedState {
    /// Providers that know no client yet.
    pub(super) fn new(policies: &[Policy], seeds: Seeds, day_starts: Span, chance: Stream) -> Self {
        let served = |policy: &Policy| ServedProvider {
            provider: Provider::new(policy.clone(), seeds, day_starts),
            queue: ListenQueue::default(),
            backlog: VecDeque::new(),
        };
        Self {
            providers: policies.iter().map(served).collect(),
            registry: ClientRegistry::default(),
            statistics: ReceiverStatistics::new(policies),
            events: EventEmitter::default(),
            orders: OutcomeOrders::default(),
            chance,
            rejections_sent: 0,
            connections: 0,
            messages: 0,
        }
    }

    /// The provider of this number.
    pub(super) fn provider(&mut self, site: ProviderId) -> &mut Provider {
        &mut self.providers[site.index()].provider
    }

    /// The client at an address; a new one becomes known to every provider.
    pub(super) fn register_client(&mut self, now: Time, ip: IpAddr) -> ClientId {
        self.register_client_as(now, ip, unknown_client)
    }

    /// The same, with what is known of a new client.
    pub(super) fn register_client_as(
        &mut self,
        now: Time,
        ip: IpAddr,
        client: impl Fn(NetworkId) -> Client,
    ) -> ClientId {
        let NumberOf { id, novelty } = self.registry.client(now, ip);
        if novelty == Novelty::Known {
            return id;
        }
        let client = client(self.registry.network(ip));
        for ServedProvider { provider, .. } in &mut self.providers {
            match novelty {
                Novelty::InsteadOfForgotten => provider.meet_client_as(now, id, client),
                Novelty::New | Novelty::Known => _ = provider.meet_client(now, client),
            }
        }
        self.statistics.add_client(id);
        id
    }

    /// A sender domain; a new one becomes known to every provider, with this behind it.
    pub(super) fn register_sender(&mut self, now: Time, domain: &str, history: &History) -> SenderDomainId {
        let NumberOf { id, novelty } = self.registry.sender(now, domain);
        for ServedProvider { provider, .. } in &mut self.providers {
            match novelty {
                Novelty::Known => break,
                Novelty::New => _ = provider.meet_sender(now, history),
                Novelty::InsteadOfForgotten => provider.meet_sender_as(now, id, history),
            }
        }
        id
    }

    /// A connection arrives at a provider.
    pub(super) fn on_connect(&mut self, now: Time, site: ProviderId, ip: IpAddr) -> NewConnection {
        let client = self.register_client(now, ip);
        self.statistics.connects(now, site, client);
        let ServedProvider { provider, queue, backlog } = &mut self.providers[site.index()];
        let admission = match queue.arrive(provider.listener()) {
            ConnectOutcome::Served => Admission::Served,
            ConnectOutcome::Queued => {
                let (serve, turn) = oneshot::channel();
                backlog.push_back(serve);
                Admission::Queued(turn)
            }
            ConnectOutcome::Ignored => Admission::Ignored,
        };
        NewConnection { client, admission }
    }

    /// A connection that was served has ended: the next in the backlog has its turn.
    pub(super) fn on_disconnect(&mut self, site: ProviderId) {
        let ServedProvider { provider, queue, backlog } = &mut self.providers[site.index()];
        while queue.leave(provider.listener()) {
            // A connection that was closed while it waited has the place now, and gives it back at once.
            let next = backlog.pop_front();
            if next.is_some_and(|serve| serve.send(()).is_ok()) {
                break;
            }
        }
    }
}

/// A client without a history. That its address has a name is taken for granted: no loopback address has one.
fn unknown_client(network: NetworkId) -> Client {
    Client { network, listed: false, ptr: true, history: History::NONE }
}
