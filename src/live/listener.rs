//! Where connections are taken from the kernel, before the runtime knows of them: whoever is turned away at once never
//! needs to be known to it, and to tell it and take that back would be a tenth of what he costs.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use tokio::net::TcpSocket;

#[cfg(not(unix))]
type InnerListener = tokio::net::TcpListener;
#[cfg(unix)]
type InnerListener = tokio::io::unix::AsyncFd<std::net::TcpListener>;

/// Connections that the kernel keeps for a listener until they are taken. Linux's own limit (`somaxconn`) is 4,096.
const BACKLOG: u32 = 4_096;

/// A listener.
pub(super) struct MxListener {
    listener: InnerListener,
    address: SocketAddr,
}

impl MxListener {
    /// Listens at an address; port 0 is any that is free.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self { address: listener.local_addr()?, listener: into_inner(listener)? })
    }

    /// Where.
    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next connection. To read and to write it does not wait.
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

/// Turns somebody away: tells him why, and closes. Where the system can hold back what is said, it goes out together
/// with the end of the connection, in one segment, and wakes who hears it once. A connection that has just come takes
/// so much at once.
pub(super) fn reject_and_close(mut stream: TcpStream, reply: &[u8]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(&stream).set_tcp_cork(true)?;
    stream.write_all(reply)?;
    // Dropped with something unread, a connection is reset: by then all has been said.
    stream.shutdown(Shutdown::Write)
}

/// A listener that says when somebody is there, and leaves it to others to take him.
#[cfg(unix)]
#[expect(deprecated, reason = "its successor is unsafe, for types whose descriptor changes: a listener's does not")]
fn into_inner(listener: tokio::net::TcpListener) -> io::Result<InnerListener> {
    InnerListener::new(listener.into_std()?)
}

#[cfg(not(unix))]
fn into_inner(listener: tokio::net::TcpListener) -> io::Result<InnerListener> {
    Ok(listener)
}
