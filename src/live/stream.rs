//! A TCP stream, in the clear or under TLS, and reading from it without a buffer for each connection.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use super::tls;

/// A stream that may be put under TLS.
#[derive(Debug)]
pub(super) enum MaybeTlsStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// During a handshake, and after one that failed.
    Broken,
}

impl MaybeTlsStream {
    /// Puts it under TLS as a server.
    ///
    /// # Errors
    /// The handshake failed or took longer than `limit`, or the stream is not in the clear.
    pub(super) async fn accept_tls(&mut self, acceptor: &tls::ServerTls, limit: Duration) -> io::Result<()> {
        let Self::Plain(stream) = std::mem::replace(self, Self::Broken) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        *self = Self::Tls(Box::new(acceptor.accept(stream, limit).await?.into()));
        Ok(())
    }

    /// Puts it under TLS as a client of a server of this name.
    ///
    /// # Errors
    /// The handshake failed or took longer than `limit`, or the stream is not in the clear.
    pub(super) async fn connect_tls(
        &mut self,
        connector: &tls::ClientTls,
        name: &str,
        limit: Duration,
    ) -> io::Result<()> {
        let Self::Plain(stream) = std::mem::replace(self, Self::Broken) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        *self = Self::Tls(Box::new(connector.connect(name, stream, limit).await?.into()));
        Ok(())
    }

    /// Waits until the peer sends something, and leaves it in the kernel. Under TLS that cannot be seen, and it waits
    /// forever.
    ///
    /// # Errors
    /// The peer has closed the connection, or it broke.
    pub(super) async fn wait_for_data(&self) -> io::Result<bool> {
        match self {
            Self::Plain(stream) if stream.peek(&mut [0]).await? == 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            Self::Plain(_) => Ok(true),
            Self::Tls(_) | Self::Broken => std::future::pending().await,
        }
    }

    /// Writes pieces one after another, each from where it is.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) async fn write_pieces(&mut self, pieces: &mut (dyn Iterator<Item = &[u8]> + Send)) -> io::Result<()> {
        loop {
            let mut some = next_slices(pieces);
            if some.is_empty() {
                return self.flush().await;
            }
            let mut left = some.as_mut_slice();
            while !left.is_empty() {
                match self.write_vectored(left).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => IoSlice::advance_slices(&mut left, written),
                }
            }
        }
    }

    /// Says that nothing more will be sent, just before the stream is dropped. Without TLS the kernel says so then.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        if matches!(self, Self::Plain(_)) { Ok(()) } else { self.shutdown().await }
    }
}

impl AsyncRead for MaybeTlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Broken => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for MaybeTlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Broken => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Broken => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Broken => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Broken => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Broken => Poll::Ready(Ok(())),
        }
    }
}

/// Pieces that are handed to the kernel at a time.
const PIECES_MAX: usize = 16;

/// The next pieces; empty when there are no more.
fn next_slices<'p>(pieces: &mut dyn Iterator<Item = &'p [u8]>) -> Vec<IoSlice<'p>> {
    pieces.filter(|piece| !piece.is_empty()).take(PIECES_MAX).map(IoSlice::new).collect()
}

/// Bytes that are read at a time.
const READ_MAX: usize = 65_536;

thread_local! {
    /// One buffer for all connections of a thread: a connection that waits needs none.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_MAX].into());
}

/// Reads, and gives what arrived to `take` while it is still in the thread's buffer; nothing at the end of the stream.
pub(super) fn read_with<T>(
    stream: &mut MaybeTlsStream,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    READ_BUFFER.with_borrow_mut(|buffer| {
        let mut arrived = ReadBuf::new(buffer);
        ready!(Pin::new(stream).poll_read(cx, &mut arrived))?;
        Poll::Ready(Ok(take(arrived.filled())))
    })
}

/// Reads, and appends what arrived to `input`: how many bytes that was.
pub(super) fn read_into(
    stream: &mut MaybeTlsStream,
    cx: &mut Context<'_>,
    input: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    read_with(stream, cx, |arrived| {
        input.extend_from_slice(arrived);
        arrived.len()
    })
}
