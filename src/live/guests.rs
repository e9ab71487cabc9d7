//! Who is who: the numbers by which the machines know clients, networks, sender domains, recipients and their domains.
//!
//! All of it is bounded: whoever comes after the last number shares it with everybody else who does.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::units::{ClientId, DomainId, NetworkId, SenderDomainId};

/// Everybody the farm has met. The same numbers at every provider.
#[derive(Debug, Default)]
pub(super) struct Guests {
    clients: BTreeMap<IpAddr, ClientId>,
    networks: BTreeMap<Network, NetworkId>,
    senders: BTreeMap<String, u16>,
    domains: BTreeMap<String, u16>,
}

/// Clients that are told apart. A provider keeps a few hundred bytes for each.
const CLIENTS_MAX: usize = 50_000;

/// A /24 of IPv4 or a /64 of IPv6: what providers take for one network, where a scenario does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Network(u64);

impl Network {
    fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self(u64::from(u32::from(ip) >> 8)),
            IpAddr::V6(ip) => Self(u64::try_from(u128::from(ip) >> 64).unwrap_or(u64::MAX)),
        }
    }
}

/// Somebody, and whether it is the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Met<T> {
    pub(super) id: T,
    pub(super) new: bool,
}

impl Guests {
    /// The client at an address. Somebody new must be introduced to every provider before anyone else comes.
    pub(super) fn client(&mut self, ip: IpAddr) -> Met<ClientId> {
        if let Some(id) = self.clients.get(&ip) {
            return Met { id: *id, new: false };
        }
        let known = self.clients.len();
        let id = ClientId::from_index(known.min(CLIENTS_MAX - 1));
        if known >= CLIENTS_MAX {
            return Met { id, new: false };
        }
        self.clients.insert(ip, id);
        Met { id, new: true }
    }

    /// A client that has been met.
    pub(super) fn known(&self, ip: IpAddr) -> Option<ClientId> {
        self.clients.get(&ip).copied()
    }

    /// Everybody, by address.
    pub(super) fn clients(&self) -> impl Iterator<Item = (IpAddr, ClientId)> {
        self.clients.iter().map(|(ip, id)| (*ip, *id))
    }

    /// The network of an address.
    pub(super) fn network(&mut self, ip: IpAddr) -> NetworkId {
        let next = u32::try_from(self.networks.len()).unwrap_or(u32::MAX);
        *self.networks.entry(Network::of(ip)).or_insert(NetworkId(next))
    }

    /// A sender domain; empty for the null path. Somebody new must be introduced to every provider.
    pub(super) fn sender(&mut self, domain: &str) -> Met<SenderDomainId> {
        let Met { id, new } = numbered(&mut self.senders, domain);
        Met { id: SenderDomainId(id), new }
    }

    /// The number of a recipient domain.
    pub(super) fn domain(&mut self, domain: &str) -> DomainId {
        DomainId(numbered(&mut self.domains, domain).id)
    }
}

/// Domains of one kind that are told apart.
const DOMAINS_MAX: u16 = 10_000;

/// A number for the address of a recipient: FNV-1a over its bytes, without regard to case. 48 bits, as the engine packs
/// them.
pub(super) fn address(local: &str, domain: &str) -> u64 {
    let bytes = local.bytes().chain([b'@']).chain(domain.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 16
}

fn numbered(known: &mut BTreeMap<String, u16>, name: &str) -> Met<u16> {
    // Mostly they come in one spelling, and there is nothing to write down.
    if let Some(id) = known.get(name) {
        return Met { id: *id, new: false };
    }
    let name = name.to_ascii_lowercase();
    if let Some(id) = known.get(&name) {
        return Met { id: *id, new: false };
    }
    let next = u16::try_from(known.len()).unwrap_or(u16::MAX);
    if next >= DOMAINS_MAX {
        return Met { id: DOMAINS_MAX - 1, new: false };
    }
    known.insert(name, next);
    Met { id: next, new: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_number_and_keeps_it() {
        let mut guests = Guests::default();
        let ip = |last| IpAddr::from([127, 0, 0, last]);
        assert_eq!(guests.client(ip(1)), Met { id: ClientId(0), new: true });
        assert_eq!(guests.client(ip(2)), Met { id: ClientId(1), new: true });
        assert_eq!(guests.client(ip(1)), Met { id: ClientId(0), new: false });
        assert_eq!(guests.network(ip(1)), guests.network(ip(200)));
        assert_ne!(guests.network(ip(1)), guests.network(IpAddr::from([127, 0, 1, 1])));
        assert_eq!(guests.domain("Charter.net"), guests.domain("charter.NET"));
        assert_ne!(guests.domain("charter.net"), guests.domain("rr.com"));
        assert!(guests.sender("a.example").new);
        assert!(!guests.sender("A.example").new);
    }

    #[test]
    fn a_crowd_shares_the_last_number() {
        let mut guests = Guests::default();
        let ip = |n: u32| IpAddr::from(n.to_be_bytes());
        let ids: Vec<_> = (0..60_000).map(|n| guests.client(ip(n))).collect();
        assert_eq!(ids.iter().filter(|met| met.new).count(), CLIENTS_MAX);
        assert_eq!(ids[59_999].id.index(), CLIENTS_MAX - 1);
        let domains: Vec<_> = (0..10_100).map(|n| guests.domain(&format!("d{n}"))).collect();
        assert_eq!(domains[10_099].0, DOMAINS_MAX - 1);
    }

    #[test]
    fn an_address_is_the_same_in_any_case() {
        assert_eq!(address("Ann", "charter.net"), address("ann", "Charter.Net"));
        assert_ne!(address("ann", "charter.net"), address("bob", "charter.net"));
    }
}
