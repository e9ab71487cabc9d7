//! A listener whose connections are accepted without registering them with the runtime: a connection that is rejected
//! at once never needs to be, and registering it would add a tenth to its cost.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use tokio::net::TcpSocket;

#[cfg(not(unix))]
type InnerListener = tokio::net::TcpListener;
#[cfg(unix)]
type InnerListener = tokio::io::unix::AsyncFd<std::net::TcpListener>;

/// Connections that the kernel keeps until they are accepted. Linux's own limit (`somaxconn`) is 4,096.
const BACKLOG: u32 = 4_096;

/// A listening socket of an MX host.
pub(super) struct MxListener {
    listener: InnerListener,
    address: SocketAddr,
}

impl MxListener {
    /// Listens at an address; port 0 is any free port.
    ///
    /// # Errors
    /// What the system says of the address.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self { address: listener.local_addr()?, listener: into_inner(listener)? })
    }

    /// The address at which it listens.
    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, in non-blocking mode.
    ///
    /// # Errors
    /// What `accept` says, about one connection or about the system.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        #[cfg(unix)]
        loop {
            let mut ready = self.listener.readable().await?;
            if let Ok(accepted) = ready.try_io(|listener| listener.get_ref().accept()) {
                let (stream, peer) = accepted?;
                stream.set_nonblocking(true)?;
                return Ok((stream, peer));
            }
        }
        #[cfg(not(unix))]
        {
            let (stream, peer) = self.listener.accept().await?;
            Ok((stream.into_std()?, peer))
        }
    }
}

/// Sends a last reply and ends the connection, which is closed when the stream is dropped. Where the system can hold
/// the reply back, it goes out in one segment with the FIN, and wakes the client once. The send buffer of a new
/// connection has room for it.
///
/// # Errors
/// The client is gone, or this machine has no memory for the reply.
pub(super) fn refuse_and_close(mut stream: &TcpStream, reply: &[u8]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_cork(true)?;
    stream.write_all(reply)?;
    // A connection that is dropped with unread input is reset; the FIN is out by then.
    stream.shutdown(Shutdown::Write)
}

/// A listener that reports connections and leaves accepting them to the caller.
#[cfg(unix)]
#[expect(deprecated, reason = "its successor is unsafe, for types whose descriptor changes: a listener's does not")]
fn into_inner(listener: tokio::net::TcpListener) -> io::Result<InnerListener> {
    InnerListener::new(listener.into_std()?)
}

#[cfg(not(unix))]
fn into_inner(listener: tokio::net::TcpListener) -> io::Result<InnerListener> {
    Ok(listener)
}
