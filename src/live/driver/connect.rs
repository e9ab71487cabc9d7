//! A connection to a host, from a socket to the end of its handshake. What this machine is short of is waited for: the
//! sender hears nothing of it, and no provider is charged with it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::session_loss::failure_of;
use crate::live::own_failure::{OwnFailureCounter, own_failure};
use crate::live::own_faults::{OwnFaultPoint, OwnFaults};
use crate::record::{ConnectionFailure, OwnFailure};

/// How a connection is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectAttempt<'a> {
    pub(super) from: IpAddr,
    pub(super) to: SocketAddr,
    /// Wall-clock time for the host to answer.
    pub(super) limit: Duration,
    /// Wall-clock time for this machine to have what it is short of.
    pub(super) patience: Duration,
    pub(super) own_faults: &'a OwnFaults,
    /// Counts what this machine was short of.
    pub(super) own_failures: &'a OwnFailureCounter,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotConnected {
    /// The host, or the network before it.
    Host(ConnectionFailure),
    /// This machine, for longer than a connection waits.
    OwnSide(OwnFailure),
}

/// A connection that came about.
pub(super) struct OpenedSocket {
    pub(super) stream: TcpStream,
    /// When the attempt that came through began.
    pub(super) began: Instant,
}

/// The first wait for what this machine is short of; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl ConnectAttempt<'_> {
    /// Connects, as soon as this machine has what that takes.
    pub(super) async fn connect(self) -> Result<OpenedSocket, NotConnected> {
        let (first, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let began = Instant::now();
            let error = match timeout(self.limit, self.try_once()).await {
                Ok(Ok(stream)) => return Ok(OpenedSocket { stream, began }),
                Ok(Err(error)) => error,
                Err(_) => return Err(NotConnected::Host(ConnectionFailure::ConnectTimeout)),
            };
            let Some(what) = own_failure(&error) else { return Err(NotConnected::Host(failure_of(&error))) };
            self.own_failures.add(what);
            if first.elapsed() >= self.patience {
                return Err(NotConnected::OwnSide(what));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_once(&self) -> io::Result<TcpStream> {
        self.own_faults.check(OwnFaultPoint::Socket)?;
        let socket = if self.to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        self.own_faults.check(OwnFaultPoint::Bind)?;
        socket.bind(SocketAddr::new(self.from, 0))?;
        let stream = socket.connect(self.to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
