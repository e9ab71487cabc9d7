//! A trial on real sockets: a farm of its own on loopback, and the driver against it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::clock::{Clock, Speed};
use super::driver::{DriveError, Driven, Speech, Task, drive};
use super::farm::{Farm, Plan};
use super::service::{CONNECTIONS_MAX, CannotListen, Service, Terms, Wanted};
use super::session::Manners;
use super::target::Allowed;
use crate::trial::TrialInput;
use crate::units::ProviderId;

/// Who receives the mail.
#[derive(Clone, Debug)]
pub enum Receivers {
    /// A farm of the trial's own, on loopback.
    Farm,
    /// Servers that are there already.
    Hosts {
        /// Each provider's hosts, taken in turn; none is empty.
        targets: Vec<Vec<SocketAddr>>,
        /// The address that each source sends from.
        sources: Vec<IpAddr>,
        /// Where mail may go.
        allowed: Allowed,
    },
}

/// Why a trial came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// A host of the farm cannot listen.
    #[error(transparent)]
    CannotListen(#[from] CannotListen),
    /// The driver gave up.
    #[error(transparent)]
    Drive(#[from] DriveError),
}

/// How long the farm's sessions have to end.
const GRACE: Duration = Duration::from_millis(500);

/// Runs a trial to its end, or until it is stopped.
pub async fn trial(
    input: TrialInput<'_>,
    receivers: &Receivers,
    speed: Speed,
    speech: Speech,
    stop: &CancellationToken,
) -> Result<Driven, TrialError> {
    let Receivers::Hosts { targets, sources, allowed } = receivers else {
        return on_a_farm(input, speed, speech, stop).await;
    };
    let task = Task {
        input,
        targets: targets.clone(),
        allowed: allowed.clone(),
        sources: sources.clone(),
        farm: None,
        clock: Clock::start(speed),
        speech,
    };
    Ok(drive(task, stop).await?)
}

async fn on_a_farm(
    input: TrialInput<'_>,
    speed: Speed,
    speech: Speech,
    stop: &CancellationToken,
) -> Result<Driven, TrialError> {
    let sources: Vec<IpAddr> = (0..).map(source).take(input.scenario.sources.len()).collect();
    let clock = Clock::start(speed);
    let farm = Farm::new(plan(input, &sources), clock);
    let wanted = hosts(input);
    let terms = Terms { connections_max: CONNECTIONS_MAX, manners: Manners::default() };
    let service = Service::start(&farm, &wanted, terms)?;
    let task = Task {
        input,
        targets: targets(&service, input.scenario.providers.len()),
        allowed: Allowed::default(),
        sources,
        farm: Some(farm),
        clock,
        speech,
    };
    let driven = drive(task, stop).await;
    service.stop(GRACE).await;
    Ok(driven?)
}

fn plan(input: TrialInput<'_>, sources: &[IpAddr]) -> Plan {
    let (reputation, volume) = input.senders_known_as();
    let domains = input.scenario.workload.sender_domains.iter();
    Plan {
        policies: input.scenario.providers.clone(),
        seed: input.seed,
        unknowns: input.unknowns,
        day_starts: input.scenario.day_starts,
        clients: sources.iter().copied().zip(input.clients()).collect(),
        senders: domains.map(|domain| (domain.clone(), reputation, volume)).collect(),
    }
}

/// Every MX host of every provider, each on a loopback address of its own.
fn hosts(input: TrialInput<'_>) -> Vec<Wanted> {
    let providers = (0..).map(ProviderId).zip(&input.scenario.providers);
    let names = providers.flat_map(|(site, policy)| policy.mx.iter().map(move |name| (site, name)));
    let wanted = |(n, (site, name)): (u16, (ProviderId, &String))| Wanted {
        site,
        name: name.clone(),
        at: SocketAddr::new(loopback(HOSTS, n), 0),
    };
    (0..).zip(names).map(wanted).collect()
}

fn targets(service: &Service, sites: usize) -> Vec<Vec<SocketAddr>> {
    let mut targets = vec![Vec::new(); sites];
    for host in service.hosts() {
        targets[host.site.index()].push(host.at);
    }
    targets
}

/// The loopback address that stands for a source.
pub fn source(number: u16) -> IpAddr {
    loopback(SOURCES, number)
}

/// Sources are 127.24.0.1 and what follows; MX hosts 127.25.0.1 and what follows.
const SOURCES: u8 = 24;
const HOSTS: u8 = 25;

fn loopback(net: u8, number: u16) -> IpAddr {
    let [high, low] = number.wrapping_add(1).to_be_bytes();
    Ipv4Addr::new(127, net, high, low).into()
}
