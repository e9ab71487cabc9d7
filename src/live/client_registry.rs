//! Numbers for clients, networks, sender domains, recipients and recipient domains, by which providers know them.
//!
//! All of them are bounded: once the numbers are used up, all further names share the last one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::units::{ClientId, DomainId, NetworkId, SenderDomainId};

/// The clients and domains that have been seen. They have the same numbers at every provider.
#[derive(Debug, Default)]
pub(super) struct ClientRegistry {
    clients: BTreeMap<IpAddr, ClientId>,
    networks: BTreeMap<NetworkPrefix, NetworkId>,
    senders: BTreeMap<String, SenderDomainId>,
    domains: BTreeMap<String, DomainId>,
}

/// Clients that are told apart. A provider keeps a few hundred bytes for each.
const CLIENTS_MAX: usize = 50_000;

/// A /24 of IPv4 or a /64 of IPv6, which providers take for one network. Scenarios may say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NetworkPrefix(u64);

impl NetworkPrefix {
    fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self(u64::from(u32::from(ip) >> 8)),
            IpAddr::V6(ip) => Self(u64::try_from(u128::from(ip) >> 64).expect("64 bits are left")),
        }
    }
}

/// A number, and whether it is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registered<T> {
    pub(super) id: T,
    pub(super) new: bool,
}

impl ClientRegistry {
    /// The client at an address. Every provider must be told of a new one before it meets another.
    pub(super) fn client(&mut self, ip: IpAddr) -> Registered<ClientId> {
        if let Some(id) = self.clients.get(&ip) {
            return Registered { id: *id, new: false };
        }
        let known = self.clients.len();
        let id = ClientId::from_index(known.min(CLIENTS_MAX - 1));
        if known >= CLIENTS_MAX {
            return Registered { id, new: false };
        }
        self.clients.insert(ip, id);
        Registered { id, new: true }
    }

    /// The client at an address, if it has been seen.
    pub(super) fn known(&self, ip: IpAddr) -> Option<ClientId> {
        self.clients.get(&ip).copied()
    }

    /// All clients, by address.
    pub(super) fn clients(&self) -> impl Iterator<Item = (IpAddr, ClientId)> {
        self.clients.iter().map(|(ip, id)| (*ip, *id))
    }

    /// The network of an address.
    pub(super) fn network(&mut self, ip: IpAddr) -> NetworkId {
        let next = NetworkId::from_index(self.networks.len());
        *self.networks.entry(NetworkPrefix::of(ip)).or_insert(next)
    }

    /// A sender domain, empty for the null path. Every provider must be told of a new one.
    pub(super) fn sender(&mut self, domain: &str) -> Registered<SenderDomainId> {
        intern(&mut self.senders, domain, SenderDomainId::from_index)
    }

    /// A recipient domain.
    pub(super) fn domain(&mut self, domain: &str) -> DomainId {
        intern(&mut self.domains, domain, DomainId::from_index).id
    }
}

/// Domains of one kind that are told apart.
const DOMAINS_MAX: usize = 10_000;

/// A number for a recipient's address: FNV-1a over its bytes in lower case, cut to the 48 bits that the engine has room
/// for.
pub(super) fn recipient_hash(local: &str, domain: &str) -> u64 {
    let bytes = local.bytes().chain([b'@']).chain(domain.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 16
}

/// The network of an address as people write it: `192.0.2.0/24`.
pub(super) fn network_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{}/24", Ipv4Addr::from_bits(ip.to_bits() & !0xff)),
        IpAddr::V6(ip) => format!("{}/64", Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The id of a domain, whatever its spelling, and whether it is new.
fn intern<T: Copy>(known: &mut BTreeMap<String, T>, name: &str, from_index: impl Fn(usize) -> T) -> Registered<T> {
    // Most names come in one spelling, and need no copy in lower case.
    if let Some(id) = known.get(name) {
        return Registered { id: *id, new: false };
    }
    let name = name.to_ascii_lowercase();
    if let Some(id) = known.get(&name) {
        return Registered { id: *id, new: false };
    }
    let next = known.len();
    let id = from_index(next.min(DOMAINS_MAX - 1));
    if next >= DOMAINS_MAX {
        return Registered { id, new: false };
    }
    known.insert(name, id);
    Registered { id, new: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_networks_and_domains_keep_their_numbers() {
        let mut registry = ClientRegistry::default();
        let ip = |last| IpAddr::from([127, 0, 0, last]);
        assert_eq!(registry.client(ip(1)), Registered { id: ClientId(0), new: true });
        assert_eq!(registry.client(ip(2)), Registered { id: ClientId(1), new: true });
        assert_eq!(registry.client(ip(1)), Registered { id: ClientId(0), new: false });
        assert_eq!(registry.network(ip(1)), registry.network(ip(200)));
        assert_ne!(registry.network(ip(1)), registry.network(IpAddr::from([127, 0, 1, 1])));
        assert_eq!(network_of(ip(200)), "127.0.0.0/24");
        assert_eq!(network_of("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(registry.domain("Charter.net"), registry.domain("charter.NET"));
        assert_ne!(registry.domain("charter.net"), registry.domain("rr.com"));
        assert!(registry.sender("a.example").new);
        assert!(!registry.sender("A.example").new);
    }

    #[test]
    fn numbers_are_bounded_and_the_last_is_shared() {
        let mut registry = ClientRegistry::default();
        let ip = |n: u32| IpAddr::from(n.to_be_bytes());
        let ids: Vec<_> = (0..60_000).map(|n| registry.client(ip(n))).collect();
        assert_eq!(ids.iter().filter(|registered| registered.new).count(), CLIENTS_MAX);
        assert_eq!(ids[59_999].id.index(), CLIENTS_MAX - 1);
        let domains: Vec<_> = (0..10_100).map(|n| registry.domain(&format!("d{n}"))).collect();
        assert_eq!(domains[10_099].index(), DOMAINS_MAX - 1);
    }

    #[test]
    fn the_hash_of_a_recipient_ignores_case() {
        assert_eq!(recipient_hash("Ann", "charter.net"), recipient_hash("ann", "Charter.Net"));
        assert_ne!(recipient_hash("ann", "charter.net"), recipient_hash("bob", "charter.net"));
    }
}
