//! A listener for so many connections at a time, and none that is slow.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::live::client_places::{ClientPlace, ClientPlaces};

/// Connections at a time; one more costs the client that has most its oldest.
pub(super) const CONNECTIONS_MAX: usize = 64;

/// Time for a request to arrive, from the connection or its first byte.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for a connection to be idle between requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A listener that serves so many connections.
pub(super) struct LimitedListener {
    listener: TcpListener,
    places: ClientPlaces,
}

/// A connection with its place and its deadline.
pub(super) struct LimitedStream {
    stream: TcpStream,
    timeout: Pin<Box<Sleep>>,
    /// Whether part of a request has arrived, and nothing been answered since.
    in_request: bool,
    evicted: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: ClientPlace,
}

impl LimitedListener {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, places: ClientPlaces::new(CONNECTIONS_MAX) }
    }
}

impl Listener for LimitedListener {
    type Io = LimitedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (LimitedStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => return (LimitedStream::new(stream, self.places.take(from.ip())), from),
                // Errors of the system mostly repeat at once.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl LimitedStream {
    fn new(stream: TcpStream, place: ClientPlace) -> Self {
        let evicted = Box::pin(place.evicted().clone().cancelled_owned());
        Self { stream, timeout: Box::pin(sleep(REQUEST_TIMEOUT)), in_request: true, evicted, _place: place }
    }

    /// Fails once the deadline has passed, or another connection has got the place.
    fn check_limits(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let over = self.timeout.as_mut().poll(cx).is_ready() || self.evicted.as_mut().poll(cx).is_ready();
        if over { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    fn set_timeout(&mut self, in_request: bool, span: Duration) {
        self.in_request = in_request;
        self.timeout.as_mut().reset(Instant::now() + span);
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check_limits(cx)?;
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before && !self.in_request {
            self.set_timeout(true, REQUEST_TIMEOUT);
            // The timer has to know who waits for it.
            self.check_limits(cx)?;
        }
        read
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check_limits(cx)?;
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if matches!(written, Poll::Ready(Ok(_))) {
            self.set_timeout(false, IDLE_TIMEOUT);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
