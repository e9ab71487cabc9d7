//! A connection to a host, from a socket to the end of its handshake.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use super::session_loss::{SessionLoss, failure_of};
use crate::live::hosted_sessions::{HostedSession, HostedSessions, SocketPair};
use crate::live::own_addresses::check_route;
use crate::live::own_failure::own_failure;
use crate::live::own_faults::{OwnFaultPoint, OwnFaults};
use crate::record::{ConnectionFailure, OwnFailure};

/// How a connection is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectAttempt<'a> {
    pub(super) from: IpAddr,
    pub(super) to: SocketAddr,
    /// Wall-clock time for the host to answer.
    pub(super) limit: Duration,
    pub(super) own_faults: &'a OwnFaults,
    /// Where the host is one of this process: what it does with the connection.
    pub(super) hosted: Option<&'a HostedSessions>,
}

/// A connection that came about.
pub(super) struct OpenedSocket {
    pub(super) stream: TcpStream,
    pub(super) entry: Option<HostedSession>,
    /// When the attempt began.
    pub(super) began: Instant,
}

impl ConnectAttempt<'_> {
    /// Connects. An error is whose fault it is that there is no connection.
    pub(super) async fn connect(self) -> Result<OpenedSocket, SessionLoss> {
        let began = Instant::now();
        match timeout(self.limit, self.try_once()).await {
            Ok(Ok((stream, entry))) => Ok(OpenedSocket { stream, entry, began }),
            Ok(Err(error)) => Err(self.loss(&error)),
            Err(_) => Err(self.host_failure(ConnectionFailure::ConnectTimeout)),
        }
    }

    async fn try_once(&self) -> io::Result<(TcpStream, Option<HostedSession>)> {
        self.own_faults.check(OwnFaultPoint::Socket)?;
        let socket = if self.to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        self.own_faults.check(OwnFaultPoint::Bind)?;
        socket.bind(SocketAddr::new(self.from, 0))?;
        // The host may have taken the connection before `connect` returns.
        let pair = SocketPair { client: socket.local_addr()?, host: self.to };
        let entry = self.hosted.map(|hosted| hosted.expect(pair));
        let stream = socket.connect(self.to).await?;
        stream.set_nodelay(true)?;
        Ok((stream, entry))
    }

    /// Whose fault an error is. A host to which this machine knows no way says nothing of the host.
    fn loss(&self, error: &io::Error) -> SessionLoss {
        if let Some(what) = own_failure(error) {
            return SessionLoss::OwnSide(what);
        }
        match failure_of(error) {
            ConnectionFailure::Unreachable if check_route(self.from, self.to).is_err() => {
                SessionLoss::OwnSide(OwnFailure::Addresses)
            }
            failure => self.host_failure(failure),
        }
    }

    /// A host of this process that cannot be connected to has not been asked what its provider would say.
    const fn host_failure(&self, failure: ConnectionFailure) -> SessionLoss {
        match self.hosted {
            Some(_) => SessionLoss::OwnSide(OwnFailure::Untaken),
            None => SessionLoss::Silence(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose fault it is that a host cannot be connected to from a loopback address.
    fn loss(to: &str, hosted: Option<&HostedSessions>, error: io::ErrorKind) -> SessionLoss {
        let (from, to) = (IpAddr::from([127, 0, 0, 1]), to.parse().unwrap());
        let own_faults = &OwnFaults::default();
        ConnectAttempt { from, to, limit: Duration::ZERO, own_faults, hosted }.loss(&error.into())
    }

    #[test]
    fn a_host_is_unreachable_only_where_this_machine_knows_a_way_to_it() {
        let unreachable = [io::ErrorKind::HostUnreachable, io::ErrorKind::NetworkUnreachable];
        for error in unreachable {
            assert_eq!(loss("127.0.0.2:25", None, error), SessionLoss::Silence(ConnectionFailure::Unreachable));
            assert_eq!(loss("192.0.2.1:25", None, error), SessionLoss::OwnSide(OwnFailure::Addresses));
        }
        let refused = io::ErrorKind::ConnectionRefused;
        assert_eq!(loss("192.0.2.1:25", None, refused), SessionLoss::Silence(ConnectionFailure::Refused));
        let own_host = loss("127.0.0.2:25", Some(&HostedSessions::default()), refused);
        assert_eq!(own_host, SessionLoss::OwnSide(OwnFailure::Untaken));
    }
}
