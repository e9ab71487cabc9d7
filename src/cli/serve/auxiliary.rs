//! What stands beside the MX hosts: a DNS server, and a door for administrators.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Args;
use crate::cli::Failure;
use crate::live::admin::{self, AdminState};
use crate::live::dns::{DnsServer, UnknownNames, Zone};
use crate::live::{MxCluster, MxHost};

/// Where they listen.
pub(super) struct AuxiliaryServers {
    pub(super) dns: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
}

impl AuxiliaryServers {
    /// Starts what was asked for; it stops with `stop`.
    pub(super) async fn start(
        cluster: &Arc<MxCluster>,
        hosts: &[MxHost],
        args: &Args,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let dns = match args.dns {
            Some(at) => Some(dns(cluster, hosts, loopback("--dns", at, args)?, stop).await?),
            None => None,
        };
        let state = AdminState { cluster: cluster.clone(), dns: dns.as_ref().map(DnsServer::faults) };
        let admin = match args.admin {
            Some(at) => Some(admin(state, loopback("--admin", at, args)?, stop).await?),
            None => None,
        };
        Ok(Self { dns: dns.map(|server| server.address()), admin })
    }
}

/// The address, if nobody from outside can reach it or that is meant.
fn loopback(option: &str, at: SocketAddr, args: &Args) -> Result<SocketAddr, Failure> {
    if at.ip().is_loopback() || args.expose {
        return Ok(at);
    }
    Err(Failure::input(format_args!(
        "{option} {at} is no loopback address: other machines could reach it. If that is meant, say --expose"
    )))
}

async fn dns(
    cluster: &MxCluster,
    hosts: &[MxHost],
    at: SocketAddr,
    stop: &CancellationToken,
) -> Result<DnsServer, Failure> {
    let mut zone = Zone::new(at.ip(), UnknownNames::NoSuchName);
    let addresses = |name: &str| -> Vec<IpAddr> {
        hosts.iter().filter(|host| host.name == name).map(|host| host.address.ip()).collect()
    };
    for policy in cluster.policies() {
        zone.provider(policy, addresses).map_err(Failure::input)?;
    }
    // Whoever sends from this machine has a name that resolves back, as senders have who mean well.
    zone.source(IpAddr::from([127, 0, 0, 1]), "localhost").map_err(Failure::input)?;
    let server = DnsServer::start(at, zone, stop).await;
    server.map_err(|error| Failure::unwritten(format_args!("cannot answer DNS on {at}: {error}")))
}

async fn admin(state: AdminState, at: SocketAddr, stop: &CancellationToken) -> Result<SocketAddr, Failure> {
    let cannot = |error| Failure::unwritten(format_args!("cannot listen on {at} for administrators: {error}"));
    let listener = TcpListener::bind(at).await.map_err(cannot)?;
    let at = listener.local_addr().map_err(cannot)?;
    // It ends when it is told to; that it has no address any more was ruled out a line above.
    tokio::spawn(admin::serve(state, listener, stop.clone()));
    Ok(at)
}
