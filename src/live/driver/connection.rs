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
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::connect::{ConnectAttempt, OpenedSocket};
use super::connection_event::{ConnectionEvent, ConnectionReport, DriverCommand, PhaseTiming, WireResult};
use super::message::OutgoingMessage;
use super::own_patience::OwnPatience;
use super::session_loss::SessionLoss;
use crate::live::clock::Speed;
use crate::live::hosted_sessions::{HostedSession, HostedSessions};
use crate::live::idle_timeout::IdleTimeout;
use crate::live::own_failure::OwnFailureCounter;
use crate::live::own_faults::{OwnFaultPoint, OwnFaults};
use crate::live::stream::{MaybeTlsStream, read_into};
use crate::live::tls::StartTls;
use crate::record::{ConnectionFailure, LatencyPhase, OwnFailure};
use crate::sender::strategy::SessionSettings;
use crate::smtp::{
    BodyKind, ClientClose, ClientEvent, ClientSession, Filler, HeloName, ReceivedReply, RecipientReply, SessionStep,
    Stage, Transaction, UseTls, Violation, printable_line,
};
use crate::time::Span;
use crate::units::ConnId;

/// How a client speaks.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The name it gives with EHLO.
    pub helo: HeloName,
    /// Whether it asks for TLS.
    pub tls: StartTls,
    /// Whether it uses BDAT, wherever that is offered.
    pub chunking: bool,
    /// Faults of mxlab's own side, injected for tests.
    pub own_faults: OwnFaults,
    /// Wall-clock time for which a connection waits for what this machine is short of. Then the trial is halted.
    pub own_patience: Duration,
}

impl ClientOptions {
    /// A client that gives this name, and speaks in the clear and with DATA.
    pub fn new(helo: HeloName) -> Self {
        Self {
            helo,
            tls: StartTls::Never,
            chunking: false,
            own_faults: OwnFaults::default(),
            own_patience: Duration::from_secs(30),
        }
    }
}

/// What all connections to a provider have in common.
#[derive(Debug)]
pub(super) struct ConnectionOptions {
    pub(super) client_options: ClientOptions,
    /// Time-outs and pipelining.
    pub(super) session: SessionSettings,
    pub(super) speed: Speed,
    /// Counts what this machine was short of, over all connections.
    pub(super) own_failures: OwnFailureCounter,
    /// Where the hosts are of this process: what they do with connections.
    pub(super) hosted: Option<HostedSessions>,
    /// Cancelled at the end of the trial.
    pub(super) stop: CancellationToken,
}

impl ConnectionOptions {
    /// The same loss. What this machine was short of is counted.
    fn counted(&self, loss: SessionLoss) -> SessionLoss {
        if let SessionLoss::OwnSide(what) = loss {
            self.own_failures.add(what);
        }
        loss
    }
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
    let mut stopped = pin!(options.stop.cancelled());
    let opened = tokio::select! {
        biased;
        opened = ClientConnection::open(params, &options) => opened,
        () = &mut stopped => return,
    };
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(event) => return report(event),
    };
    report(ConnectionEvent::Connected { starttls_refused: connection.starttls_refused() });
    loop {
        let command = tokio::select! {
            biased;
            command = commands.recv() => command,
            event = connection.unsolicited_data() => return report(event),
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
    /// What the host does with the connection, where it is one of this process.
    entry: Option<HostedSession>,
    client: ClientSession,
    /// Bytes that have arrived and are not processed.
    input: Vec<u8>,
    out: Vec<u8>,
    timings: Vec<PhaseTiming>,
    /// When the command that awaits its reply was sent.
    sent: Instant,
    /// Since when the reply that is due has been waited for.
    waits_since: Instant,
    idle_timeout: IdleTimeout,
    /// The last refusal, in case the session ends with it.
    refused: Option<WireResult>,
    /// What was said to STARTTLS.
    tls_reply: Option<String>,
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
    Closed(ClientClose),
    /// No reply came: to which step, and why.
    Lost(Option<SessionStep>, SessionLoss),
}

impl<'a> ClientConnection<'a> {
    /// Opens a session as soon as this machine has what that takes: until then the sender hears nothing of it, and no
    /// provider is charged with it. An error is what to report instead.
    async fn open(params: ConnectionParams, options: &'a ConnectionOptions) -> Result<Self, ConnectionEvent> {
        let mut patience = OwnPatience::new(options.client_options.own_patience);
        loop {
            let event = match Self::try_open(params, options).await {
                Ok(connection) => return Ok(connection),
                Err(event) => event,
            };
            let Some(what) = event.own_failure() else { return Err(event) };
            if !patience.wait().await {
                return Err(ConnectionEvent::Stuck(what));
            }
        }
    }

    /// Connects, and advances until the server is ready for a transaction.
    async fn try_open(params: ConnectionParams, options: &'a ConnectionOptions) -> Result<Self, ConnectionEvent> {
        let ClientOptions { helo, tls, own_faults, .. } = &options.client_options;
        let limit = wall_timeout(options, options.session.connect_timeout);
        let ConnectionParams { from, to, .. } = params;
        let attempt = ConnectAttempt { from, to, limit, own_faults, hosted: options.hosted.as_ref() };
        let OpenedSocket { stream, entry, began } =
            attempt.connect().await.map_err(|loss| ConnectionEvent::lost(Stage::Connect, options.counted(loss)))?;
        let mut connection = Self {
            options,
            to,
            stream: MaybeTlsStream::Plain(stream),
            entry,
            client: ClientSession::new(helo.as_str(), use_tls(tls)),
            input: Vec::new(),
            out: Vec::new(),
            timings: vec![(LatencyPhase::Connect, began.elapsed())],
            sent: Instant::now(),
            waits_since: Instant::now(),
            idle_timeout: IdleTimeout::new(Instant::now() + limit),
            refused: None,
            tls_reply: None,
        };
        let wire_result = match connection.advance_session().await {
            Progress::Idle => return Ok(connection),
            Progress::Lost(Some(SessionStep::Connect), SessionLoss::Silence(ConnectionFailure::CommandTimeout)) => {
                WireResult::Lost(Stage::Connect, SessionLoss::Silence(ConnectionFailure::GreetingTimeout))
            }
            Progress::Lost(step, loss) => WireResult::Lost(stage_of(step, Stage::Connect), loss),
            Progress::Closed(why) => connection.closing_result(why, Stage::Connect),
            Progress::Done | Progress::Body => unreachable!("no transaction was begun"),
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
                    if let Err(error) = self.send_body(message).await {
                        break Progress::Lost(Some(SessionStep::EndOfData), self.loss(&error));
                    }
                }
                progress => break progress,
            }
        };
        self.timings.push((LatencyPhase::Transaction, began.elapsed()));
        let closed = matches!(progress, Progress::Closed(_) | Progress::Lost(..));
        let rest = match progress {
            Progress::Lost(step, loss) => WireResult::Lost(stage_of(step, Stage::EndOfData), loss),
            Progress::Closed(why) => self.closing_result(why, Stage::EndOfData),
            // All is decided.
            Progress::Done | Progress::Idle | Progress::Body => {
                WireResult::Lost(Stage::EndOfData, SessionLoss::Silence(ConnectionFailure::Reset))
            }
        };
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
                    if to == SessionStep::StartTls {
                        self.tls_reply = Some(printable_line(&reply.to_reply().to_string()));
                    }
                    self.input.drain(..used);
                    self.waits_since = Instant::now();
                    continue;
                }
                ClientEvent::StartTls => {
                    self.input.drain(..used);
                    if let Err(error) = self.start_tls().await {
                        let is_must = matches!(self.options.client_options.tls, StartTls::Must(_));
                        let loss = self.blamed(SessionLoss::of_handshake(&error, is_must));
                        return Progress::Lost(Some(SessionStep::StartTls), loss);
                    }
                    continue;
                }
                // No line of the filler begins with a dot, so it needs no stuffing.
                ClientEvent::SendBody { .. } => Some(Progress::Body),
                ClientEvent::Done => Some(Progress::Done),
                ClientEvent::Idle => Some(Progress::Idle),
                ClientEvent::Close(why) => Some(Progress::Closed(why)),
            };
            self.input.drain(..used);
            if let Some(progress) = progress {
                if matches!(progress, Progress::Closed(_)) {
                    let _ = self.flush().await;
                }
                return progress;
            }
            let step = self.client.awaiting();
            if let Err(error) = self.exchange(step).await {
                return Progress::Lost(step, self.loss(&error));
            }
        }
    }

    /// Sends what has been written, and reads.
    async fn exchange(&mut self, step: Option<SessionStep>) -> io::Result<()> {
        self.options.client_options.own_faults.check(OwnFaultPoint::Buffer)?;
        let limit = self.timeout_for(step);
        if !self.out.is_empty() {
            timeout(limit, self.flush()).await.map_err(|_| io::ErrorKind::TimedOut)??;
            self.sent = Instant::now();
            self.waits_since = self.sent;
        }
        // A reply has its time as a whole, in however many pieces it comes.
        let deadline = self.waits_since + limit;
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
        self.options.client_options.own_faults.check(OwnFaultPoint::Buffer)?;
        let limit = self.timeout_for(Some(SessionStep::EndOfData));
        self.sent = Instant::now();
        self.out.extend_from_slice(message.head.as_bytes());
        let body_at = self.out.len();
        self.client.body_sent(&mut self.out);
        let sent = {
            let (before, behind) = self.out.split_at(body_at);
            let filler = Filler::new(message.size - message.head.len() as u64).map(|piece| -> &[u8] { piece });
            let mut whole = iter::once(before).chain(filler).chain([behind]);
            timeout(limit, self.stream.write_pieces(&mut whole)).await
        };
        self.out.clear();
        self.waits_since = Instant::now();
        sent.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        self.stream.flush().await
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        let (StartTls::May(connector) | StartTls::Must(connector)) = &self.options.client_options.tls else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let began = Instant::now();
        let limit = self.timeout_for(Some(SessionStep::StartTls));
        self.stream.connect_tls(connector, &self.to.ip().to_string(), limit).await?;
        self.timings.push((LatencyPhase::Tls, began.elapsed()));
        self.waits_since = Instant::now();
        self.client.secured(&mut self.out);
        Ok(())
    }

    /// The reply that refused STARTTLS, where the session goes on in clear text.
    fn starttls_refused(&self) -> Option<String> {
        if matches!(self.stream, MaybeTlsStream::Plain(_)) { self.tls_reply.clone() } else { None }
    }

    /// Resolves when the server says something, or closes, without having been asked. Either way the connection is
    /// over.
    async fn unsolicited_data(&mut self) -> ConnectionEvent {
        loop {
            let (used, event) = self.client.advance(&self.input, &mut self.out);
            let is_idle = matches!(event, ClientEvent::Idle);
            self.input.drain(..used);
            if !is_idle {
                let violation = self.client.violation().map(violation_text);
                return ConnectionEvent::Closed(violation.map_or(SessionLoss::CLOSED, SessionLoss::BrokenOff));
            }
            let (stream, input) = (&mut self.stream, &mut self.input);
            match poll_fn(|cx| read_into(stream, cx, input)).await {
                Ok(0) => return ConnectionEvent::Closed(self.blamed(SessionLoss::CLOSED)),
                Err(error) => return ConnectionEvent::Closed(self.loss(&error)),
                Ok(_) => {}
            }
        }
    }

    async fn quit(&mut self) -> io::Result<()> {
        self.client.quit(&mut self.out);
        self.advance_session().await;
        self.stream.shutdown().await
    }

    /// With what the server ended the session: against the protocol, without TLS, or with a refusal.
    fn closing_result(&mut self, why: ClientClose, stage: Stage) -> WireResult {
        if let Some(violation) = self.client.violation() {
            let loss = SessionLoss::BrokenOff(violation_text(violation));
            return WireResult::Lost(stage_of(Some(violation.step), stage), loss);
        }
        if why == ClientClose::NoTls {
            let why = match &self.tls_reply {
                Some(reply) => format!("no TLS: STARTTLS was answered with `{reply}`"),
                None => "no TLS: STARTTLS is not offered".to_owned(),
            };
            return WireResult::Lost(Stage::Ehlo, SessionLoss::NoTls(why));
        }
        let reset = WireResult::Lost(stage, SessionLoss::Silence(ConnectionFailure::Reset));
        self.refused.take().unwrap_or(reset)
    }

    /// What an error of the stream means.
    fn loss(&self, error: &io::Error) -> SessionLoss {
        self.blamed(SessionLoss::of(error))
    }

    /// A loss as it looks from here, or what this machine did at the host's end of the connection.
    fn blamed(&self, loss: SessionLoss) -> SessionLoss {
        match (&loss, self.entry.as_ref().and_then(HostedSession::own_failure)) {
            (SessionLoss::OwnSide(_), _) | (_, None) => self.options.counted(loss),
            (_, Some(OwnFailure::Untaken)) => self.options.counted(SessionLoss::OwnSide(OwnFailure::Untaken)),
            // Counted there.
            (_, Some(what)) => SessionLoss::OwnSide(what),
        }
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

const fn use_tls(tls: &StartTls) -> UseTls {
    match tls {
        StartTls::Never => UseTls::Never,
        StartTls::May(_) => UseTls::May,
        StartTls::Must(_) => UseTls::Must,
    }
}

/// The stage to which a step belongs, or else this one.
fn stage_of(step: Option<SessionStep>, otherwise: Stage) -> Stage {
    match step {
        Some(SessionStep::StartTls) => Stage::Ehlo,
        Some(SessionStep::Unsolicited) => Stage::Mail,
        step => step.and_then(SessionStep::stage).unwrap_or(otherwise),
    }
}

fn violation_text(violation: &Violation) -> String {
    format!("protocol violation: {}", violation.what)
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
