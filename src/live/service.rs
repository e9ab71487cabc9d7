//! MX hosts that listen: sockets, and a task for every connection that comes in.
//!
//! Nothing here can grow without limit: so many connections at a time, and the rest wait in the kernel's backlog; when
//! the process is out of file descriptors accepting pauses, and those who are connected live on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::farm::{Door, Farm};
use super::session::{self, Manners};
use super::visit::Visit;
use crate::provider::Policy;
use crate::smtp::Config;
use crate::units::ProviderId;

/// An MX host that is to listen.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose it is.
    pub site: ProviderId,
    /// Its name.
    pub name: String,
    /// Where; port 0 is any that is free.
    pub at: SocketAddr,
}

/// An MX host that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Whose it is.
    pub site: ProviderId,
    /// Its name.
    pub name: String,
    /// Where.
    pub at: SocketAddr,
}

/// A host cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {at} for {name}: {error}{}", hint(error))]
pub struct CannotListen {
    /// Where.
    pub at: SocketAddr,
    /// Which host.
    pub name: String,
    /// Why.
    pub error: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there: stop it, or choose another port",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: choose another, such as 2525",
        io::ErrorKind::AddrNotAvailable => {
            "; this machine has no such address (on Linux all of 127.0.0.0/8 is there, elsewhere only 127.0.0.1)"
        }
        _ => "",
    }
}

/// How a service is run.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Connections at a time, over all hosts; the rest wait in the kernel's backlog.
    pub connections_max: usize,
    /// How the hosts speak.
    pub manners: Manners,
}

/// Connections at a time unless somebody says otherwise.
pub const CONNECTIONS_MAX: usize = 20_000;

/// Hosts at work.
#[derive(Debug)]
pub struct Service {
    hosts: Vec<Host>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Service {
    /// Begins to listen on all of them, or on none.
    pub fn start(farm: &Arc<Farm>, wanted: &[Wanted], terms: Terms) -> Result<Self, CannotListen> {
        let listeners = wanted.iter().map(listen).collect::<Result<Vec<_>, _>>()?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let places = Arc::new(Semaphore::new(terms.connections_max));
        let manners = Arc::new(terms.manners);
        let mut hosts = Vec::new();
        for (listener, Wanted { site, name, at }) in listeners.into_iter().zip(wanted) {
            let at = listener.local_addr().unwrap_or(*at);
            hosts.push(Host { site: *site, name: name.clone(), at });
            let porch = Porch {
                farm: farm.clone(),
                site: *site,
                places: places.clone(),
                config: Arc::new(manners.config(name, &farm.policies[site.index()])),
                manners: manners.clone(),
                stop: stop.clone(),
                tasks: tasks.clone(),
            };
            tasks.spawn(porch.open(listener));
        }
        Ok(Self { hosts, stop, tasks })
    }

    /// Who listens where.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Connections that are open, and listeners.
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Takes no more connections, tells everyone 421 and waits for them, but no longer than `grace`.
    pub async fn stop(self, grace: Duration) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(grace, self.tasks.wait()).await;
    }
}

/// Connections that the kernel keeps for a listener until they are taken. Linux's own limit (`somaxconn`) is 4,096.
const BACKLOG: u32 = 4_096;

fn listen(wanted: &Wanted) -> Result<TcpListener, CannotListen> {
    let bind = || {
        let socket = if wanted.at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(wanted.at)?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|error| CannotListen { at: wanted.at, name: wanted.name.clone(), error })
}

/// Where connections arrive.
struct Porch {
    farm: Arc<Farm>,
    site: ProviderId,
    places: Arc<Semaphore>,
    config: Arc<Config>,
    manners: Arc<Manners>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// How long accepting pauses when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

impl Porch {
    async fn open(self, listener: TcpListener) {
        loop {
            let next = async {
                // The semaphore is never closed.
                let place = self.places.clone().acquire_owned().await.ok();
                (listener.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let visit = self.receive(stream, peer.ip());
                    self.tasks.spawn(async move {
                        visit.await;
                        drop(place);
                    });
                }
                // The connection was gone before it was taken.
                Err(error) if is_of_connection(&error) => {}
                // Out of file descriptors or memory: others give some back.
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// What becomes of a connection.
    fn receive(&self, stream: TcpStream, ip: IpAddr) -> impl Future<Output = ()> + use<> {
        let ip = ip.to_canonical();
        let (farm, site, config) = (self.farm.clone(), self.site, self.config.clone());
        let (manners, stop) = (self.manners.clone(), self.stop.clone());
        async move {
            // Replies are small and waited for.
            let _ = stream.set_nodelay(true);
            let (client, door) = farm.knock(site, ip);
            match door {
                Door::Open => {}
                Door::Wait(mut called) => {
                    let came = tokio::select! {
                        called = &mut called => called.is_ok(),
                        () = session::hung_up(&stream) => false,
                        () = stop.cancelled() => false,
                    };
                    if !came {
                        // Called in the very moment of going away: the place was given, and is given back.
                        called.close();
                        if called.try_recv().is_ok() {
                            farm.books().leave(site);
                        }
                        return;
                    }
                }
                Door::Ignored => {
                    // The kernel's handshake cannot be taken back: to the client this is a greeting that never comes.
                    tokio::select! { () = session::hung_up(&stream) => {}, () = stop.cancelled() => {} }
                    return;
                }
            }
            let config = sized(config, farm.books().provider(site).policy());
            session::serve(stream, Visit::new(farm, site, ip, client), config, &manners, &stop).await;
        }
    }
}

/// The same manners with the size that the provider takes now: an administrator may have switched the rule.
fn sized(config: Arc<Config>, policy: &Policy) -> Arc<Config> {
    let size_said = policy.size_max().map(|size| size.0);
    if config.size_said == size_said { config } else { Arc::new(Config { size_said, ..(*config).clone() }) }
}

/// Whether an error of `accept` is about the one connection (Linux passes pending network errors on, see accept(2)).
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut
    )
}
