//! A connection of the driver: opens it, speaks SMTP, and reports what it heard and how long it took.

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

use super::Speech;
use super::report::{Lap, Letter, News, Order, Report, Said};
use crate::live::alarm::Alarm;
use crate::live::clock::Speed;
use crate::live::wire::{Wire, read_into};
use crate::record::{ConnectionFailure, LatencyPhase};
use crate::sender::strategy::SessionSettings;
use crate::smtp::{
    BodyKind, ClientEvent, ClientSession, Code, Filler, ReceivedReply, RecipientReply, SessionStep, Stage, Transaction,
    UseTls,
};
use crate::time::Span;
use crate::units::ConnId;

/// What all connections have in common.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) speech: Speech,
    /// Time-outs and pipelining.
    pub(super) session: SessionSettings,
    pub(super) speed: Speed,
    /// Everything ends.
    pub(super) stop: CancellationToken,
}

/// One connection: its names, and its two ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) conn: ConnId,
    pub(super) opening: u64,
    pub(super) from: IpAddr,
    pub(super) to: SocketAddr,
}

/// However fast the machines' time goes, a server has this long for a reply.
const PATIENCE_MIN: Duration = Duration::from_secs(1);
/// How long the reply to QUIT is waited for.
const QUIT_MAX: Duration = Duration::from_secs(2);

/// Holds a connection from the wish to connect to its end.
pub(super) async fn run(
    place: Place,
    options: Arc<Options>,
    mut orders: mpsc::Receiver<Order>,
    reports: mpsc::UnboundedSender<Report>,
) {
    // Whoever is not there any more needs no report.
    let report = |news| drop(reports.send(Report { conn: place.conn, opening: place.opening, news }));
    let mut call = match Call::open(place, &options).await {
        Ok(call) => call,
        Err((heard, laps)) => return report(News::Replied { heard: vec![heard], closed: true, laps }),
    };
    report(News::Connected);
    let mut stopped = pin!(options.stop.cancelled());
    loop {
        let order = tokio::select! {
            biased;
            order = orders.recv() => order,
            () = call.speaks_unasked() => return report(News::Closed),
        };
        match order {
            Some(Order::Transact(letter)) => {
                let (heard, closed) = tokio::select! {
                    biased;
                    outcome = call.transact(&letter) => outcome,
                    // The trial is over: nobody waits for what would come.
                    () = &mut stopped => return,
                };
                report(News::Replied { heard, closed, laps: std::mem::take(&mut call.laps) });
                if closed {
                    return;
                }
            }
            Some(Order::Quit) | None => {
                let _ = timeout(QUIT_MAX, call.quit()).await;
                return;
            }
        }
    }
}

struct Call<'a> {
    options: &'a Options,
    to: SocketAddr,
    wire: Wire,
    client: ClientSession,
    /// What has arrived and is not done with.
    input: Vec<u8>,
    out: Vec<u8>,
    laps: Vec<Lap>,
    /// When what is waited for now was sent.
    sent: Instant,
    alarm: Alarm,
    /// The last refusal, for when a session ends with it.
    refused: Option<(Stage, Code, String)>,
}

/// How far a conversation has come.
enum Came {
    /// Nothing is under way.
    Idle,
    /// The transaction is over.
    Done,
    /// The message is wanted.
    Body,
    /// The session is over: the server said so, or what it said was no SMTP.
    Over,
    /// Nothing is heard any more.
    Silent(Option<Stage>, ConnectionFailure),
}

impl<'a> Call<'a> {
    /// Connects, and goes on until the server waits for a transaction.
    async fn open(place: Place, options: &'a Options) -> Result<Self, (Said, Vec<Lap>)> {
        let began = Instant::now();
        let patience = wall(options, options.session.connect_timeout);
        let stream = match timeout(patience, dial(place)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err((Said::Nothing(Stage::Connect, silence(&error)), Vec::new())),
            Err(_) => return Err((Said::Nothing(Stage::Connect, ConnectionFailure::ConnectTimeout), Vec::new())),
        };
        let Speech { helo, tls, .. } = &options.speech;
        let tls = if tls.is_some() { UseTls::May } else { UseTls::Never };
        let mut call = Self {
            options,
            to: place.to,
            wire: Wire::Plain(stream),
            client: ClientSession::new(helo, tls),
            input: Vec::new(),
            out: Vec::new(),
            laps: vec![(LatencyPhase::Connect, began.elapsed())],
            sent: Instant::now(),
            alarm: Alarm::new(Instant::now() + patience),
            refused: None,
        };
        let said = match call.go_on().await {
            Came::Idle => return Ok(call),
            Came::Silent(_, ConnectionFailure::CommandTimeout) => {
                Said::Nothing(Stage::Connect, ConnectionFailure::GreetingTimeout)
            }
            Came::Silent(stage, silence) => Said::Nothing(stage.unwrap_or(Stage::Connect), silence),
            _ => call.last_word(Stage::Connect),
        };
        Err((said, call.laps))
    }

    /// Sends a message: what became of each recipient, and whether the connection is gone.
    async fn transact(&mut self, letter: &Letter) -> (Vec<Said>, bool) {
        let recipients: Vec<&str> = letter.to.iter().map(String::as_str).collect();
        let transaction = Transaction {
            from: &letter.from,
            recipients: &recipients,
            size: letter.size,
            body: BodyKind::SevenBit,
            smtputf8: false,
            pipelining: self.options.session.pipelining,
            chunking: self.options.speech.chunking,
        };
        self.refused = None;
        let began = Instant::now();
        self.client.begin(&transaction, &mut self.out);
        let came = loop {
            match self.go_on().await {
                Came::Body => {
                    if self.send_body(letter).await.is_err() {
                        break Came::Silent(Some(Stage::EndOfData), ConnectionFailure::Reset);
                    }
                }
                came => break came,
            }
        };
        self.laps.push((LatencyPhase::Transaction, began.elapsed()));
        let rest = match came {
            Came::Silent(stage, silence) => Said::Nothing(stage.unwrap_or(Stage::EndOfData), silence),
            Came::Over => self.last_word(Stage::EndOfData),
            _ => Said::Nothing(Stage::EndOfData, ConnectionFailure::Reset),
        };
        let closed = matches!(came, Came::Over | Came::Silent(..));
        let fates = self.client.results().map(|outcome| outcome.map_or_else(|| rest.clone(), |outcome| said(&outcome)));
        (fates.collect(), closed)
    }

    /// Everything that is said from here on to what has to be decided elsewhere.
    async fn go_on(&mut self) -> Came {
        loop {
            let (used, event) = self.client.advance(&self.input, &mut self.out);
            let came = match event {
                ClientEvent::NeedInput => None,
                ClientEvent::Replied { to, reply } => {
                    if !matches!(reply.class(), crate::smtp::Class::Positive) {
                        self.refused = to.stage().map(|stage| (stage, reply.code, text(&reply)));
                    }
                    if let Some(phase) = phase(to) {
                        self.laps.push((phase, self.sent.elapsed()));
                    }
                    self.input.drain(..used);
                    continue;
                }
                ClientEvent::StartTls => {
                    self.input.drain(..used);
                    if self.secure().await.is_err() {
                        return Came::Silent(Some(Stage::Ehlo), ConnectionFailure::Reset);
                    }
                    continue;
                }
                // No line of a filler begins with a dot: it is the same either way.
                ClientEvent::SendBody { .. } => Some(Came::Body),
                ClientEvent::Done => Some(Came::Done),
                ClientEvent::Idle => Some(Came::Idle),
                ClientEvent::Close(_) => Some(Came::Over),
            };
            self.input.drain(..used);
            if let Some(came) = came {
                if matches!(came, Came::Over) {
                    let _ = self.flush().await;
                }
                return came;
            }
            let step = self.client.awaiting();
            if let Err(error) = self.exchange(step).await {
                return Came::Silent(step.and_then(SessionStep::stage), silence(&error));
            }
        }
    }

    /// Sends what was written, and reads.
    async fn exchange(&mut self, step: Option<SessionStep>) -> io::Result<()> {
        let deadline = Instant::now() + self.patience(step);
        if !self.out.is_empty() {
            timeout_at(deadline, self.flush()).await.map_err(|_| io::ErrorKind::TimedOut)??;
            self.sent = Instant::now();
        }
        let (wire, input) = (&mut self.wire, &mut self.input);
        tokio::select! {
            biased;
            read = poll_fn(|cx| read_into(wire, cx, input)) => match read? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            },
            () = self.alarm.until(deadline) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Sends a message from where its pieces are: all connections send the same block, and no copy of it.
    async fn send_body(&mut self, letter: &Letter) -> io::Result<()> {
        let deadline = Instant::now() + self.patience(Some(SessionStep::EndOfData));
        self.sent = Instant::now();
        self.out.extend_from_slice(letter.head.as_bytes());
        let body_at = self.out.len();
        self.client.body_sent(&mut self.out);
        let sent = {
            let (before, behind) = self.out.split_at(body_at);
            let filler = Filler::new(letter.size - letter.head.len() as u64).map(|piece| -> &[u8] { piece });
            let mut whole = iter::once(before).chain(filler).chain([behind]);
            timeout_at(deadline, self.wire.write_pieces(&mut whole)).await
        };
        self.out.clear();
        sent.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.wire.write_all(&self.out).await?;
        self.out.clear();
        self.wire.flush().await
    }

    async fn secure(&mut self) -> io::Result<()> {
        let Some(connector) = &self.options.speech.tls else { return Err(io::ErrorKind::Unsupported.into()) };
        let began = Instant::now();
        let limit = self.patience(Some(SessionStep::StartTls));
        self.wire.connect(connector, &self.to.ip().to_string(), limit).await?;
        self.laps.push((LatencyPhase::Tls, began.elapsed()));
        self.client.secured(&mut self.out);
        Ok(())
    }

    /// Comes back when the server says or does anything though it was not asked: all it can mean is the end.
    async fn speaks_unasked(&mut self) {
        let (wire, input) = (&mut self.wire, &mut self.input);
        let _ = poll_fn(|cx| read_into(wire, cx, input)).await;
    }

    async fn quit(&mut self) -> io::Result<()> {
        self.client.quit(&mut self.out);
        self.go_on().await;
        self.wire.shutdown().await
    }

    /// The refusal with which the server ended the session, or silence if there was none.
    fn last_word(&mut self, stage: Stage) -> Said {
        match self.refused.take() {
            Some((stage, code, text)) => Said::Refused(stage, code, text),
            None => Said::Nothing(stage, ConnectionFailure::Reset),
        }
    }

    /// How long the reply to a step is waited for.
    fn patience(&self, step: Option<SessionStep>) -> Duration {
        let session = &self.options.session;
        let span = match step {
            Some(SessionStep::Connect) => session.greeting_timeout,
            Some(SessionStep::Rcpt(_)) => session.rcpt_timeout,
            Some(SessionStep::Data) => session.data_timeout,
            Some(SessionStep::EndOfData) => session.end_of_data_timeout,
            _ => session.mail_timeout,
        };
        wall(self.options, span)
    }
}

fn wall(options: &Options, span: Span) -> Duration {
    options.speed.on_the_wall(span).max(PATIENCE_MIN)
}

async fn dial(place: Place) -> io::Result<TcpStream> {
    let socket = if place.to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(place.from, 0))?;
    let stream = socket.connect(place.to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn silence(error: &io::Error) -> ConnectionFailure {
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

fn said(outcome: &RecipientReply<'_>) -> Said {
    if outcome.delivered() {
        Said::Accepted
    } else {
        Said::Refused(outcome.stage, outcome.reply.code, text(&outcome.reply))
    }
}

/// The lines of a reply, codes and all.
fn text(reply: &ReceivedReply<'_>) -> String {
    reply.to_reply().lines(|_| None).join("\n")
}
