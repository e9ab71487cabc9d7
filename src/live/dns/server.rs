//! The sockets: UDP and TCP at one address, everything bounded.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{DnsResponse, DnsTransport, UDP_MAX, answer};
use super::fault::{ActiveFaults, DnsFault};
use super::zone::Zone;
use crate::live::client_places::ClientPlaces;

/// A DNS server at work. When it is dropped, it goes on until its token is cancelled.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    shared: Arc<SharedZone>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct SharedZone {
    zone: Zone,
    faults: Mutex<ActiveFaults>,
}

/// TCP connections at a time; one more costs the client that has most its oldest (RFC 7766 section 6.2.2).
pub(super) const CONNECTIONS_MAX: usize = 64;

/// Time for a TCP connection to be idle (RFC 7766 section 6.2.3: a few seconds).
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time to transfer one message.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// Delayed answers over UDP at a time; further ones are lost, as on a busy server.
const DELAYED_MAX: usize = 4_096;

/// Ports that are tried for port 0: one must be free for both protocols.
const TRIES: u32 = 16;

impl DnsServer {
    /// Listens at this address; port 0 is any free port. It stops with `stop`, or with [`DnsServer::stop`].
    ///
    /// # Errors
    /// What the system says of the address.
    pub async fn start(at: SocketAddr, zone: Zone, stop: &CancellationToken) -> io::Result<Self> {
        let (udp, tcp) = bind(at).await?;
        let address = udp.local_addr()?;
        let shared = Arc::new(SharedZone { zone, faults: Mutex::new(ActiveFaults::none()) });
        let (stop, tasks) = (stop.child_token(), TaskTracker::new());
        let datagrams = serve_udp(Arc::new(udp), Arc::clone(&shared), stop.clone(), tasks.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(datagrams));
        let connections = serve_tcp(tcp, Arc::clone(&shared), stop.clone(), tasks.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(connections));
        Ok(Self { address, shared, stop, tasks })
    }

    /// The address at which it listens, over UDP and TCP.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle on the faults of its answers.
    pub fn faults(&self) -> DnsFaults {
        DnsFaults(Arc::clone(&self.shared))
    }

    /// Stops, and waits until all of its tasks have ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A handle on the faults of a server's answers.
#[derive(Clone, Debug)]
pub struct DnsFaults(Arc<SharedZone>);

impl DnsFaults {
    /// Injects these faults from now on, and no others.
    pub fn set(&self, faults: Vec<DnsFault>) {
        self.0.faults().list = faults;
    }

    /// The faults that are injected now.
    pub fn get(&self) -> Vec<DnsFault> {
        self.0.faults().list.clone()
    }
}

impl SharedZone {
    fn answer(&self, query: &[u8], transport: DnsTransport) -> Option<DnsResponse> {
        answer(query, transport, &self.zone, |name| self.faults().effect_on(name))
    }

    fn faults(&self) -> MutexGuard<'_, ActiveFaults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds both sockets to one port.
async fn bind(at: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = if at.port() == 0 { TRIES } else { 1 };
    loop {
        let udp = UdpSocket::bind(at).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if tries == 1 => return Err(error),
            Err(_) => tries -= 1,
        }
    }
}

async fn serve_udp(socket: Arc<UdpSocket>, shared: Arc<SharedZone>, stop: CancellationToken, tasks: TaskTracker) {
    let delayed = Arc::new(Semaphore::new(DELAYED_MAX));
    let mut query = vec![0; usize::from(UDP_MAX)];
    loop {
        let Ok((length, asker)) = socket.recv_from(&mut query).await else {
            pause().await;
            continue;
        };
        let Some(DnsResponse { delay, bytes }) = shared.answer(&query[..length], DnsTransport::Udp) else { continue };
        if delay.is_zero() {
            // A client that is gone needs no answer.
            let _ = socket.send_to(&bytes, asker).await;
            continue;
        }
        let Ok(place) = Arc::clone(&delayed).try_acquire_owned() else { continue };
        let socket = Arc::clone(&socket);
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            sleep(delay).await;
            let _ = socket.send_to(&bytes, asker).await;
            drop(place);
        }));
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<SharedZone>, stop: CancellationToken, tasks: TaskTracker) {
    let places = ClientPlaces::new(CONNECTIONS_MAX);
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            pause().await;
            continue;
        };
        let (shared, place) = (Arc::clone(&shared), places.take(client.ip()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            // A connection that ended with an error, or for another, has ended all the same.
            let _ = place.evicted().run_until_cancelled(serve_tcp_connection(stream, &shared)).await;
        }));
    }
}

/// Answers queries until the client closes, is idle for too long, or a fault leaves a query without an answer.
async fn serve_tcp_connection(mut stream: TcpStream, shared: &SharedZone) -> io::Result<()> {
    loop {
        let length = timeout(IDLE_TIMEOUT, stream.read_u16()).await??;
        let mut query = vec![0; usize::from(length)];
        timeout(MESSAGE_TIMEOUT, stream.read_exact(&mut query)).await??;
        let Some(DnsResponse { delay, bytes }) = shared.answer(&query, DnsTransport::Tcp) else { return Ok(()) };
        sleep(delay).await;
        timeout(MESSAGE_TIMEOUT, write(&mut stream, &bytes)).await??;
    }
}

/// Writes length and message in one piece (RFC 7766 section 8).
async fn write(stream: &mut TcpStream, reply: &[u8]) -> io::Result<()> {
    let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), reply].concat()).await
}

/// Waits before trying again: errors of the system mostly repeat at once.
async fn pause() {
    sleep(Duration::from_millis(50)).await;
}
