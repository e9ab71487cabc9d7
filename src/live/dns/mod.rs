//! A DNS server that knows the providers and the senders of a cluster, so that a real MTA finds its way to them.
//!
//! It answers as the last resort of a resolver would: with authority for its own zones, and for everything else with
//! "there is no such name", so that nobody asks further and no query leaves the machine. Over UDP and TCP, with EDNS0;
//! no DNSSEC. What can go wrong with DNS can be made to: see [`DnsFault`].

mod answer;
mod fault;
mod server;
#[cfg(test)]
mod tests;
mod zone;

pub use fault::{DnsFailure, DnsFault};
pub use server::{DnsFaults, DnsServer};
pub use zone::{DnsRecord, InvalidDnsName, UnknownNames, Zone};
