//! Addresses as this machine has them, asked before mail is sent: which it can send from, and who refuses it.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Whether sockets can be bound to an address of this machine.
///
/// # Errors
/// What the system says: mostly that the machine has no such address.
pub fn check_local(address: IpAddr) -> io::Result<()> {
    UdpSocket::bind((address, 0)).map(drop)
}

/// Whether this machine knows a way from one address to another. Nothing is sent.
///
/// # Errors
/// What the system says: the source cannot reach such a target, or there is no network to it.
pub fn check_route(from: IpAddr, to: SocketAddr) -> io::Result<()> {
    UdpSocket::bind((from, 0))?.connect(to)
}

/// Whether no server listens at `to`, as seen from `from`: the connection is refused at once.
pub fn is_refused(from: IpAddr, to: SocketAddr) -> bool {
    let connect = || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.connect_timeout(&to.into(), LOOK_MAX)
    };
    matches!(connect(), Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

/// How long a look lasts at most: a host that does not answer at all has not refused.
const LOOK_MAX: Duration = Duration::from_secs(2);
