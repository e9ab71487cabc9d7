//! The farm: providers behind one lock, the time, and what they are told by whoever speaks SMTP in front of them.
//!
//! Both front ends (`session` over tokio, `mailin` over threads) hold a [`Visit`] for each connection and ask it at
//! every stage; neither knows a rule. A decision takes a microsecond or two under the lock, which is never held while
//! anything waits.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::clock::Clock;
use super::guests::Guests;
use super::ledger::{Hear, Ledger};
use super::wish::Forced;
use crate::provider::{Activity, Amendment, Arrival, Client, Places, Policy, Provider};
use crate::record::{ConservationError, Trial};
use crate::rng::{Seed, Seeds, Stream};
use crate::time::{Span, Time};
use crate::units::{ClientId, Fraction, NetworkId, ProviderId, RuleId, SenderDomainId};

/// What a farm is made of.
#[derive(Clone, Debug)]
pub struct Plan {
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
pub struct Farm {
    pub(super) clock: Clock,
    /// As they were at the start: texts and names, for whoever does not need the lock.
    pub(super) policies: Vec<Policy>,
    /// The same, at work: with the clients and sender domains of the plan and nothing else.
    start: Vec<Provider>,
    books: Mutex<Books>,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) sites: Vec<Site>,
    pub(super) guests: Guests,
    pub(super) ledger: Ledger,
    /// What the next messages are answered, whatever the rules say.
    pub(super) orders: VecDeque<Order>,
    pub(super) chance: Stream,
    /// Refusals so far: what their ids are made of.
    pub(super) replies: u64,
}

/// A provider and who waits for it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) provider: Provider,
    pub(super) places: Places,
    /// Connections in the backlog, the first to be greeted first.
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// An answer that somebody ordered for a message that is still to come.
#[derive(Clone, Debug)]
pub struct Order {
    /// At which provider; `None` is whichever it comes to.
    pub site: Option<ProviderId>,
    /// What and where.
    pub forced: Forced,
}

/// Orders that wait for their message.
pub const ORDERS_MAX: usize = 10_000;

/// What becomes of somebody at the door.
#[derive(Debug)]
pub(super) enum Door {
    /// Come in.
    Open,
    /// Wait for a place.
    Wait(oneshot::Receiver<()>),
    /// The backlog is full.
    Ignored,
}

impl Farm {
    /// Opens for business.
    pub fn new(plan: Plan, clock: Clock) -> Arc<Self> {
        let seeds = Seeds { chance: Seed(plan.seed), unknowns: Seed(plan.unknowns) };
        let site = |policy: &Policy| Site {
            provider: Provider::new(policy.clone(), seeds, plan.day_starts),
            places: Places::default(),
            waiting: VecDeque::new(),
        };
        let mut books = Books {
            sites: plan.policies.iter().map(site).collect(),
            guests: Guests::default(),
            ledger: Ledger::new(&plan.policies),
            orders: VecDeque::new(),
            chance: Seed(plan.seed).stream("farm", 0),
            replies: 0,
        };
        for (ip, client) in plan.clients {
            books.introduce_as(ip, |_| client);
        }
        for (domain, reputation, volume) in plan.senders {
            books.introduce_sender(&domain, reputation, volume);
        }
        let start = books.sites.iter().map(|site| site.provider.clone()).collect();
        Arc::new(Self { clock, policies: plan.policies, start, books: Mutex::new(books) })
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
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody connects.
    pub(super) fn knock(&self, site: ProviderId, ip: IpAddr) -> (ClientId, Door) {
        let now = self.clock.now();
        let mut books = self.books();
        let client = books.introduce(ip);
        books.ledger.connects(now, site, client);
        let state = &mut books.sites[site.index()];
        let door = match state.places.arrive(state.provider.listener()) {
            Arrival::Served => Door::Open,
            Arrival::Queued => {
                let (call, called) = oneshot::channel();
                state.waiting.push_back(call);
                Door::Wait(called)
            }
            Arrival::Ignored => Door::Ignored,
        };
        (client, door)
    }

    /// A recipient complains about a message.
    pub fn complain(&self, site: ProviderId, ip: IpAddr, sender: &str) {
        let now = self.clock.now();
        let mut books = self.books();
        let Some(client) = books.guests.known(ip) else { return };
        let sender = books.introduce_sender(sender, None, 0);
        books.sites[site.index()].provider.complain(now, client, sender);
        books.ledger.complained(site);
    }

    /// An administrator changes something.
    pub fn amend(&self, site: ProviderId, amendment: &Amendment) {
        self.books().sites[site.index()].provider.amend(amendment);
    }

    /// The next message is answered so, whatever the rules say. `false` if too many wait already.
    pub fn order(&self, order: Order) -> bool {
        let mut books = self.books();
        let room = books.orders.len() < ORDERS_MAX;
        if room {
            books.orders.push_back(order);
        }
        room
    }

    /// All is as it was at the start, but for the time, which goes on, and for whoever is connected: sessions go on
    /// with their numbers, and count where what is open counts. The ledger is empty, no order waits, and amendments are
    /// undone; clients and sender domains keep their numbers, as their sessions know them by these.
    pub fn reset(&self) {
        let now = self.clock.now();
        let books = &mut *self.books();
        for (site, start) in books.sites.iter_mut().zip(&self.start) {
            site.provider.start_again(start, now);
        }
        books.orders.clear();
        books.ledger.open_anew(now, &self.policies);
    }

    /// How things stand at a provider.
    pub fn look(&self, site: ProviderId) -> Standing {
        let now = self.clock.now();
        let books = self.books();
        let provider = &books.sites[site.index()].provider;
        let clients = || books.guests.clients().map(|(_, id)| id);
        let lowest = clients().map(|client| provider.reputation(client).get()).fold(1.0, f64::min);
        Standing {
            open: provider.open_sessions(),
            reputation: Fraction::clamped(lowest),
            open_limit: clients().map(|client| provider.open_limit(now, client).map(u64::from)).sum(),
        }
    }

    /// What every rule of a provider has done until `now`.
    pub fn activities(&self, site: ProviderId, now: Time) -> Vec<Activity> {
        let mut books = self.books();
        let provider = books.provider(site);
        let rules = u16::try_from(provider.policy().rules.len()).unwrap_or(u16::MAX);
        (0..rules).map(|rule| provider.activity(RuleId(rule), now)).collect()
    }

    /// Writes down what the clients have met so far, as the trial of a strategy of this name.
    pub fn record(&self, strategy: &str, seed: u64) -> Result<(Trial, Span), ConservationError> {
        let now = self.clock.now();
        let books = &mut *self.books();
        let providers: Vec<&Provider> = books.sites.iter().map(|site| &site.provider).collect();
        let clients: Vec<ClientId> = books.guests.clients().map(|(_, id)| id).collect();
        let trial = books.ledger.finish(now, strategy, seed, &providers, &clients)?;
        Ok((trial, books.ledger.bucket()))
    }

    /// Whoever wants to hear of everything that happens, or nobody any more. Replaces the one before. It is called
    /// under the lock, and must not wait.
    pub fn listen(&self, hear: Option<Hear>) {
        self.books().ledger.listen(hear);
    }
}

/// How things stand at a provider.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Connections open.
    pub open: u32,
    /// The lowest reputation of any client.
    pub reputation: Fraction,
    /// Limits on open connections, summed over clients; `None` is no limit.
    pub open_limit: Option<u64>,
}

impl Books {
    /// The client at an address; a new one is introduced to every provider.
    pub(super) fn introduce(&mut self, ip: IpAddr) -> ClientId {
        self.introduce_as(ip, stranger)
    }

    fn introduce_as(&mut self, ip: IpAddr, who: impl Fn(NetworkId) -> Client) -> ClientId {
        let met = self.guests.client(ip);
        if met.new {
            let client = who(self.guests.network(ip));
            for site in &mut self.sites {
                site.provider.meet_client(client);
            }
            self.ledger.meet(ip);
        }
        met.id
    }

    /// A sender domain; a new one is introduced to every provider.
    pub(super) fn introduce_sender(
        &mut self,
        domain: &str,
        reputation: Option<Fraction>,
        daily_volume: u32,
    ) -> SenderDomainId {
        let met = self.guests.sender(domain);
        if met.new {
            for site in &mut self.sites {
                site.provider.meet_sender(reputation, daily_volume);
            }
        }
        met.id
    }

    /// The provider at a site.
    pub(super) fn provider(&mut self, site: ProviderId) -> &mut Provider {
        &mut self.sites[site.index()].provider
    }

    /// A connection that was served has gone.
    pub(super) fn leave(&mut self, site: ProviderId) {
        let state = &mut self.sites[site.index()];
        while state.places.leave(state.provider.listener()) {
            // Whoever has gone away in the meantime has the place now, and gives it back at once.
            let next = state.waiting.pop_front();
            if next.is_some_and(|next| next.send(()).is_ok()) {
                break;
            }
        }
    }

    /// What was ordered for the next message at a provider, if anything.
    pub(super) fn next_order(&mut self, site: ProviderId) -> Option<Forced> {
        let place = self.orders.iter().position(|order| order.site.is_none_or(|at| at == site))?;
        self.orders.remove(place).map(|order| order.forced)
    }
}

/// Somebody nobody knows yet. That the address resolves is taken for granted: on loopback nothing does.
fn stranger(network: NetworkId) -> Client {
    Client { network, listed: false, ptr: true, reputation: None, daily_volume: 0 }
}
