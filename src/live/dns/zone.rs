//! What the server knows: names and their records, and where the zones begin.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::Name;

use crate::provider::Policy;

/// Names and their records, in any number of zones.
#[derive(Clone, Debug)]
pub struct Zone {
    /// By name in lower case, without the last dot. All ancestors of a name are in it, so that names without records of
    /// their own are told from names that do not exist (RFC 8020).
    names: BTreeMap<String, Vec<DnsRecord>>,
    /// Records of names that are not among `names`, by the name that they stand below; the root's name is empty.
    wildcards: BTreeMap<String, Vec<DnsRecord>>,
    /// The names at which zones begin.
    apexes: BTreeSet<String>,
    unknown_names: UnknownNames,
    server: IpAddr,
}

/// The answer for names outside all zones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownNames {
    /// NXDOMAIN, after which an MTA does not ask again.
    #[default]
    NoSuchName,
    /// REFUSED, as servers do that are only authoritative.
    Refused,
}

/// A record of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsRecord {
    /// A mail exchanger and its preference; lower ones are tried first.
    Mx(u16, String),
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The name of an address.
    Ptr(String),
    /// A text of any length, such as an SPF record.
    Txt(String),
    /// The name of a name server.
    Ns(String),
    /// The start of a zone of this name.
    Soa(String),
}

/// A text that cannot be the name of a host or a domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no domain name: labels of 1 to 63 letters, digits, `-` or `_`, with dots between, 240 characters at most"
)]
pub struct InvalidDnsName(pub String);

/// The result of looking a name up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZoneLookup<'z> {
    /// The name exists, with these records of any type.
    Records(&'z [DnsRecord]),
    /// The name does not exist.
    NoSuchName,
    /// The name is in no zone.
    OutsideZones,
}

impl Zone {
    /// Zones without names. `server` is the address of the server itself, for the zones' NS records.
    pub fn new(server: IpAddr, unknown_names: UnknownNames) -> Self {
        let (names, wildcards, apexes) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let mut zone = Self { names, wildcards, apexes, unknown_names, server };
        // Addresses without a name get an answer at once, even where names outside all zones are refused.
        zone.begin_zone("in-addr.arpa".to_owned());
        zone.begin_zone("ip6.arpa".to_owned());
        zone
    }

    /// Adds the domains of a provider, each with all of its MX hosts in the order of the profile (preference 10, 20,
    /// …), and the addresses of these. Patterns become wildcards (RFC 4592).
    ///
    /// # Errors
    /// A domain or a host has a name that is none.
    pub fn provider(&mut self, policy: &Policy, addresses: impl Fn(&str) -> Vec<IpAddr>) -> Result<(), InvalidDnsName> {
        let hosts = policy.mx.iter().map(|host| normalized(host)).collect::<Result<Vec<_>, _>>()?;
        let exchangers = (1_u16..).zip(hosts).map(|(nth, host)| DnsRecord::Mx(nth.saturating_mul(10), host));
        let exchangers: Vec<DnsRecord> = exchangers.collect();
        for domain in policy.domains.patterns() {
            let parent = match domain.strip_prefix('*') {
                Some("") => Some(String::new()),
                Some(below) => Some(normalized(below.trim_start_matches('.'))?),
                None => None,
            };
            let apex = parent.clone().map_or_else(|| normalized(domain), Ok)?;
            if !apex.is_empty() {
                self.begin_zone(apex.clone());
            }
            match parent {
                Some(parent) => drop(self.wildcards.entry(parent).or_insert_with(|| exchangers.clone())),
                None => exchangers.iter().for_each(|record| self.insert(apex.clone(), record.clone())),
            }
        }
        for host in &policy.mx {
            self.ensure_zone_of(&normalized(host)?);
            for address in addresses(host) {
                self.add(host, DnsRecord::at(address))?;
            }
        }
        Ok(())
    }

    /// Adds an address that mail is sent from: its name, and the name's address.
    ///
    /// # Errors
    /// The name is none.
    pub fn source(&mut self, address: IpAddr, name: &str) -> Result<(), InvalidDnsName> {
        self.ensure_zone_of(&normalized(name)?);
        self.add(name, DnsRecord::at(address))?;
        self.add(&reverse(address), DnsRecord::Ptr(name.to_owned()))
    }

    /// Adds a domain that mail is sent for: SPF allows these addresses and no others.
    ///
    /// # Errors
    /// The name is none.
    pub fn sender(&mut self, domain: &str, from: &[IpAddr]) -> Result<(), InvalidDnsName> {
        self.begin_zone(normalized(domain)?);
        let allow = |address: &IpAddr| match address {
            IpAddr::V4(ip) => format!("ip4:{ip} "),
            IpAddr::V6(ip) => format!("ip6:{ip} "),
        };
        let spf = format!("v=spf1 {}-all", from.iter().map(allow).collect::<String>());
        self.add(domain, DnsRecord::Txt(spf))
    }

    /// Adds a record. A name outside all zones begins one.
    ///
    /// # Errors
    /// The name, or one in the record, is none.
    pub fn add(&mut self, name: &str, record: DnsRecord) -> Result<(), InvalidDnsName> {
        let name = normalized(name)?;
        if let DnsRecord::Mx(_, other) | DnsRecord::Ptr(other) | DnsRecord::Ns(other) = &record {
            normalized(other)?;
        }
        self.ensure_zone_of(&name);
        self.insert(name, record);
        Ok(())
    }

    /// Looks a name up.
    pub(super) fn find(&self, name: &Name<'_>) -> ZoneLookup<'_> {
        let name = key(name);
        let own = self.names.get(&name);
        match own.or_else(|| self.wildcard_above(&name)) {
            Some(records) if own.is_none() => ZoneLookup::Records(records),
            _ if self.unknown_names == UnknownNames::Refused && self.apex_of(&name).is_none() => {
                ZoneLookup::OutsideZones
            }
            Some(records) => ZoneLookup::Records(records),
            None => ZoneLookup::NoSuchName,
        }
    }

    /// The records of a name that stands in a record.
    pub(super) fn records(&self, name: &str) -> &[DnsRecord] {
        self.names.get(&name.trim_end_matches('.').to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The zone that a name is in; the root if it is in no other.
    pub(super) fn zone_of(&self, name: &Name<'_>) -> &str {
        self.apex_of(&key(name)).unwrap_or("")
    }

    /// Begins a zone: its SOA, and this server as its name server.
    fn begin_zone(&mut self, name: String) {
        if self.apexes.insert(name.clone()) {
            let server = format!("ns.{name}");
            self.insert(name.clone(), DnsRecord::Soa(name.clone()));
            self.insert(name, DnsRecord::Ns(server.clone()));
            self.insert(server, DnsRecord::at(self.server));
        }
    }

    /// Begins a zone for a name that is in none: at its parent, or at the name itself if the parent is a top-level
    /// domain.
    fn ensure_zone_of(&mut self, name: &str) {
        if self.apex_of(name).is_none() {
            let parent = name.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'));
            self.begin_zone(parent.unwrap_or(name).to_owned());
        }
    }

    /// The records of the wildcard that stands for a name which is not there: the nearest above it, in its own zone. As
    /// RFC 4592 has it, but that a name which only has others below it hides no wildcard: `net` is there because of
    /// `charter.net`, and `*` stands for `example.net` nevertheless.
    fn wildcard_above(&self, name: &str) -> Option<&Vec<DnsRecord>> {
        let ends = |above: &&str| self.wildcards.contains_key(*above) || self.apexes.contains(*above);
        let nearest = ancestry(name).skip(1).find(ends);
        self.wildcards.get(nearest.unwrap_or(""))
    }

    fn apex_of(&self, name: &str) -> Option<&str> {
        ancestry(name).find_map(|name| self.apexes.get(name)).map(String::as_str)
    }

    fn insert(&mut self, name: String, record: DnsRecord) {
        for ancestor in ancestry(&name).skip(1) {
            self.names.entry(ancestor.to_owned()).or_default();
        }
        let records = self.names.entry(name).or_default();
        if !records.contains(&record) {
            records.push(record);
        }
    }
}

impl DnsRecord {
    /// The A or AAAA record of an address.
    pub const fn at(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(ip) => Self::A(ip),
            IpAddr::V6(ip) => Self::Aaaa(ip),
        }
    }
}

/// The name for the reverse look-up of an address (RFC 1035 section 3.5, RFC 3596 section 2.5).
pub(super) fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(ip) => {
            let nibble = |byte: &u8| format!("{:x}.{:x}.", byte & 15, byte >> 4);
            ip.octets().iter().rev().map(nibble).collect::<String>() + "ip6.arpa"
        }
    }
}

/// A name and all its ancestors but the root.
fn ancestry(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent))
}

fn key(name: &Name<'_>) -> String {
    name.to_string().to_ascii_lowercase()
}

/// A name as it is kept, short enough for a name server below it.
fn normalized(name: &str) -> Result<String, InvalidDnsName> {
    let kept = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(plain);
    if kept.len() <= 240 && kept.split('.').all(label) { Ok(kept) } else { Err(InvalidDnsName(name.to_owned())) }
}
