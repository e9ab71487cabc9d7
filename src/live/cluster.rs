//! A cluster of MX hosts: providers behind one lock, and the clock they live by.
//!
//! Both front ends (`mx_server` on tokio, `mailin` on threads) hold a `PolicySession` for each connection and ask it at
//! every stage; neither knows a rule. A decision takes a microsecond or two under the lock, which is never held while
//! anything waits.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client_registry::recipient_hash;
use super::clock::Clock;
use super::hosted_sessions::HostedSessions;
use super::live_event::EventListener;
use super::shared_state::{NewConnection, SharedState};
use crate::provider::{Client, History, Policy, PolicyChange, Provider};
use crate::record::{ClosingAccount, ConservationError, ProviderSample, SenderAccount, Trial};
use crate::rng::{Seed, Seeds};
use crate::time::{Span, Time};
use crate::trial::{closing_account, provider_sample};
use crate::units::{ClientId, ProviderId};

/// What a cluster begins with.
#[derive(Clone, Debug)]
pub struct MxClusterConfig {
    /// The providers, at least one; a [`ProviderId`] is an index of this list.
    pub policies: Vec<Policy>,
    /// What chance is drawn from.
    pub seed: u64,
    /// What the unknown limits are drawn from.
    pub unknowns: u64,
    /// Time of day at which it begins.
    pub day_starts: Span,
    /// Clients that every provider knows from the start.
    pub clients: Vec<(IpAddr, Client)>,
    /// Accounts that every provider knows from the start, in their order.
    pub accounts: Vec<String>,
    /// Sender domains that every provider knows from the start.
    pub senders: Vec<KnownSender>,
}

/// A sender domain with a history.
#[derive(Clone, Debug)]
pub struct KnownSender {
    /// The domain of its MAIL addresses.
    pub domain: String,
    /// What lies behind it.
    pub history: History,
}

impl MxClusterConfig {
    /// Providers that know no client yet, at midnight.
    pub const fn new(policies: Vec<Policy>, seed: u64) -> Self {
        Self {
            policies,
            seed,
            unknowns: seed,
            day_starts: Span::ZERO,
            clients: Vec::new(),
            accounts: Vec::new(),
            senders: Vec::new(),
        }
    }
}

/// Providers at work.
#[derive(Debug)]
pub struct MxCluster {
    pub(super) clock: Clock,
    /// As they were at the start: texts and names that can be read without the lock.
    pub(super) policies: Vec<Policy>,
    /// The providers at the start, with the clients and sender domains of the configuration.
    start: Vec<Provider>,
    state: Mutex<SharedState>,
    /// What became of the connections of drivers in this process.
    pub(super) hosted: HostedSessions,
}

/// What the clients of a cluster have met.
#[derive(Clone, Debug)]
pub struct ServedTrial {
    /// All clients together, as one strategy.
    pub trial: Trial,
    /// Width of a bucket of its time series.
    pub bucket: Span,
}

impl MxCluster {
    /// Sets providers to work.
    pub fn new(config: MxClusterConfig, clock: Clock) -> Arc<Self> {
        let MxClusterConfig { policies, seed, unknowns, day_starts, clients, accounts, senders } = config;
        let seeds = Seeds { chance: Seed(seed), unknowns: Seed(unknowns) };
        // The name of a stream decides what is drawn from it: it stays what it was.
        let mut state = SharedState::new(&policies, seeds, day_starts, Seed(seed).stream("farm", 0));
        for (ip, client) in clients {
            state.register_client_as(Time::ZERO, ip, |_| client);
            state.registry.keep_client(ip);
        }
        for account in accounts {
            state.registry.account(&account);
        }
        for KnownSender { domain, history } in senders {
            state.register_sender(Time::ZERO, &domain, &history);
            state.registry.keep_sender(&domain);
        }
        let start = state.providers.iter().map(|served| served.provider.clone()).collect();
        Arc::new(Self { clock, policies, start, state: Mutex::new(state), hosted: HostedSessions::default() })
    }

    /// The clock that the providers live by.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The policies as they were at the start, by [`ProviderId`].
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// Everything that changes. A thread that panicked with the lock held has left it whole: no change is made in
    /// parts that could be told apart.
    pub(super) fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection arrives at a provider.
    pub(super) fn on_connect(&self, site: ProviderId, ip: IpAddr) -> NewConnection {
        let now = self.clock.now();
        self.lock().on_connect(now, site, ip)
    }

    /// Whether mail of this sender domain, sent from this address, reaches the inbox of a recipient.
    pub(super) fn reaches_inbox(&self, site: ProviderId, ip: IpAddr, sender: &str, recipient: &str) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(client) = state.registry.known(ip) else { return true };
        let sender = state.register_sender(now, sender, &History::NONE);
        let (local, domain) = recipient.rsplit_once('@').unwrap_or((recipient, ""));
        state.provider(site).reaches_inbox(client, sender, recipient_hash(local, domain))
    }

    /// A recipient complains about a message of this sender domain, sent from this address.
    pub fn on_complaint(&self, site: ProviderId, ip: IpAddr, sender: &str) {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(client) = state.registry.known(ip) else { return };
        let sender = state.register_sender(now, sender, &History::NONE);
        state.provider(site).complain(now, client, sender);
        state.statistics.on_complaint(site);
    }

    /// Changes a provider's policy.
    pub fn change_policy(&self, site: ProviderId, change: &PolicyChange) {
        let now = self.clock.now();
        self.lock().provider(site).apply(now, change);
    }

    /// Everything is as it was at the start, but for the time, which goes on, and for open sessions: they go on, and
    /// count as open. Statistics are empty, no order waits, and policy changes are undone. Clients and sender domains
    /// keep their numbers, by which open sessions know them.
    pub fn reset(&self) {
        let now = self.clock.now();
        let state = &mut *self.lock();
        for (served, start) in state.providers.iter_mut().zip(&self.start) {
            served.provider.reset_to(start, now);
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

    /// What the clients have met so far, as a trial of a strategy of this name.
    ///
    /// # Errors
    /// Recipients were lost or counted twice, which is a defect of mxlab.
    pub fn record(&self, strategy: &str, seed: u64) -> Result<ServedTrial, ConservationError> {
        let now = self.clock.now();
        let state = &mut *self.lock();
        let providers: Vec<&Provider> = state.providers.iter().map(|served| &served.provider).collect();
        let clients: Vec<ClientId> = state.registry.clients().map(|(_, id)| id).collect();
        let trial = state.statistics.finish(now, strategy, seed, &providers, &clients)?;
        Ok(ServedTrial { trial, bucket: state.statistics.bucket() })
    }

    /// Replaces the listener for events. It is called with the lock held, and must not wait.
    pub fn set_event_listener(&self, listener: Option<EventListener>) {
        self.lock().events.set_listener(listener);
    }
}
