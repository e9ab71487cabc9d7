//! A trial on real sockets: the driver against a cluster of its own, or against servers elsewhere.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::allowed_targets::AllowedTargets;
use super::clock::{Clock, Speed};
use super::cluster::{KnownSender, MxCluster, MxClusterConfig};
use super::driver::{ClientOptions, DriveError, DriverConfig, LiveTrial, drive};
use super::mx_server::{ListenError, MxHost, MxServer};
use super::server_options::ServerOptions;
use super::tls::{ServerTls, StartTls, TlsError};
use crate::trial::TrialInput;
use crate::units::ProviderId;

/// The servers that receive the mail.
#[derive(Clone, Debug)]
pub enum Receivers {
    /// A cluster of the trial's own, on loopback.
    Cluster,
    /// Servers that are running already.
    Hosts {
        /// Each provider's hosts, taken in turn; none is empty.
        targets: Vec<Vec<SocketAddr>>,
        /// The address that each source sends from.
        sources: Vec<IpAddr>,
        /// The addresses that may be sent to.
        allowed: AllowedTargets,
        /// Targets that refused a connection just before; see [`DriverConfig::doubtful`].
        doubtful: Vec<SocketAddr>,
    },
}

/// A trial cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// A host of the cluster cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The hosts of the cluster have no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The driver of the sender failed.
    #[error(transparent)]
    Drive(#[from] DriveError),
}

/// Wall-clock time for the cluster's sessions to end.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// Runs a trial to its end, or until `stop`.
///
/// # Errors
/// A host cannot listen, a target is not allowed, or an invariant does not hold.
pub async fn trial(
    input: TrialInput<'_>,
    receivers: &Receivers,
    speed: Speed,
    client_options: ClientOptions,
    stop: &CancellationToken,
) -> Result<LiveTrial, TrialError> {
    let Receivers::Hosts { targets, sources, allowed, doubtful } = receivers else {
        return on_own_cluster(input, speed, client_options, stop).await;
    };
    let config = DriverConfig {
        input,
        targets: targets.clone(),
        allowed: allowed.clone(),
        doubtful: doubtful.clone(),
        sources: sources.clone(),
        cluster: None,
        clock: Clock::start(speed),
        client_options,
    };
    Ok(drive(config, stop).await?)
}

async fn on_own_cluster(
    input: TrialInput<'_>,
    speed: Speed,
    client_options: ClientOptions,
    stop: &CancellationToken,
) -> Result<LiveTrial, TrialError> {
    let sources: Vec<IpAddr> = (0..).map(source_address).take(input.scenario.sources.len()).collect();
    let clock = Clock::start(speed);
    let cluster = MxCluster::new(cluster_config(input, &sources), clock);
    let hosts = mx_hosts(input);
    let server = MxServer::start(&cluster, &hosts, server_options(&hosts, &client_options)?)?;
    let config = DriverConfig {
        input,
        targets: targets(&server, input.scenario.providers.len()),
        allowed: AllowedTargets::default(),
        doubtful: Vec::new(),
        sources,
        cluster: Some(cluster),
        clock,
        client_options,
    };
    let driven = drive(config, stop).await;
    let own_failures = server.stop(SHUTDOWN_GRACE).await;
    let mut driven = driven?;
    driven.trial.own_failures.merge(&own_failures);
    Ok(driven)
}

/// The hosts offer TLS where the client wants it, and share the client's injected faults.
fn server_options(hosts: &[MxHost], client_options: &ClientOptions) -> Result<ServerOptions, TlsError> {
    let tls = match client_options.tls {
        StartTls::Never => None,
        StartTls::May(_) | StartTls::Must(_) => {
            let names: Vec<String> = hosts.iter().map(|host| host.name.clone()).collect();
            let addresses: Vec<IpAddr> = hosts.iter().map(|host| host.address.ip()).collect();
            Some(ServerTls::self_signed(&names, &addresses)?)
        }
    };
    Ok(ServerOptions { tls, own_faults: client_options.own_faults.clone(), ..ServerOptions::default() })
}

fn cluster_config(input: TrialInput<'_>, sources: &[IpAddr]) -> MxClusterConfig {
    let domains = input.scenario.workload.sender_domains.iter().zip(input.sender_histories());
    MxClusterConfig {
        policies: input.scenario.providers.clone(),
        seed: input.seed,
        unknowns: input.unknowns,
        day_starts: input.scenario.day_starts,
        clients: sources.iter().copied().zip(input.clients()).collect(),
        accounts: input.scenario.accounts.clone(),
        senders: domains.map(|(domain, history)| KnownSender { domain: domain.clone(), history }).collect(),
    }
}

/// Every MX host of every provider, each on a loopback address of its own; where there are more than names, they share
/// these.
fn mx_hosts(input: TrialInput<'_>) -> Vec<MxHost> {
    let providers = (0..).map(ProviderId).zip(&input.scenario.providers);
    let names = providers.flat_map(|(site, policy)| {
        let hosts = policy.mx.len().max(usize::from(policy.hosts));
        policy.mx.iter().cycle().take(hosts).map(move |name| (site, name))
    });
    let hosts = |(n, (site, name)): (u16, (ProviderId, &String))| MxHost {
        site,
        name: name.clone(),
        address: SocketAddr::new(loopback(HOSTS, n), 0),
    };
    (0..).zip(names).map(hosts).collect()
}

fn targets(server: &MxServer, sites: usize) -> Vec<Vec<SocketAddr>> {
    let mut targets = vec![Vec::new(); sites];
    for host in server.hosts() {
        targets[host.site.index()].push(host.address);
    }
    targets
}

/// The loopback address of a source.
pub fn source_address(number: u16) -> IpAddr {
    loopback(SOURCES, number)
}

/// Sources have the addresses from 127.24.0.1 on, MX hosts those from 127.25.0.1 on.
const SOURCES: u8 = 24;
const HOSTS: u8 = 25;

fn loopback(net: u8, number: u16) -> IpAddr {
    let [high, low] = number.wrapping_add(1).to_be_bytes();
    Ipv4Addr::new(127, net, high, low).into()
}
