//! Where connections are taken from the kernel, before the runtime knows of them: whoever is turned away at once never
//! needs to be known to it, and to tell it and take that back would be a tenth of what he costs.

use std::io;
use std::net::{SocketAddr, TcpStream};

use tokio::net::TcpSocket;

#[cfg(not(unix))]
type Listener = tokio::net::TcpListener;
#[cfg(unix)]
type Listener = tokio::io::unix::AsyncFd<std::net::TcpListener>;

/// Connections that the kernel keeps for a listener until they are taken. Linux's own limit (`somaxconn`) is 4,096.
const BACKLOG: u32 = 4_096;

/// A listener.
pub(super) struct Doorstep {
    listener: Listener,
    at: SocketAddr,
}

impl Doorstep {
    /// Listens at an address; port 0 is any that is free.
    pub(super) fn at(at: SocketAddr) -> io::Result<Self> {
        let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(at)?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self { at: listener.local_addr()?, listener: unregistered(listener)? })
    }

    /// Where.
    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.at
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

/// A listener that says when somebody is there, and leaves it to others to take him.
#[cfg(unix)]
#[expect(deprecated, reason = "its successor is unsafe, for types whose descriptor changes: a listener's does not")]
fn unregistered(listener: tokio::net::TcpListener) -> io::Result<Listener> {
    Listener::new(listener.into_std()?)
}

#[cfg(not(unix))]
fn unregistered(listener: tokio::net::TcpListener) -> io::Result<Listener> {
    Ok(listener)
}
