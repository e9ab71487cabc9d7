//! One connection of the driver: opens it, speaks SMTP, and reports what the server replied and how long everything
//! took.

use std::future::poll_fn;
use std::io;
use std::iter;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::connection_event::{ConnectionEvent, ConnectionReport, DriverCommand, PhaseTiming, WireResult};
use super::message::OutgoingMessage;
use crate::live::clock::Speed;
use crate::live::idle_timeout::IdleTimeout;
use crate::live::stream::{MaybeTlsStream, read_into};
use crate::live::tls::ClientTls;
use crate::record::{ConnectionFailure, LatencyPhase};
use crate::sender::strategy::SessionSettings;
use crate::smtp::{
    BodyKind, ClientEvent, ClientSession, Filler, ReceivedReply, RecipientReply, SessionStep, Stage, Transaction,
    UseTls,
};
use crate::time::Span;
use crate::units::ConnId;

/// How a client speaks.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The name it gives with EHLO.
    pub helo: String,
    /// For STARTTLS, wherever it is offered; `None` stays in the clear.
    pub tls: Option<ClientTls>,
    /// Whether it uses BDAT, wherever that is offered.
    pub chunking: bool,
}

/// What all connections to a provider have in common.
#[derive(Debug)]
pub(super) struct ConnectionOptions {
    pub(super) client_options: ClientOptions,
    /// Time-outs and pipelining.
    pub(super) session: SessionSettings,
    pub(super) speed: Speed,
    /// Cancelled at the end of the trial.
    pub(super) stop: CancellationToken,
}

/// Which connection it is, and its two ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionParams {
    pub(super) conn: ConnId,
    pub(super) generation: u64,
    pub(super) from: IpAddr,
    pub(super) to: SocketAddr,
}

/// The shortest time for a reply, however fast the trial's clock runs.
const REPLY_TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// Wall-clock time for the reply to QUIT.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs a connection, from the attempt to connect to its end.
pub(super) async fn run(
    params: ConnectionParams,
    options: Arc<ConnectionOptions>,
    mut commands: mpsc::Receiver<DriverCommand>,
    reports: mpsc::UnboundedSender<ConnectionReport>,
) {
    // A driver that has ended needs no report.
    let report =
        |event| drop(reports.send(ConnectionReport { conn: params.conn, generation: params.generation, event }));
    let mut connection = match ClientConnection::open(params, &options).await {
        Ok(connection) => connection,
        Err(event) => return report(event),
    };
    report(ConnectionEvent::Connected);
    let mut stopped = pin!(options.stop.cancelled());
    loop {
        let command = tokio::select! {
            biased;
            command = commands.recv() => command,
            () = connection.unsolicited_data() => return report(ConnectionEvent::Closed),
        };
        match command {
            Some(DriverCommand::Send(message)) => {
                let event = tokio::select! {
                    biased;
                    event = connection.transact(&message) => event,
                    // The trial is over, and the result does not count any more.
                    () = &mut stopped => return,
                };
                let ends = event.ends_connection();
                report(event);
                if ends {
                    return;
                }
            }
            Some(DriverCommand::Quit) | None => {
                let _ = timeout(QUIT_TIMEOUT, connection.quit()).await;
                return;
            }
        }
    }
}

struct ClientConnection<'a> {
    options: &'a ConnectionOptions,
    to: SocketAddr,
    stream: MaybeTlsStream,
    client: ClientSession,
    /// Bytes that have arrived and are not processed.
    input: Vec<u8>,
    out: Vec<u8>,
    timings: Vec<PhaseTiming>,
    /// When the command that awaits its reply was sent.
    sent: Instant,
    idle_timeout: IdleTimeout,
    /// The last refusal, in case the session ends with it.
    refused: Option<WireResult>,
}

/// Why the session stopped advancing.
enum Progress {
    /// It waits for a transaction.
    Idle,
    /// The transaction is over.
    Done,
    /// The server waits for the message.
    Body,
    /// The session is over: the server said so, or what it sent was not SMTP.
    Closed,
    /// No reply came: at which stage, and why.
    Silent(Option<Stage>, ConnectionFailure),
}

impl<'a> ClientConnection<'a> {
    /// Connects, and advances until the server is ready for a transaction. An error is what to report instead.
    async fn open(params: ConnectionParams, options: &'a ConnectionOptions) -> Result<Self, ConnectionEvent> {
        let began = Instant::now();
        let limit = wall_timeout(options, options.session.connect_timeout);
        let stream = match timeout(limit, connect(params)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(ConnectionEvent::not_connected(failure_of(&error))),
            Err(_) => return Err(ConnectionEvent::not_connected(ConnectionFailure::ConnectTimeout)),
        };
        let ClientOptions { helo, tls, .. } = &options.client_options;
        let tls = if tls.is_some() { UseTls::May } else { UseTls::Never };
        let mut connection = Self {
            options,
            to: params.to,
            stream: MaybeTlsStream::Plain(stream),
            client: ClientSession::new(helo, tls),
            input: Vec::new(),
            out: Vec::new(),
            timings: vec![(LatencyPhase::Connect, began.elapsed())],
            sent: Instant::now(),
            idle_timeout: IdleTimeout::new(Instant::now() + limit),
            refused: None,
        };
        let wire_result = match connection.advance_session().await {
            Progress::Idle => return Ok(connection),
            Progress::Silent(_, ConnectionFailure::CommandTimeout) => {
                WireResult::Silent(Stage::Connect, ConnectionFailure::GreetingTimeout)
            }
            Progress::Silent(stage, failure) => WireResult::Silent(stage.unwrap_or(Stage::Connect), failure),
            _ => connection.closing_result(Stage::Connect),
        };
        Err(ConnectionEvent::Replied { results: vec![wire_result], closed: true, timings: connection.timings })
    }

    /// Sends a message, and says what came of it.
    async fn transact(&mut self, message: &OutgoingMessage) -> ConnectionEvent {
        let recipients: Vec<&str> = message.to.iter().map(String::as_str).collect();
        let transaction = Transaction {
            from: &message.from,
            recipients: &recipients,
            size: message.size,
            body: BodyKind::SevenBit,
            smtputf8: false,
            pipelining: self.options.session.pipelining,
            chunking: self.options.client_options.chunking,
        };
        self.refused = None;
        let began = Instant::now();
        self.client.begin(&transaction, &mut self.out);
        let progress = loop {
            match self.advance_session().await {
                Progress::Body => {
                    if self.send_body(message).await.is_err() {
                        break Progress::Silent(Some(Stage::EndOfData), ConnectionFailure::Reset);
                    }
                }
                progress => break progress,
            }
        };
        self.timings.push((LatencyPhase::Transaction, began.elapsed()));
        let rest = match progress {
            Progress::Silent(stage, failure) => WireResult::Silent(stage.unwrap_or(Stage::EndOfData), failure),
            Progress::Closed => self.closing_result(Stage::EndOfData),
            _ => WireResult::Silent(Stage::EndOfData, ConnectionFailure::Reset),
        };
        let closed = matches!(progress, Progress::Closed | Progress::Silent(..));
        let results =
            self.client.results().map(|reply| reply.map_or_else(|| rest.clone(), |reply| wire_result(&reply)));
        let results = results.collect();
        ConnectionEvent::Replied { results, closed, timings: std::mem::take(&mut self.timings) }
    }

    /// Sends and receives until the session needs a decision from outside.
    async fn advance_session(&mut self) -> Progress {
        loop {
            let (used, event) = self.client.advance(&self.input, &mut self.out);
            let progress = match event {
                ClientEvent::NeedInput => None,
                ClientEvent::Replied { to, reply } => {
                    if !matches!(reply.class(), crate::smtp::Class::Positive) {
                        self.refused = to.stage().map(|stage| WireResult::Refused(stage, reply.code, text(&reply)));
                    }
                    if let Some(phase) = phase(to) {
                        self.timings.push((phase, self.sent.elapsed()));
                    }
                    self.input.drain(..used);
                    continue;
                }
                ClientEvent::StartTls => {
                    self.input.drain(..used);
                    if self.start_tls().await.is_err() {
                        return Progress::Silent(Some(Stage::Ehlo), ConnectionFailure::Reset);
                    }
                    continue;
                }
                // No line of the filler begins with a dot, so it needs no stuffing.
                ClientEvent::SendBody { .. } => Some(Progress::Body),
                ClientEvent::Done => Some(Progress::Done),
                ClientEvent::Idle => Some(Progress::Idle),
                ClientEvent::Close(_) => Some(Progress::Closed),
            };
            self.input.drain(..used);
            if let Some(progress) = progress {
                if matches!(progress, Progress::Closed) {
                    let _ = self.flush().await;
                }
                return progress;
            }
            let step = self.client.awaiting();
            if let Err(error) = self.exchange(step).await {
                return Progress::Silent(step.and_then(SessionStep::stage), failure_of(&error));
            }
        }
    }

    /// Sends what has been written, and reads.
    async fn exchange(&mut self, step: Option<SessionStep>) -> io::Result<()> {
        let deadline = Instant::now() + self.timeout_for(step);
        if !self.out.is_empty() {
            timeout_at(deadline, self.flush()).await.map_err(|_| io::ErrorKind::TimedOut)??;
            self.sent = Instant::now();
        }
        let (stream, input) = (&mut self.stream, &mut self.input);
        tokio::select! {
            biased;
            read = poll_fn(|cx| read_into(stream, cx, input)) => match read? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            },
            () = self.idle_timeout.wait_until(deadline) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Sends a message from where its pieces are: all connections send the same block, without a copy of it.
    async fn send_body(&mut self, message: &OutgoingMessage) -> io::Result<()> {
        let deadline = Instant::now() + self.timeout_for(Some(SessionStep::EndOfData));
        self.sent = Instant::now();
        self.out.extend_from_slice(message.head.as_bytes());
        let body_at = self.out.len();
        self.client.body_sent(&mut self.out);
        let sent = {
            let (before, behind) = self.out.split_at(body_at);
            let filler = Filler::new(message.size - message.head.len() as u64).map(|piece| -> &[u8] { piece });
            let mut whole = iter::once(before).chain(filler).chain([behind]);
            timeout_at(deadline, self.stream.write_pieces(&mut whole)).await
        };
        self.out.clear();
        sent.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        self.stream.flush().await
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        let Some(connector) = &self.options.client_options.tls else { return Err(io::ErrorKind::Unsupported.into()) };
        let began = Instant::now();
        let limit = self.timeout_for(Some(SessionStep::StartTls));
        self.stream.connect_tls(connector, &self.to.ip().to_string(), limit).await?;
        self.timings.push((LatencyPhase::Tls, began.elapsed()));
        self.client.secured(&mut self.out);
        Ok(())
    }

    /// Resolves when the server sends something, or closes, without having been asked. Either way the connection is
    /// over.
    async fn unsolicited_data(&mut self) {
        let (stream, input) = (&mut self.stream, &mut self.input);
        let _ = poll_fn(|cx| read_into(stream, cx, input)).await;
    }

    async fn quit(&mut self) -> io::Result<()> {
        self.client.quit(&mut self.out);
        self.advance_session().await;
        self.stream.shutdown().await
    }

    /// The refusal with which the server ended the session, or a reset if there was none.
    fn closing_result(&mut self, stage: Stage) -> WireResult {
        self.refused.take().unwrap_or(WireResult::Silent(stage, ConnectionFailure::Reset))
    }

    /// How long the reply to a step is waited for.
    fn timeout_for(&self, step: Option<SessionStep>) -> Duration {
        let session = &self.options.session;
        let span = match step {
            Some(SessionStep::Connect) => session.greeting_timeout,
            Some(SessionStep::Rcpt(_)) => session.rcpt_timeout,
            Some(SessionStep::Data) => session.data_timeout,
            Some(SessionStep::EndOfData) => session.end_of_data_timeout,
            _ => session.mail_timeout,
        };
        wall_timeout(self.options, span)
    }
}

fn wall_timeout(options: &ConnectionOptions, span: Span) -> Duration {
    options.speed.wall_duration(span).max(REPLY_TIMEOUT_MIN)
}

async fn connect(params: ConnectionParams) -> io::Result<TcpStream> {
    let socket = if params.to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(params.from, 0))?;
    let stream = socket.connect(params.to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn failure_of(error: &io::Error) -> ConnectionFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectionFailure::Refused,
        io::ErrorKind::TimedOut => ConnectionFailure::CommandTimeout,
        _ => ConnectionFailure::Reset,
    }
}

fn phase(step: SessionStep) -> Option<LatencyPhase> {
    match step {
        SessionStep::Connect => Some(LatencyPhase::Banner),
        SessionStep::Ehlo | SessionStep::Helo => Some(LatencyPhase::Ehlo),
        SessionStep::Mail => Some(LatencyPhase::Mail),
        SessionStep::Rcpt(_) => Some(LatencyPhase::Rcpt),
        SessionStep::Data => Some(LatencyPhase::Data),
        SessionStep::EndOfData => Some(LatencyPhase::Message),
        SessionStep::StartTls | SessionStep::Reset | SessionStep::Quit | SessionStep::Unsolicited => None,
    }
}

fn wire_result(reply: &RecipientReply<'_>) -> WireResult {
    if reply.delivered() {
        WireResult::Accepted
    } else {
        WireResult::Refused(reply.stage, reply.reply.code, text(&reply.reply))
    }
}

/// The lines of a reply with their codes, joined by `\n`.
fn text(reply: &ReceivedReply<'_>) -> String {
    reply.to_reply().lines(|_| None).join("\n")
}
