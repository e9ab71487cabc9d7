//! Who sends: the client IPs and the sender domains that a provider has met, and what each has behind it.

use super::limit_value::LimitBasis;
use super::reputation::{History, Scoring, Standing};
use crate::time::Time;
use crate::units::{ClientId, NetworkId, SenderDomainId};

/// A client IP as a provider meets it.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The network it belongs to.
    pub network: NetworkId,
    /// Whether it is on the block list.
    pub listed: bool,
    /// Whether it has a PTR record that resolves back to it.
    pub ptr: bool,
    /// What lies behind it.
    pub history: History,
}

/// The standings of a client and of the domain that it writes as.
pub(super) struct KnownStandings<'a> {
    client: &'a Standing,
    sender: Option<&'a Standing>,
}

impl LimitBasis for KnownStandings<'_> {
    fn client(&self) -> &Standing {
        self.client
    }

    fn sender(&self) -> Option<&Standing> {
        self.sender
    }
}

/// The client IPs and the sender domains that a provider has met, numbered in the order in which they were met. All
/// moments are of the provider's clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    clients: Vec<(Client, Standing)>,
    senders: Vec<Standing>,
}

impl Identities {
    pub(super) fn reserve(&mut self, clients: usize, senders: usize) {
        self.clients.reserve_exact(clients);
        self.senders.reserve_exact(senders);
    }

    pub(super) fn meet_client(&mut self, client: Client, clock: Time, scoring: Scoring<'_>) -> ClientId {
        self.clients.push((client, Standing::new(&client.history, clock, scoring)));
        ClientId::from_index(self.clients.len() - 1)
    }

    pub(super) fn meet_sender(&mut self, history: &History, clock: Time, scoring: Scoring<'_>) -> SenderDomainId {
        self.senders.push(Standing::new(history, clock, scoring));
        SenderDomainId::from_index(self.senders.len() - 1)
    }

    /// A client IP takes the number of one that is forgotten.
    pub(super) fn replace_client(&mut self, number: ClientId, client: Client, clock: Time, scoring: Scoring<'_>) {
        self.clients[number.index()] = (client, Standing::new(&client.history, clock, scoring));
    }

    /// A sender domain takes the number of one that is forgotten.
    pub(super) fn replace_sender(
        &mut self,
        number: SenderDomainId,
        history: &History,
        clock: Time,
        scoring: Scoring<'_>,
    ) {
        self.senders[number.index()] = Standing::new(history, clock, scoring);
    }

    /// The network of a client IP; `None` if it was never met.
    pub(super) fn network(&self, client: ClientId) -> Option<NetworkId> {
        self.clients.get(client.index()).map(|(client, _)| client.network)
    }

    /// The standing of a client IP.
    pub(super) fn client(&self, client: ClientId) -> &Standing {
        &self.clients[client.index()].1
    }

    /// The standing of a client IP, to be changed; `None` if it was never met.
    pub(super) fn client_mut(&mut self, client: ClientId) -> Option<&mut Standing> {
        self.clients.get_mut(client.index()).map(|(_, standing)| standing)
    }

    /// The standing of a sender domain; `None` if it was never met.
    pub(super) fn sender(&self, sender: SenderDomainId) -> Option<&Standing> {
        self.senders.get(sender.index())
    }

    /// What the limits of a client hang on that writes as this sender.
    pub(super) fn basis(&self, client: ClientId, sender: Option<SenderDomainId>) -> KnownStandings<'_> {
        KnownStandings { client: self.client(client), sender: sender.and_then(|sender| self.sender(sender)) }
    }

    /// A client connects.
    #[inline]
    pub(super) fn connect(&mut self, clock: Time, client: ClientId, scoring: Scoring<'_>) {
        self.clients[client.index()].1.advance(clock, scoring);
    }

    /// A recipient complains about a message from this client and sender.
    pub(super) fn complain(&mut self, clock: Time, client: ClientId, sender: SenderDomainId, scoring: Scoring<'_>) {
        let client = &mut self.clients[client.index()].1;
        for standing in std::iter::once(client).chain(self.senders.get_mut(sender.index())) {
            standing.complain(clock, scoring);
        }
    }

    /// A client IP, its standing, and those of all sender domains.
    #[inline]
    pub(super) fn split(&mut self, client: ClientId) -> (&Client, &mut Standing, &mut [Standing]) {
        let (client, standing) = &mut self.clients[client.index()];
        (client, standing, &mut self.senders)
    }

    /// The standing of those whom `start` knew is as it was when they were met, and all others are strangers.
    pub(super) fn reset_to(&mut self, start: &Self, clock: Time, scoring: Scoring<'_>) {
        let stranger = Standing::new(&History::NONE, clock, scoring);
        let reset =
            |known: Option<&Standing>| known.cloned().map_or_else(|| stranger.clone(), |one| one.moved_to(clock));
        for (place, (client, standing)) in self.clients.iter_mut().enumerate() {
            let known = start.clients.get(place);
            *standing = reset(known.map(|(_, standing)| standing));
            client.history = known.map_or(History::NONE, |(known, _)| known.history);
        }
        for (place, standing) in self.senders.iter_mut().enumerate() {
            *standing = reset(start.senders.get(place));
        }
    }
}
