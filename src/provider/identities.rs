//! Who sends: the client IPs and the sender domains that a provider has met, and what each has behind it.

use super::reputation::{Reputation, ReputationOf, Scoring};
use crate::time::Time;
use crate::units::{ClientId, Fraction, NetworkId, SenderDomainId};

/// A client IP as a provider meets it.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The network it belongs to.
    pub network: NetworkId,
    /// Whether it is on the block list.
    pub listed: bool,
    /// Whether it has a PTR record that resolves back to it.
    pub ptr: bool,
    /// Its reputation; `None` is a newcomer's.
    pub reputation: Option<Fraction>,
    /// Messages a day it used to send.
    pub daily_volume: u32,
}

/// The client IPs and the sender domains that a provider has met, numbered in the order in which they were met.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    clients: Vec<(Client, Reputation)>,
    senders: Vec<Reputation>,
}

impl Identities {
    pub(super) fn meet_client(&mut self, client: Client, scoring: Scoring<'_>) -> ClientId {
        let start = client.reputation.unwrap_or(scoring.model.start);
        self.clients.push((client, Reputation::new(start, client.daily_volume, scoring)));
        ClientId::from_index(self.clients.len() - 1)
    }

    pub(super) fn meet_sender(
        &mut self,
        reputation: Option<Fraction>,
        daily_volume: u32,
        scoring: Scoring<'_>,
    ) -> SenderDomainId {
        let start = reputation.unwrap_or(scoring.model.start);
        self.senders.push(Reputation::new(start, daily_volume, scoring));
        SenderDomainId::from_index(self.senders.len() - 1)
    }

    /// The network of a client IP; `None` if it was never met.
    pub(super) fn network(&self, client: ClientId) -> Option<NetworkId> {
        self.clients.get(client.index()).map(|(client, _)| client.network)
    }

    /// The reputation of a client IP.
    pub(super) fn reputation(&self, client: ClientId) -> &Reputation {
        &self.clients[client.index()].1
    }

    /// The reputation of a client IP, to be changed; `None` if it was never met.
    pub(super) fn reputation_mut(&mut self, client: ClientId) -> Option<&mut Reputation> {
        self.clients.get_mut(client.index()).map(|(_, reputation)| reputation)
    }

    /// The tier that counts for a client that writes as this sender.
    pub(super) fn tier(&self, of: ReputationOf, client: ClientId, sender: Option<SenderDomainId>) -> usize {
        let sender = sender.and_then(|sender| self.senders.get(sender.index()));
        of.choose(self.reputation(client).tier(), sender.map(Reputation::tier))
    }

    /// A client connects.
    pub(super) fn connect(&mut self, now: Time, client: ClientId, scoring: Scoring<'_>) {
        self.clients[client.index()].1.advance(now, scoring);
    }

    /// A recipient complains about a message from this client and sender.
    pub(super) fn complain(&mut self, now: Time, client: ClientId, sender: SenderDomainId, scoring: Scoring<'_>) {
        let client = &mut self.clients[client.index()].1;
        for reputation in std::iter::once(client).chain(self.senders.get_mut(sender.index())) {
            reputation.advance(now, scoring);
            reputation.lose(scoring.model.complaint, scoring.tiers);
        }
    }

    /// A client IP, its reputation, and those of all sender domains.
    #[inline]
    pub(super) fn split(&mut self, client: ClientId) -> (&Client, &mut Reputation, &mut [Reputation]) {
        let (client, reputation) = &mut self.clients[client.index()];
        (client, reputation, &mut self.senders)
    }

    /// The reputation of those whom `start` knew is as it was there, and that of all others a newcomer's.
    pub(super) fn reset_to(&mut self, start: &Self, now: Time, scoring: Scoring<'_>) {
        let reset = |known: Option<&Reputation>, daily_volume| {
            let newcomer = || Reputation::new(scoring.model.start, daily_volume, scoring);
            known.cloned().unwrap_or_else(newcomer).moved_to(now)
        };
        for (place, (client, reputation)) in self.clients.iter_mut().enumerate() {
            *reputation = reset(start.clients.get(place).map(|(_, reputation)| reputation), client.daily_volume);
        }
        for (place, reputation) in self.senders.iter_mut().enumerate() {
            *reputation = reset(start.senders.get(place), 0);
        }
    }
}
