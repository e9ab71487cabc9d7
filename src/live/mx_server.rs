//! MX hosts that listen: sockets, and a task for every connection that comes in.
//!
//! Nothing here can grow without limit: so many connections at a time, and the rest wait in the kernel's backlog; when
//! the process is out of file descriptors accepting pauses, and those who are connected live on.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream as StdTcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cluster::{Admission, MxCluster};
use super::listener::{self, MxListener};
use super::policy_handler::{self, ServerOptions};
use super::policy_session::PolicySession;
use super::smtp_connection;
use crate::provider::Policy;
use crate::smtp::ServerConfig;
use crate::units::{ClientId, ProviderId};

/// An MX host: a name of a provider's, and the address it listens at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHost {
    /// The provider it belongs to.
    pub site: ProviderId,
    /// Its name in the DNS and in its greeting.
    pub name: String,
    /// Its address; in a wish to listen, port 0 is any that is free.
    pub address: SocketAddr,
}

/// A host cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {name}: {error}{}", hint(error))]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
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
pub struct MxServerConfig {
    /// Connections at a time, over all hosts; the rest wait in the kernel's backlog.
    pub connections_max: usize,
    /// How the hosts speak.
    pub options: ServerOptions,
}

/// Connections at a time unless somebody says otherwise.
pub const CONNECTIONS_MAX: usize = 20_000;

/// Hosts at work.
#[derive(Debug)]
pub struct MxServer {
    hosts: Vec<MxHost>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl MxServer {
    /// Begins to listen on all of them, or on none.
    pub fn start(cluster: &Arc<MxCluster>, hosts: &[MxHost], config: MxServerConfig) -> Result<Self, ListenError> {
        let listeners = hosts.iter().map(listen).collect::<Result<Vec<_>, _>>()?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let permits = Arc::new(Semaphore::new(config.connections_max));
        let options = Arc::new(config.options);
        let mut listening = Vec::new();
        for (listener, MxHost { site, name, .. }) in listeners.into_iter().zip(hosts) {
            listening.push(MxHost { site: *site, name: name.clone(), address: listener.local_addr() });
            let acceptor = Arc::new(HostAcceptor {
                cluster: cluster.clone(),
                site: *site,
                permits: permits.clone(),
                config: Arc::new(options.config(name, &cluster.policies[site.index()])),
                options: options.clone(),
                stop: stop.clone(),
                tasks: tasks.clone(),
            });
            tasks.spawn(acceptor.accept_loop(listener));
        }
        Ok(Self { hosts: listening, stop, tasks })
    }

    /// Who listens where.
    pub fn hosts(&self) -> &[MxHost] {
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

fn listen(host: &MxHost) -> Result<MxListener, ListenError> {
    let MxHost { address, name, .. } = host;
    MxListener::bind(*address).map_err(|error| ListenError { address: *address, name: name.clone(), error })
}

/// Where connections arrive.
struct HostAcceptor {
    cluster: Arc<MxCluster>,
    site: ProviderId,
    permits: Arc<Semaphore>,
    config: Arc<ServerConfig>,
    options: Arc<ServerOptions>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Somebody at the door, and the place that is taken as long as the connection lasts.
struct PendingConnection {
    stream: StdTcpStream,
    ip: IpAddr,
    client: ClientId,
    permit: Option<OwnedSemaphorePermit>,
}

/// How long accepting pauses when there are no file descriptors left.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

impl HostAcceptor {
    async fn accept_loop(self: Arc<Self>, listener: MxListener) {
        let mut stopped = pin!(self.stop.cancelled());
        loop {
            let next = async {
                // The semaphore is never closed.
                let permit = self.permits.clone().acquire_owned().await.ok();
                (listener.accept().await, permit)
            };
            let (accepted, permit) = tokio::select! {
                biased;
                () = &mut stopped => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => self.on_connection(stream, peer.ip().to_canonical(), permit),
                // The connection was gone before it was taken.
                Err(error) if is_of_connection(&error) => {}
                // Out of file descriptors or memory: others give some back.
                Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
            }
        }
    }

    fn on_connection(self: &Arc<Self>, stream: StdTcpStream, ip: IpAddr, permit: Option<OwnedSemaphorePermit>) {
        let (client, admission) = self.cluster.on_connect(self.site, ip);
        let pending = PendingConnection { stream, ip, client, permit };
        match admission {
            Admission::Served => self.start_session(pending),
            Admission::Queued(turn) => {
                let acceptor = self.clone();
                self.tasks.spawn(async move {
                    if let Some(pending) = acceptor.wait(pending, turn).await {
                        acceptor.start_session(pending);
                    }
                });
            }
            Admission::Ignored => {
                // The kernel's handshake cannot be taken back: to the client this is a greeting that never comes.
                let stop = self.stop.clone();
                self.tasks.spawn(async move {
                    let Ok(stream) = TcpStream::from_std(pending.stream) else { return };
                    tokio::select! { () = policy_handler::wait_for_hangup(&stream) => {}, () = stop.cancelled() => {} }
                    drop(pending.permit);
                });
            }
        }
    }

    /// Lets somebody wait in the provider's backlog; none of whoever goes away before its turn.
    async fn wait(&self, pending: PendingConnection, mut turn: oneshot::Receiver<()>) -> Option<PendingConnection> {
        let stream = TcpStream::from_std(pending.stream).ok()?;
        let came = tokio::select! {
            turn = &mut turn => turn.is_ok(),
            () = policy_handler::wait_for_hangup(&stream) => false,
            () = self.stop.cancelled() => false,
        };
        match stream.into_std() {
            Ok(stream) if came => return Some(PendingConnection { stream, ..pending }),
            _ => turn.close(),
        }
        // Called in the very moment of going away: the place was given, and is given back.
        if came || turn.try_recv().is_ok() {
            self.cluster.lock().on_disconnect(self.site);
        }
        None
    }

    /// Lets somebody in, or turns him away. There may be many of those, and what a task and all that it could wait for
    /// costs would be half of what they cost: they hear it here and now.
    fn start_session(self: &Arc<Self>, pending: PendingConnection) {
        let PendingConnection { stream, ip, client, permit } = pending;
        let mut session = PolicySession::new(self.cluster.clone(), self.site, ip, client);
        let greeting = session.connect();
        if let Some(said) = smtp_connection::immediate_rejection(&self.config, &greeting) {
            // Where he is gone, there is nobody to be told.
            let _ = listener::reject_and_close(stream, &said);
            return;
        }
        let acceptor = self.clone();
        self.tasks.spawn(async move {
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            // Replies are small and waited for.
            let _ = stream.set_nodelay(true);
            let config = with_current_size(&acceptor.config, acceptor.cluster.lock().provider(acceptor.site).policy());
            policy_handler::serve(stream, (session, greeting), config, &acceptor.options, &acceptor.stop).await;
            drop(permit);
        });
    }
}

/// The same manners with the size that the provider takes now: an administrator may have switched the rule.
fn with_current_size(config: &Arc<ServerConfig>, policy: &Policy) -> Arc<ServerConfig> {
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
