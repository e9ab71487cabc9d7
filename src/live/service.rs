//! MX hosts that listen: sockets, and a task for every connection that comes in.
//!
//! Nothing here can grow without limit: so many connections at a time, and the rest wait in the kernel's backlog; when
//! the process is out of file descriptors accepting pauses, and those who are connected live on.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream as Taken};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::doorstep::{self, Doorstep};
use super::farm::{Door, Farm};
use super::session::{self, Manners};
use super::talk;
use super::visit::Visit;
use crate::provider::Policy;
use crate::smtp::ServerConfig;
use crate::units::{ClientId, ProviderId};

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
        for (listener, Wanted { site, name, .. }) in listeners.into_iter().zip(wanted) {
            hosts.push(Host { site: *site, name: name.clone(), at: listener.local_addr() });
            let porch = Arc::new(Porch {
                farm: farm.clone(),
                site: *site,
                places: places.clone(),
                config: Arc::new(manners.config(name, &farm.policies[site.index()])),
                manners: manners.clone(),
                stop: stop.clone(),
                tasks: tasks.clone(),
            });
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

fn listen(wanted: &Wanted) -> Result<Doorstep, CannotListen> {
    let Wanted { at, name, .. } = wanted;
    Doorstep::at(*at).map_err(|error| CannotListen { at: *at, name: name.clone(), error })
}

/// Where connections arrive.
struct Porch {
    farm: Arc<Farm>,
    site: ProviderId,
    places: Arc<Semaphore>,
    config: Arc<ServerConfig>,
    manners: Arc<Manners>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Somebody at the door, and the place that is taken as long as the connection lasts.
struct Caller {
    stream: Taken,
    ip: IpAddr,
    client: ClientId,
    place: Option<OwnedSemaphorePermit>,
}

/// How long accepting pauses when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

impl Porch {
    async fn open(self: Arc<Self>, doorstep: Doorstep) {
        let mut stopped = pin!(self.stop.cancelled());
        loop {
            let next = async {
                // The semaphore is never closed.
                let place = self.places.clone().acquire_owned().await.ok();
                (doorstep.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                biased;
                () = &mut stopped => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => self.receive(stream, peer.ip().to_canonical(), place),
                // The connection was gone before it was taken.
                Err(error) if is_of_connection(&error) => {}
                // Out of file descriptors or memory: others give some back.
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn receive(self: &Arc<Self>, stream: Taken, ip: IpAddr, place: Option<OwnedSemaphorePermit>) {
        let (client, door) = self.farm.knock(self.site, ip);
        let caller = Caller { stream, ip, client, place };
        match door {
            Door::Open => self.greet(caller),
            Door::Wait(turn) => {
                let porch = self.clone();
                self.tasks.spawn(async move {
                    if let Some(caller) = porch.wait(caller, turn).await {
                        porch.greet(caller);
                    }
                });
            }
            Door::Ignored => {
                // The kernel's handshake cannot be taken back: to the client this is a greeting that never comes.
                let stop = self.stop.clone();
                self.tasks.spawn(async move {
                    let Ok(stream) = TcpStream::from_std(caller.stream) else { return };
                    tokio::select! { () = session::hung_up(&stream) => {}, () = stop.cancelled() => {} }
                    drop(caller.place);
                });
            }
        }
    }

    /// Lets somebody wait in the provider's backlog; none of whoever goes away before its turn.
    async fn wait(&self, caller: Caller, mut turn: oneshot::Receiver<()>) -> Option<Caller> {
        let stream = TcpStream::from_std(caller.stream).ok()?;
        let came = tokio::select! {
            turn = &mut turn => turn.is_ok(),
            () = session::hung_up(&stream) => false,
            () = self.stop.cancelled() => false,
        };
        match stream.into_std() {
            Ok(stream) if came => return Some(Caller { stream, ..caller }),
            _ => turn.close(),
        }
        // Called in the very moment of going away: the place was given, and is given back.
        if came || turn.try_recv().is_ok() {
            self.farm.books().leave(self.site);
        }
        None
    }

    /// Lets somebody in, or turns him away. There may be many of those, and what a task and all that it could wait for
    /// costs would be half of what they cost: they hear it here and now.
    fn greet(self: &Arc<Self>, caller: Caller) {
        let Caller { stream, ip, client, place } = caller;
        let mut visit = Visit::new(self.farm.clone(), self.site, ip, client);
        let greeting = visit.connect();
        if let Some(said) = talk::turned_away(&self.config, &greeting) {
            // Where he is gone, there is nobody to be told.
            let _ = doorstep::turn_away(stream, &said);
            return;
        }
        let porch = self.clone();
        self.tasks.spawn(async move {
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            // Replies are small and waited for.
            let _ = stream.set_nodelay(true);
            let config = sized(&porch.config, porch.farm.books().provider(porch.site).policy());
            session::serve(stream, (visit, greeting), config, &porch.manners, &porch.stop).await;
            drop(place);
        });
    }
}

/// The same manners with the size that the provider takes now: an administrator may have switched the rule.
fn sized(config: &Arc<ServerConfig>, policy: &Policy) -> Arc<ServerConfig> {
    let size_advertised = policy.size_max().map(|size| size.0);
    if config.size_advertised == size_advertised {
        config.clone()
    } else {
        Arc::new(ServerConfig { size_advertised, ..(**config).clone() })
    }
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
