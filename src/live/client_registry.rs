//! Numbers for clients, networks, sender domains, recipients and recipient domains, by which providers know them.
//!
//! All of them are bounded.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::numbered_names::{NumberOf, NumberedNames};
use crate::time::Time;
use crate::units::{AccountId, ClientId, DomainId, NetworkId, SenderDomainId};

/// The clients and domains that have been seen. They have the same numbers at every provider.
#[derive(Debug)]
pub(super) struct ClientRegistry {
    clients: NumberedNames<IpAddr>,
    networks: BTreeMap<NetworkPrefix, NetworkId>,
    senders: NumberedNames<Box<str>>,
    domains: BTreeMap<String, DomainId>,
    accounts: BTreeMap<String, AccountId>,
}

/// Clients that are told apart. A provider keeps a few hundred bytes for each …
const CLIENTS_MAX: u32 = 100_000;
/// … and for each sender domain.
const SENDERS_MAX: u32 = 1_000_000;
/// Networks that are told apart; all further ones share the last number.
const NETWORKS_MAX: usize = 100_000;
/// Recipient domains, and accounts, that are told apart; all further ones share the last number.
const DOMAINS_MAX: usize = 10_000;

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

impl Default for ClientRegistry {
    fn default() -> Self {
        Self {
            clients: NumberedNames::new(CLIENTS_MAX),
            networks: BTreeMap::new(),
            senders: NumberedNames::new(SENDERS_MAX),
            domains: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }
}

impl ClientRegistry {
    /// The client at an address, which is seen now. Every provider must be told of a new one before it meets another.
    pub(super) fn client(&mut self, now: Time, ip: IpAddr) -> NumberOf<ClientId> {
        self.clients.see(now, &ip).unwrap_or_else(|| self.clients.add(now, ip)).map(ClientId)
    }

    /// The client at an address is never forgotten.
    pub(super) fn keep_client(&mut self, ip: IpAddr) {
        self.clients.keep(&ip);
    }

    /// The client at an address, if it has been seen.
    pub(super) fn known(&self, ip: IpAddr) -> Option<ClientId> {
        self.clients.get(&ip).map(ClientId)
    }

    /// All clients, by address.
    pub(super) fn clients(&self) -> impl Iterator<Item = (IpAddr, ClientId)> {
        self.clients.iter().map(|(ip, number)| (*ip, ClientId(number)))
    }

    /// The network of an address.
    pub(super) fn network(&mut self, ip: IpAddr) -> NetworkId {
        let next = NetworkId::from_index(self.networks.len().min(NETWORKS_MAX - 1));
        if self.networks.len() >= NETWORKS_MAX {
            return self.networks.get(&NetworkPrefix::of(ip)).copied().unwrap_or(next);
        }
        *self.networks.entry(NetworkPrefix::of(ip)).or_insert(next)
    }

    /// A sender domain, empty for the null path, which is seen now. Every provider must be told of a new one.
    pub(super) fn sender(&mut self, now: Time, domain: &str) -> NumberOf<SenderDomainId> {
        // Most names come in one spelling, and need no copy in lower case.
        let known = self.senders.see(now, domain).or_else(|| {
            let name = domain.to_ascii_lowercase();
            self.senders.see(now, name.as_str()).or_else(|| Some(self.senders.add(now, name.into())))
        });
        known.expect("a name that is not known is added").map(SenderDomainId)
    }

    /// A sender domain is never forgotten.
    pub(super) fn keep_sender(&mut self, domain: &str) {
        self.senders.keep(domain.to_ascii_lowercase().as_str());
    }

    /// A recipient domain.
    pub(super) fn domain(&mut self, domain: &str) -> DomainId {
        intern(&mut self.domains, domain, DomainId::from_index)
    }

    /// An account that a client logs in to, in any spelling.
    pub(super) fn account(&mut self, name: &str) -> AccountId {
        intern(&mut self.accounts, name, AccountId::from_index)
    }
}

/// The number of a name, whatever its spelling.
fn intern<T: Copy>(known: &mut BTreeMap<String, T>, name: &str, from_index: impl Fn(usize) -> T) -> T {
    // Most names come in one spelling, and need no copy in lower case.
    if let Some(id) = known.get(name) {
        return *id;
    }
    let name = name.to_ascii_lowercase();
    let next = from_index(known.len().min(DOMAINS_MAX - 1));
    match known.get(&name) {
        Some(id) => *id,
        None if known.len() >= DOMAINS_MAX => next,
        None => *known.entry(name).or_insert(next),
    }
}

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

#[cfg(test)]
mod tests {
    use super::super::numbered_names::Novelty;
    use super::*;

    #[test]
    fn clients_networks_and_domains_keep_their_numbers() {
        let mut registry = ClientRegistry::default();
        let ip = |last| IpAddr::from([127, 0, 0, last]);
        let mut client = |last| registry.client(Time::ZERO, ip(last));
        assert_eq!(client(1), NumberOf { id: ClientId(0), novelty: Novelty::New });
        assert_eq!(client(2), NumberOf { id: ClientId(1), novelty: Novelty::New });
        assert_eq!(client(1), NumberOf { id: ClientId(0), novelty: Novelty::Known });
        assert_eq!(registry.network(ip(1)), registry.network(ip(200)));
        assert_ne!(registry.network(ip(1)), registry.network(IpAddr::from([127, 0, 1, 1])));
        assert_eq!(network_of(ip(200)), "127.0.0.0/24");
        assert_eq!(network_of("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(registry.domain("Charter.net"), registry.domain("charter.NET"));
        assert_ne!(registry.domain("charter.net"), registry.domain("rr.com"));
        let mut sender = |name| registry.sender(Time::ZERO, name);
        assert_eq!(sender("a.example").novelty, Novelty::New);
        assert_eq!(sender("A.example"), sender("a.EXAMPLE"));
    }

    #[test]
    fn recipient_domains_are_bounded_and_the_last_number_is_shared() {
        let mut registry = ClientRegistry::default();
        let domains: Vec<_> = (0..10_100).map(|n| registry.domain(&format!("d{n}"))).collect();
        assert_eq!(domains[10_099].index(), DOMAINS_MAX - 1);
    }

    #[test]
    fn the_hash_of_a_recipient_ignores_case() {
        assert_eq!(recipient_hash("Ann", "charter.net"), recipient_hash("ann", "Charter.Net"));
        assert_ne!(recipient_hash("ann", "charter.net"), recipient_hash("bob", "charter.net"));
    }
}
