//! The providers to serve, with the changes of `--set`, and the addresses of their hosts.

use std::net::{IpAddr, SocketAddr};

use crate::cli::{Failure, profiles};
use crate::diagnostic::{Document, did_you_mean, nearest};
use crate::live::MxHost;
use crate::provider::Policy;
use crate::provider::profile::{self, Overlay};
use crate::spanned::Checker;
use crate::units::ProviderId;

/// The policies of these profiles after these changes.
pub(super) fn policies(names: &[String], changes: &[String]) -> Result<Vec<Policy>, Failure> {
    let documents = names.iter().map(|name| profiles::find(name)).collect::<Result<Vec<_>, _>>()?;
    let known: Vec<String> = documents.iter().map(name_of).collect();
    if let Some(twice) = known.iter().enumerate().find(|(n, name)| known[..*n].contains(name)) {
        return Err(Failure::input(format_args!("`{}` is named twice; one provider is served once", twice.1)));
    }
    let mut of_each: Vec<Vec<Document>> = vec![Vec::new(); documents.len()];
    for text in changes {
        let RequestedChange { place, document } = change(text, &known)?;
        of_each[place].push(document);
    }
    documents.iter().zip(&of_each).map(|(document, changes)| policy(document, changes)).collect()
}

/// The name a profile gives itself; of one that is wrong, its file's. The fault is told when it is read in earnest.
fn name_of(document: &Document) -> String {
    profile::parse(document).map_or_else(|_| document.name.clone(), |policy| policy.name)
}

/// A `--set`.
struct RequestedChange {
    /// The place of the provider that it changes.
    place: usize,
    document: Document,
}

/// Reads `[PROVIDER:]PATH=VALUE`.
fn change(text: &str, known: &[String]) -> Result<RequestedChange, Failure> {
    let wrong = |why: String| Failure::input(format_args!("--set {text}: {why}"));
    let Some((path, value)) = text.split_once('=') else {
        return Err(wrong("write a path and a value, such as rule.connections.limit=5".to_owned()));
    };
    let (place, path) = match path.split_once(':') {
        Some((name, path)) => {
            let Some(place) = known.iter().position(|known| known == name) else {
                let near = nearest(name, known.iter().map(String::as_str));
                let hint = near.map(|near| format!("; {}", did_you_mean(near))).unwrap_or_default();
                return Err(wrong(format!("no provider `{name}` is served{hint}")));
            };
            (place, path)
        }
        None if known.len() == 1 => (0, path),
        None => return Err(wrong(format!("say whose: {}:{text}", known[0]))),
    };
    Ok(RequestedChange { place, document: Document::new("--set", format!("{path} = {}", value_of(value))) })
}

/// A value as TOML has it, or else a text: quotes are a shell's first victims.
fn value_of(text: &str) -> toml::Value {
    let table = format!("value = {text}").parse::<toml::Table>().ok();
    table.and_then(|mut table| table.remove("value")).unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn policy(document: &Document, changes: &[Document]) -> Result<Policy, Failure> {
    let mut overlays = Vec::new();
    for change in changes {
        let mut check = Checker::new(change);
        let overlay = Overlay::read(change, &mut check);
        overlays.push(check.finish(overlay).map_err(profiles::rendered)?);
    }
    profile::parse_with(document, &overlays).map_err(profiles::rendered)
}

/// Every MX host of every provider, at addresses counted up from `first`.
pub(super) fn hosts(policies: &[Policy], first: SocketAddr, expose: bool) -> Result<Vec<MxHost>, Failure> {
    if !first.ip().is_loopback() && !expose {
        return Err(Failure::input(format_args!(
            "{first} is no loopback address: other machines could reach it. If that is meant, say --expose"
        )));
    }
    let names =
        (0..).map(ProviderId).zip(policies).flat_map(|(site, policy)| policy.mx.iter().map(move |mx| (site, mx)));
    let wanted = |(n, (site, name)): (u32, (ProviderId, &String))| {
        let address = nth(first, n).ok_or_else(|| {
            Failure::input(format_args!("there are not enough addresses from {first} on for all MX hosts"))
        })?;
        Ok(MxHost { site, name: name.clone(), address })
    };
    (0..).zip(names).map(wanted).collect()
}

/// The `n`-th address after the first: another loopback address, or another port where there is only one address.
fn nth(first: SocketAddr, n: u32) -> Option<SocketAddr> {
    match first.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => {
            let ip = std::net::Ipv4Addr::from(u32::from(ip).checked_add(n)?);
            ip.is_loopback().then_some(SocketAddr::new(ip.into(), first.port()))
        }
        // Port 0 is any free port, as often as need be.
        ip if first.port() == 0 => Some(SocketAddr::new(ip, 0)),
        ip => Some(SocketAddr::new(ip, first.port().checked_add(u16::try_from(n).ok()?)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, known: &[&str]) -> Option<(usize, String)> {
        let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
        change(text, &known).ok().map(|change| (change.place, change.document.text.to_string()))
    }

    #[test]
    fn set_changes_are_a_path_and_a_value() {
        let limit = || "rule.connections.limit = 5".to_owned();
        assert_eq!(changed("rule.connections.limit=5", &["charter"]), Some((0, limit())));
        assert_eq!(changed("yahoo:rule.connections.limit=5", &["charter", "yahoo"]), Some((1, limit())));
        let window = "rule.rate.window = \"1h\"".to_owned();
        assert_eq!(changed("rule.rate.window=1h", &["charter"]), Some((0, window)));
        for wrong in ["", "rule", "rule.a.limit=5", "gmail:rule.a.limit=5"] {
            assert_eq!(changed(wrong, &["charter", "yahoo"]), None, "{wrong}");
        }
    }

    #[test]
    fn every_mx_host_has_its_own_address() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(nth(at("127.0.0.255:25"), 1), Some(at("127.0.1.0:25")));
        assert_eq!(nth(at("[::1]:2525"), 2), Some(at("[::1]:2527")));
        assert_eq!(nth(at("0.0.0.0:65535"), 1), None);
        assert_eq!(nth(at("127.255.255.255:25"), 1), None);
    }

    #[test]
    fn hosts_outside_loopback_need_expose() {
        let policies = policies(&["charter".to_owned()], &[]).unwrap();
        let at = "192.0.2.1:25".parse().unwrap();
        assert!(hosts(&policies, at, false).is_err());
        assert!(hosts(&policies, at, true).is_ok());
    }
}
