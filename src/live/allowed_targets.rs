//! Addresses that the driver may send to. A load test against servers of other people is an attack: only loopback
//! addresses are allowed by default, and all others must be named.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// Loopback addresses, and these networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedTargets(Vec<IpNet>);

/// An address that the driver may not send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is no loopback address, and mxlab sends test mail at full load: nobody but its owner may want that. If it is \
     yours, say so with --allow-target {net}",
    net = IpNet::from(.0.ip())
)]
pub struct ForbiddenTarget(pub SocketAddr);

impl AllowedTargets {
    /// Allows loopback addresses and these networks.
    pub const fn loopback_and(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Checks that all of these addresses are allowed.
    ///
    /// # Errors
    /// The first address that is not.
    pub fn check<'a>(&self, targets: impl IntoIterator<Item = &'a SocketAddr>) -> Result<(), ForbiddenTarget> {
        match targets.into_iter().find(|target| !self.allows(target.ip())) {
            Some(target) => Err(ForbiddenTarget(*target)),
            None => Ok(()),
        }
    }

    fn allows(&self, ip: IpAddr) -> bool {
        // An IPv4 address that is mapped to IPv6 is the IPv4 address.
        let ip = ip.to_canonical();
        ip.is_loopback() || self.0.iter().any(|network| network.contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], target: &str) -> Result<(), String> {
        let networks = allowed.iter().map(|network| network.parse().unwrap()).collect();
        AllowedTargets::loopback_and(networks)
            .check([&target.parse().unwrap()])
            .map_err(|forbidden| forbidden.to_string())
    }

    #[test]
    fn only_loopback_targets_are_allowed_by_default() {
        for target in ["127.0.0.1:25", "127.255.0.9:2525", "[::1]:25", "[::ffff:127.0.0.1]:25"] {
            assert_eq!(check(&[], target), Ok(()), "{target}");
        }
        for target in ["192.0.2.1:25", "10.0.0.1:25", "0.0.0.0:25", "[::]:25", "[::ffff:192.0.2.1]:25", "[fe80::1]:25"]
        {
            assert!(check(&[], target).is_err(), "{target}");
        }
    }

    #[test]
    fn targets_named_by_network_are_allowed() {
        assert_eq!(check(&["192.0.2.0/24"], "192.0.2.77:25"), Ok(()));
        assert_eq!(check(&["192.0.2.0/24"], "[::ffff:192.0.2.77]:25"), Ok(()));
        let refused = check(&["192.0.2.0/24"], "198.51.100.1:25").unwrap_err();
        assert!(refused.contains("--allow-target 198.51.100.1/32"), "{refused}");
    }
}
