//! The servers beside the MX hosts: DNS, and the admin API.

use std::fmt::Display;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::Failure;
use crate::live::admin::{self, AdminState, AdminToken, AdminTokenError};
use crate::live::dns::{DnsServer, UnknownNames, Zone};
use crate::live::{MxCluster, MxHost};

/// Where the servers that were asked for listen.
#[derive(Clone, Copy)]
pub(super) struct AuxiliaryAddresses {
    pub(super) dns: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
}

impl AuxiliaryAddresses {
    /// Starts the servers that have an address; they stop with `stop`. The addresses at which they really listen.
    pub(super) async fn start(
        self,
        cluster: &Arc<MxCluster>,
        hosts: &[MxHost],
        token: Option<AdminToken>,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let dns = match self.dns {
            Some(at) => Some(start_dns(cluster, hosts, at, stop).await?),
            None => None,
        };
        let state = AdminState { cluster: cluster.clone(), dns: dns.as_ref().map(DnsServer::faults), token };
        let admin = match self.admin {
            Some(at) => Some(start_admin(state, at, stop).await?),
            None => None,
        };
        Ok(Self { dns: dns.map(|server| server.address()), admin })
    }
}

/// The address of an option, if no other machine can reach it, or `expose` says that this is meant.
pub(super) fn check_exposure(
    option: &str,
    address: Option<SocketAddr>,
    expose: bool,
) -> Result<Option<SocketAddr>, Failure> {
    match address.filter(|at| !at.ip().is_loopback() && !expose) {
        None => Ok(address),
        Some(at) => Err(Failure::input(format_args!(
            "{option} {at} is no loopback address: other machines could reach it. If that is meant, say --expose"
        ))),
    }
}

/// The token in a file: its first line.
pub(super) fn read_token(file: &Path) -> Result<AdminToken, Failure> {
    let wrong = |why: &dyn Display| Failure::input(format_args!("--admin-token-file {}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    text.lines().next().unwrap_or_default().trim().parse().map_err(|error: AdminTokenError| wrong(&error))
}

async fn start_dns(
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
    // A sender on this machine has a name that resolves back to its address, as good senders have.
    zone.source(IpAddr::from([127, 0, 0, 1]), "localhost").map_err(Failure::input)?;
    let server = DnsServer::start(at, zone, stop).await;
    server.map_err(|error| Failure::unwritten(format_args!("cannot answer DNS on {at}: {error}")))
}

async fn start_admin(state: AdminState, at: SocketAddr, stop: &CancellationToken) -> Result<SocketAddr, Failure> {
    let cannot = |error| Failure::unwritten(format_args!("cannot listen on {at} for administrators: {error}"));
    let listener = TcpListener::bind(at).await.map_err(cannot)?;
    let at = listener.local_addr().map_err(cannot)?;
    // It ends with `stop`; its only error, a listener without an address, was ruled out a line above.
    tokio::spawn(admin::serve(state, listener, stop.clone()));
    Ok(at)
}
