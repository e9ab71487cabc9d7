//! The cluster: providers behind one lock, the time, and what they are told by whoever speaks SMTP in front of them.
//!
//! Both front ends (`session` over tokio, `mailin` over threads) hold a [`Visit`] for each connection and ask it at
//! every stage; neither knows a rule. A decision takes a microsecond or two under the lock, which is never held while
//! anything waits.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::address_directives::ForcedOutcome;
use super::client_registry::ClientRegistry;
use super::clock::Clock;
use super::receiver_statistics::{EventListener, ReceiverStatistics};
use crate::provider::{Arrival, Client, ListenQueue, Policy, PolicyChange, Provider};
use crate::record::{ClosingAccount, ConservationError, ProviderSample, SenderAccount, Trial};
use crate::rng::{Seed, Seeds, Stream};
use crate::time::{Span, Time};
use crate::trial::{closing_account, provider_sample};
use crate::units::{ClientId, Fraction, NetworkId, ProviderId, SenderDomainId};

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct MxClusterConfig {
    /// The providers; a [`ProviderId`] is a place in this list. At least one.
    pub policies: Vec<Policy>,
    /// What chance and unknown limits are drawn from.
    pub seed: u64,
    /// What the unknown limits are drawn from.
    pub unknowns: u64,
    /// Time of day at which it begins.
    pub day_starts: Span,
    /// Clients that every provider knows already.
    pub clients: Vec<(IpAddr, Client)>,
    /// Sender domains that every provider knows already, with their reputation and the volume a day they used to send.
    pub senders: Vec<(String, Option<Fraction>, u32)>,
}

/// Providers at work.
#[derive(Debug)]
pub struct MxCluster {
    pub(super) clock: Clock,
    /// As they were at the start: texts and names, for whoever does not need the lock.
    pub(super) policies: Vec<Policy>,
    /// The same, at work: with the clients and sender domains of the plan and nothing else.
    start: Vec<Provider>,
    state: Mutex<SharedState>,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct SharedState {
    pub(super) providers: Vec<ServedProvider>,
    pub(super) registry: ClientRegistry,
    pub(super) statistics: ReceiverStatistics,
    /// What the next messages are answered, whatever the rules say.
    pub(super) orders: VecDeque<OutcomeOrder>,
    pub(super) chance: Stream,
    /// Refusals so far: what their ids are made of.
    pub(super) rejections_sent: u64,
}

/// A provider and who waits for it.
#[derive(Debug)]
pub(super) struct ServedProvider {
    pub(super) provider: Provider,
    pub(super) slots: ListenQueue,
    /// Connections in the backlog, the first to be greeted first.
    backlog: VecDeque<oneshot::Sender<()>>,
}

/// An answer that somebody ordered for a message that is still to come.
#[derive(Clone, Debug)]
pub struct OutcomeOrder {
    /// At which provider; `None` is whichever it comes to.
    pub site: Option<ProviderId>,
    /// What and where.
    pub outcome: ForcedOutcome,
}

/// Orders that wait for their message.
pub const OUTCOME_ORDERS_MAX: usize = 10_000;

/// What becomes of somebody at the door.
#[derive(Debug)]
pub(super) enum Admission {
    /// Come in.
    Served,
    /// Wait for a place.
    Queued(oneshot::Receiver<()>),
    /// The backlog is full.
    Ignored,
}

impl MxCluster {
    /// Opens for business.
    pub fn new(config: MxClusterConfig, clock: Clock) -> Arc<Self> {
        let seeds = Seeds { chance: Seed(config.seed), unknowns: Seed(config.unknowns) };
        let site = |policy: &Policy| ServedProvider {
            provider: Provider::new(policy.clone(), seeds, config.day_starts),
            slots: ListenQueue::default(),
            backlog: VecDeque::new(),
        };
        let mut state = SharedState {
            providers: config.policies.iter().map(site).collect(),
            registry: ClientRegistry::default(),
            statistics: ReceiverStatistics::new(&config.policies),
            orders: VecDeque::new(),
            chance: Seed(config.seed).stream("farm", 0),
            rejections_sent: 0,
        };
        for (ip, client) in config.clients {
            state.register_client_as(ip, |_| client);
        }
        for (domain, reputation, volume) in config.senders {
            state.register_sender(&domain, reputation, volume);
        }
        let start = state.providers.iter().map(|site| site.provider.clone()).collect();
        Arc::new(Self { clock, policies: config.policies, start, state: Mutex::new(state) })
    }

    /// The time.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The providers as they were at the start, by [`ProviderId`].
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// Everything that changes. Whoever panicked with it in hand has left it whole: the engine writes nothing down by
    /// halves.
    pub(super) fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody connects.
    pub(super) fn on_connect(&self, site: ProviderId, ip: IpAddr) -> (ClientId, Admission) {
        let now = self.clock.now();
        let mut state = self.lock();
        let client = state.register_client(ip);
        state.statistics.connects(now, site, client);
        let served = &mut state.providers[site.index()];
        let admission = match served.slots.arrive(served.provider.listener()) {
            Arrival::Served => Admission::Served,
            Arrival::Queued => {
                let (wake, woken) = oneshot::channel();
                served.backlog.push_back(wake);
                Admission::Queued(woken)
            }
            Arrival::Ignored => Admission::Ignored,
        };
        (client, admission)
    }

    /// A recipient complains about a message.
    pub fn on_complaint(&self, site: ProviderId, ip: IpAddr, sender: &str) {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(client) = state.registry.known(ip) else { return };
        let sender = state.register_sender(sender, None, 0);
        state.providers[site.index()].provider.complain(now, client, sender);
        state.statistics.on_complaint(site);
    }

    /// An administrator changes something.
    pub fn change_policy(&self, site: ProviderId, amendment: &PolicyChange) {
        self.lock().providers[site.index()].provider.apply(amendment);
    }

    /// All is as it was at the start, but for the time, which goes on, and for whoever is connected: sessions go on
    /// with their numbers, and count where what is open counts. The ledger is empty, no order waits, and amendments are
    /// undone; clients and sender domains keep their numbers, as their sessions know them by these.
    pub fn reset(&self) {
        let now = self.clock.now();
        let state = &mut *self.lock();
        for (site, start) in state.providers.iter_mut().zip(&self.start) {
            site.provider.reset_to(start, now);
        }
        state.orders.clear();
        state.statistics.reset(now, &self.policies);
    }

    /// The state of a provider for all of its clients.
    pub fn sample(&self, site: ProviderId) -> ProviderSample {
        let now = self.clock.now();
        let state = self.lock();
        let clients = state.registry.clients().map(|(_, id)| id);
        provider_sample(&state.providers[site.index()].provider, now, clients)
    }

    /// What a trial ends with at a provider: the sender's account, and what every rule did until `now`.
    pub fn closing_account(&self, now: Time, site: ProviderId, sender: SenderAccount) -> ClosingAccount {
        closing_account(sender, self.lock().provider(site), now)
    }

    /// Writes down what the clients have met so far, as the trial of a strategy of this name.
    pub fn record(&self, strategy: &str, seed: u64) -> Result<(Trial, Span), ConservationError> {
        let now = self.clock.now();
        let state = &mut *self.lock();
        let providers: Vec<&Provider> = state.providers.iter().map(|site| &site.provider).collect();
        let clients: Vec<ClientId> = state.registry.clients().map(|(_, id)| id).collect();
        let trial = state.statistics.finish(now, strategy, seed, &providers, &clients)?;
        Ok((trial, state.statistics.bucket()))
    }

    /// Whoever wants to hear of everything that happens, or nobody any more. Replaces the one before. It is called
    /// under the lock, and must not wait.
    pub fn set_event_listener(&self, listener: Option<EventListener>) {
        self.lock().statistics.set_event_listener(listener);
    }
}

impl SharedState {
    /// The client at an address; a new one is introduced to every provider.
    pub(super) fn register_client(&mut self, ip: IpAddr) -> ClientId {
        self.register_client_as(ip, unknown_client)
    }

    fn register_client_as(&mut self, ip: IpAddr, who: impl Fn(NetworkId) -> Client) -> ClientId {
        let registered = self.registry.client(ip);
        if registered.new {
            let client = who(self.registry.network(ip));
            for site in &mut self.providers {
                site.provider.meet_client(client);
            }
            self.statistics.add_client(ip);
        }
        registered.id
    }

    /// A sender domain; a new one is introduced to every provider.
    pub(super) fn register_sender(
        &mut self,
        domain: &str,
        reputation: Option<Fraction>,
        daily_volume: u32,
    ) -> SenderDomainId {
        let registered = self.registry.sender(domain);
        if registered.new {
            for site in &mut self.providers {
                site.provider.meet_sender(reputation, daily_volume);
            }
        }
        registered.id
    }

    /// The provider at a site.
    pub(super) fn provider(&mut self, site: ProviderId) -> &mut Provider {
        &mut self.providers[site.index()].provider
    }

    /// A connection that was served has gone.
    pub(super) fn on_disconnect(&mut self, site: ProviderId) {
        let served = &mut self.providers[site.index()];
        while served.slots.leave(served.provider.listener()) {
            // Whoever has gone away in the meantime has the place now, and gives it back at once.
            let next = served.backlog.pop_front();
            if next.is_some_and(|next| next.send(()).is_ok()) {
                break;
            }
        }
    }

    /// What was ordered for the next message at a provider, if anything.
    pub(super) fn next_order(&mut self, site: ProviderId) -> Option<ForcedOutcome> {
        let place = self.orders.iter().position(|order| order.site.is_none_or(|at| at == site))?;
        self.orders.remove(place).map(|order| order.outcome)
    }
}

/// Somebody nobody knows yet. That the address resolves is taken for granted: on loopback nothing does.
fn unknown_client(network: NetworkId) -> Client {
    Client { network, listed: false, ptr: true, reputation: None, daily_volume: 0 }
}
