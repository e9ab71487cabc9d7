//! A DNS server that knows the providers and the senders of a cluster, so that a real MTA finds its hosts.
//!
//! It answers with authority for its own zones, and "no such name" for everything else, so that no query leaves the
//! machine. Over UDP and TCP, with EDNS0; no DNSSEC. Faults can be injected: see [`DnsFault`].

mod answer;
mod fault;
mod server;
#[cfg(test)]
mod tests;
mod zone;

pub use fault::{DnsFailure, DnsFault};
pub use server::{DnsFaults, DnsServer};
pub use zone::{DnsRecord, InvalidDnsName, UnknownNames, Zone};
