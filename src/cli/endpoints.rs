//! Where mail goes and where it comes from, as the command line says it: checked before anything is sent.

use std::net::{IpAddr, SocketAddr};

use super::{Failure, terminal};
use crate::live;

/// An address and a port that mail can go to.
pub(super) fn target(text: &str) -> Result<SocketAddr, String> {
    let target: SocketAddr =
        text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:2525".to_owned())?;
    if target.port() == 0 {
        return Err("nobody listens on port 0; write the port of the server, such as 2525".to_owned());
    }
    match group(target.ip()) {
        Some(what) => Err(format!("{what} is no server; write the address of one")),
        None => Ok(target),
    }
}

/// Checks that mail to these targets can be sent from this address.
pub(super) fn check_source(source: IpAddr, targets: &[Vec<SocketAddr>]) -> Result<(), Failure> {
    let wrong = |why: String| Failure::input(format_args!("--from {source}: {why}"));
    if let Some(what) = group(source) {
        return Err(wrong(format!("{what} is no address to send from; write one that this machine has")));
    }
    if let Some(target) = targets.iter().flatten().find(|target| target.is_ipv4() != source.is_ipv4()) {
        return Err(wrong(format!("{target} cannot be reached from it: one is IPv4, the other IPv6")));
    }
    let hint = "this machine cannot send from it; write an address that it has (`ip address` lists them)";
    live::check_local(source).map_err(|error| wrong(format!("{hint}: {error}")))?;
    for target in targets.iter().flatten() {
        let why = |error| wrong(format!("{target} cannot be reached from it: {error}"));
        live::check_route(source, *target).map_err(why)?;
    }
    Ok(())
}

/// What an address stands for that is not one machine's.
fn group(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        address if address.is_unspecified() => Some("the unspecified address"),
        address if address.is_multicast() => Some("a multicast address"),
        IpAddr::V4(address) if address.is_broadcast() => Some("the broadcast address"),
        _ => None,
    }
}

/// The targets at which no server listens now. Says so: it may be too early, and a server may still come. What looks is
/// a connection, which servers count: that is said too.
pub(super) fn doubtful(targets: &[Vec<SocketAddr>], sources: &[IpAddr], quiet: bool) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> = targets.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    let from = |target: &SocketAddr| sources.iter().find(|source| source.is_ipv4() == target.is_ipv4());
    if !quiet {
        let looks = all.len();
        terminal::note(format!(
            "one connection to each target, to see whether anybody listens: {looks} that servers see and no result counts"
        ));
    }
    all.retain(|target| from(target).is_some_and(|source| live::is_refused(*source, *target)));
    for target in &all {
        terminal::note(format!("warning: nobody listens at {target}; if nobody does when mail is due, the run stops"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machines_own_address_is_an_end() {
        assert_eq!(target("127.0.0.1:25"), Ok("127.0.0.1:25".parse().unwrap()));
        for wrong in
            ["127.0.0.1", "127.0.0.1:0", "0.0.0.0:25", "[::]:25", "224.0.0.1:25", "[ff02::1]:25", "[::ffff:0.0.0.0]:25"]
        {
            assert!(target(wrong).is_err(), "{wrong}");
        }
        let loopback = "127.0.0.1".parse().unwrap();
        let elsewhere = [vec!["192.0.2.1:25".parse().unwrap()]];
        assert!(check_source(loopback, &elsewhere).is_err(), "loopback reaches no other machine");
        let targets = [vec!["127.0.0.1:25".parse().unwrap()]];
        for (source, right) in
            [("127.0.0.1", true), ("8.8.8.8", false), ("0.0.0.0", false), ("224.0.0.1", false), ("::1", false)]
        {
            assert_eq!(check_source(source.parse().unwrap(), &targets).is_ok(), right, "{source}");
        }
    }
}
