//! Sources: egress IPs, one or several in a row, and the networks they stand in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::accounts::AccountNames;
use super::history;
use crate::scenario::model::Source;
use crate::scenario::spec::SourceSpec;
use crate::spanned::{Checker, Spanned};
use crate::units::{NetworkId, SourceId};

/// The sources of a scenario; the accounts that they log in to are added to `accounts`.
pub(super) fn build(
    specs: &[Spanned<SourceSpec>],
    accounts: &mut AccountNames,
    check: &mut Checker<'_>,
) -> Vec<Source> {
    if specs.is_empty() {
        let help = "add one:\n[[source]]\nip = \"192.0.2.1\"";
        check.lacking(&(0..0), "the scenario has no sources: no IP to send from", help);
    }
    let mut sources: Vec<Source> = Vec::new();
    let mut taken: BTreeSet<IpAddr> = BTreeSet::new();
    let mut networks: BTreeMap<(IpAddr, u8), NetworkId> = BTreeMap::new();
    for spec in specs {
        let Some(first) = address(&spec.ip, check) else { continue };
        let network = spec.network.as_ref().and_then(|network| parse_network(network, check));
        let count = spec.count.as_ref().map_or(1, |count| check.count(count, 1..=SOURCES_MAX));
        if sources.len() + count as usize > SOURCES_MAX as usize {
            check.wrong(&spec.span, format!("a scenario has at most {SOURCES_MAX} sources"));
            break;
        }
        let history = history::build(spec.reputation.as_ref(), spec.daily_volume.as_ref(), spec.age.as_ref(), check);
        let account = spec.account.as_ref().map(|name| accounts.id(name, check));
        for n in 0..count {
            let Some(ip) = nth_after(first, n) else {
                check.wrong(&spec.ip.span, format!("there are no {count} addresses from {first} on"));
                break;
            };
            if let Some(what) = not_of_one_host(ip) {
                let message = format!("{ip} is {what}: nobody sends from it");
                check.wrong_do(&spec.ip.span, message, "write the address of a host, such as \"192.0.2.1\"");
                break;
            }
            if !taken.insert(ip) {
                check.wrong(&spec.ip.span, format!("the source {ip} is there twice"));
                break;
            }
            let own = network.unwrap_or_else(|| masked(ip, if ip.is_ipv4() { 24 } else { 64 }));
            if masked(ip, own.1) != own {
                let place = spec.network.as_ref().map_or(&spec.span, |network| &network.span);
                check.wrong(place, format!("{ip} is not in the network {}/{}", own.0, own.1));
                break;
            }
            let next = NetworkId::from_index(networks.len());
            let network = *networks.entry(own).or_insert(next);
            let (listed, ptr) = (spec.listed, spec.ptr.unwrap_or(true));
            sources.push(Source { ip, network, listed, ptr, history, account });
        }
    }
    sources
}

/// The source `name`; says so if there is none.
pub(super) fn find(name: &Spanned<String>, sources: &[Source], check: &mut Checker<'_>) -> Option<SourceId> {
    let ip = address(name, check)?;
    let place = sources.iter().position(|source| source.ip == ip);
    if place.is_none() {
        let known: Vec<String> = sources.iter().map(|source| source.ip.to_string()).collect();
        // A list of hundreds of addresses is no help.
        let known: Vec<&str> = known.iter().map(String::as_str).take(8).collect();
        check.unknown("source", name, &known);
    }
    place.map(SourceId::from_index)
}

fn address(written: &Spanned<String>, check: &mut Checker<'_>) -> Option<IpAddr> {
    let ip = written.parse().ok();
    if ip.is_none() {
        let message = format!("`{}` is not an IP address", written.value);
        check.wrong_do(&written.span, message, "write one such as \"192.0.2.1\" or \"2001:db8::1\"");
    }
    ip
}

/// What an address is that is no host's own; `None` for one that a host can send from.
fn not_of_one_host(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        ip if ip.is_unspecified() => Some("the unspecified address"),
        ip if ip.is_multicast() => Some("a multicast address"),
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some("the broadcast address"),
        _ => None,
    }
}

fn parse_network(written: &Spanned<String>, check: &mut Checker<'_>) -> Option<(IpAddr, u8)> {
    let parts = written.split_once('/').and_then(|(ip, bits)| Some((ip.parse().ok()?, bits.parse().ok()?)));
    let fits = |ip: &IpAddr, bits: u8| bits <= if ip.is_ipv4() { 32 } else { 128 };
    match parts {
        Some((ip, bits)) if fits(&ip, bits) => Some(masked(ip, bits)),
        _ => {
            let message = format!("`{}` is not a network", written.value);
            check.wrong_do(&written.span, message, "write one such as \"192.0.2.0/24\" or \"2001:db8::/64\"");
            None
        }
    }
}

/// The network of `bits` in which `ip` stands.
fn masked(ip: IpAddr, bits: u8) -> (IpAddr, u8) {
    let bits32 = u32::from(bits);
    let base = match ip {
        IpAddr::V4(ip) => {
            Ipv4Addr::from_bits(ip.to_bits() & u32::MAX.checked_shl(32 - bits32.min(32)).unwrap_or(0)).into()
        }
        IpAddr::V6(ip) => {
            Ipv6Addr::from_bits(ip.to_bits() & u128::MAX.checked_shl(128 - bits32.min(128)).unwrap_or(0)).into()
        }
    };
    (base, bits)
}

fn nth_after(ip: IpAddr, n: u32) -> Option<IpAddr> {
    Some(match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().checked_add(n)?).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().checked_add(u128::from(n))?).into(),
    })
}

/// More than any sender has, and within [`SourceId`].
const SOURCES_MAX: u32 = 10_000;
