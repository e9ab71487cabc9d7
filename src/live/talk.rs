//! A conversation with a client: bytes to and from a socket, the session between them, and somebody behind it who
//! decides.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::alarm::Alarm;
use super::clock::Clock;
use super::tls;
use super::visit::Reaction;
use super::wire::{Wire, read_with};
use crate::smtp::{PolicyAnswer, PolicyQuestion, ProtocolError, Server, ServerClose, ServerConfig, ServerEvent};
use crate::time::Span;

/// The provider's side of a conversation: it decides, and hears what is not a question.
pub(super) trait Side {
    /// What is said to a question.
    fn decide(&mut self, question: &PolicyQuestion<'_>) -> Decided;

    /// What is said to a client that talks before its greeting, which was put off.
    fn talks_early(&mut self) -> Reaction;

    /// What is said to a message of this size, which is there and which the server is done with.
    fn judge(&mut self, size: u64) -> impl Future<Output = Reaction> + Send;

    /// A piece of the message that is on its way.
    fn piece(&mut self, piece: &[u8]);

    /// The session has refused something by itself; whether that left a transaction open.
    fn fault(&mut self, fault: ProtocolError, in_transaction: bool);

    /// Whether a message is on its way.
    fn is_receiving(&self) -> bool;

    /// The conversation is over, and the message that was on its way with it.
    fn lose(&mut self);
}

/// What the provider has decided, or will.
pub(super) enum Decided {
    Now(Reaction),
    Later(Reaction),
    /// The greeting is put off, and whoever talks until then talks early.
    Greeting(Reaction),
    /// A message of this size is judged when the server is done with it.
    Judge {
        size: u64,
        service: Span,
    },
}

/// How a conversation is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    /// The provider's time.
    pub(super) clock: Clock,
    /// How long a client may take over a command, in the provider's time.
    pub(super) patience: Span,
    /// STARTTLS, if it is offered.
    pub(super) tls: Option<&'a tls::Acceptor>,
    /// Everything ends.
    pub(super) stop: &'a CancellationToken,
}

impl Terms<'_> {
    fn patience(&self) -> Duration {
        self.clock.speed().on_the_wall(self.patience).max(PATIENCE_MIN)
    }
}

/// However fast the providers' time goes, a client has this long for a command.
const PATIENCE_MIN: Duration = Duration::from_secs(2);
/// The longest that a handshake takes on the wall.
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);
/// Replies are sent when the client waits for them, or when there are so many bytes of them.
const REPLIES_MAX: usize = 16_384;
/// Bytes of a buffer that a session may keep while it waits.
const KEPT_MAX: usize = 4_096;

/// Speaks with a client to the end; why the session closed, if it did and the client did not just go.
pub(super) async fn converse<S: Side>(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    side: S,
    terms: Terms<'_>,
) -> io::Result<Option<ServerClose>> {
    let (wire, server) = (Wire::Plain(stream), Server::new(config));
    let alarm = Alarm::new(Instant::now() + terms.patience());
    Talk { wire, server, side, terms, alarm, input: Vec::new(), out: Vec::new() }.run().await
}

/// What a client hears that is turned away as soon as it comes, with the connection closed behind it: nothing that it
/// says could change that. None where the conversation goes on, or where it takes its time.
pub(super) fn turned_away(config: &Arc<ServerConfig>, greeting: &Reaction) -> Option<Vec<u8>> {
    if greeting.is_later() || matches!(greeting, Reaction::Accept { .. }) {
        return None;
    }
    let (mut server, mut out) = (Server::new(config.clone()), Vec::new());
    server.advance(&[], &mut out);
    react(&mut server, greeting, &mut out);
    matches!(server.advance(&[], &mut out).1, ServerEvent::Close(_)).then_some(out)
}

struct Talk<'a, S> {
    wire: Wire,
    server: Server,
    side: S,
    terms: Terms<'a>,
    alarm: Alarm,
    /// What has arrived and is not done with.
    input: Vec<u8>,
    /// Replies that are not sent yet.
    out: Vec<u8>,
}

/// What a conversation cannot go on without.
enum Wants {
    Input,
    Flush,
    Time(Decided),
    Tls,
    Close(ServerClose),
}

impl<S: Side> Talk<'_, S> {
    async fn run(mut self) -> io::Result<Option<ServerClose>> {
        let ended = self.converse().await;
        if self.side.is_receiving() {
            self.side.lose();
        }
        ended
    }

    async fn converse(&mut self) -> io::Result<Option<ServerClose>> {
        let stop = self.terms.stop;
        let mut stopped = pin!(stop.cancelled());
        let (mut deadline, mut commands) = (self.deadline(), 0);
        let mut wants = self.digest_rest();
        loop {
            match wants {
                Wants::Flush => self.flush().await?,
                Wants::Time(decided) => self.wait_and_answer(decided).await?,
                Wants::Tls => self.secure().await?,
                Wants::Close(why) => return self.close(why).await.map(|()| Some(why)),
                Wants::Input => {
                    self.flush().await?;
                    // A command has so long, and not each of its bytes; a message is on its way as long as it moves.
                    let done = self.server.counts().commands;
                    if done != commands || self.side.is_receiving() {
                        (commands, deadline) = (done, self.deadline());
                    }
                    match self.read(deadline, stopped.as_mut()).await? {
                        Some(next) => wants = next,
                        None => return Ok(None),
                    }
                    continue;
                }
            }
            wants = self.digest_rest();
        }
    }

    /// Goes on with what has arrived.
    fn digest_rest(&mut self) -> Wants {
        let (used, wants) = digest(&mut self.server, &mut self.side, &self.input, &mut self.out);
        self.input.drain(..used);
        wants
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.terms.patience()
    }

    /// Reads what is there and goes on with it where it arrives: what is kept is what is left of it. None when there
    /// will be no more.
    async fn read(&mut self, deadline: Instant, stopped: Pin<&mut impl Future>) -> io::Result<Option<Wants>> {
        if self.input.is_empty() {
            // Whoever is idle needs no buffer.
            self.input = Vec::new();
        }
        let Self { wire, server, side, input, out, alarm, .. } = self;
        let mut take = |arrived: &[u8]| {
            if arrived.is_empty() {
                return None;
            }
            if input.is_empty() {
                let (used, wants) = digest(server, side, arrived, out);
                input.extend_from_slice(&arrived[used..]);
                return Some(wants);
            }
            input.extend_from_slice(arrived);
            let (used, wants) = digest(server, side, input, out);
            input.drain(..used);
            Some(wants)
        };
        tokio::select! {
            biased;
            wants = poll_fn(|cx| read_with(wire, cx, &mut take)) => wants,
            _ = stopped => {
                self.farewell("4.3.2 Service shutting down").await?;
                Ok(None)
            }
            () = alarm.until(deadline) => {
                self.farewell("4.4.2 Timeout exceeded").await?;
                Ok(None)
            }
        }
    }

    /// Says 421 and that is that.
    async fn farewell(&mut self, why: &str) -> io::Result<()> {
        self.out.extend_from_slice(format!("421 {why}\r\n").as_bytes());
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        // A client that does not read has as long as one that does not write.
        let deadline = self.deadline();
        let sent = tokio::time::timeout_at(deadline, async {
            self.wire.write_all(&self.out).await?;
            self.wire.flush().await
        });
        sent.await.map_err(|_| io::ErrorKind::TimedOut)??;
        self.out.clear();
        if self.out.capacity() > KEPT_MAX {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// The provider takes its time.
    async fn wait_and_answer(&mut self, decided: Decided) -> io::Result<()> {
        self.flush().await?;
        let mut reaction = match decided {
            Decided::Now(reaction) | Decided::Later(reaction) => reaction,
            Decided::Greeting(reaction) => self.greeting(reaction).await?,
            Decided::Judge { size, service } => {
                self.pause(service).await?;
                self.side.judge(size).await
            }
        };
        self.pause(std::mem::take(reaction.after())).await?;
        react(&mut self.server, &reaction, &mut self.out);
        Ok(())
    }

    /// Lets the client wait for its greeting, and listens.
    async fn greeting(&mut self, mut reaction: Reaction) -> io::Result<Reaction> {
        let until = self.terms.clock.now() + std::mem::take(reaction.after());
        let talks = tokio::select! {
            biased;
            talks = self.wire.talks() => talks?,
            () = self.terms.clock.until(until) => false,
            () = self.terms.stop.cancelled() => false,
        };
        if !talks {
            return Ok(reaction);
        }
        match self.side.talks_early() {
            Reaction::Accept { after } => *reaction.after() = until.since(self.terms.clock.now()) + after,
            refusal => reaction = refusal,
        }
        Ok(reaction)
    }

    async fn pause(&mut self, span: Span) -> io::Result<()> {
        if span.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = self.terms.clock.sleep(span) => Ok(()),
            () = self.terms.stop.cancelled() => {
                self.farewell("4.3.2 Service shutting down").await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }

    async fn secure(&mut self) -> io::Result<()> {
        self.flush().await?;
        let Some(acceptor) = self.terms.tls else { return Err(io::ErrorKind::Unsupported.into()) };
        self.wire.accept(acceptor, HANDSHAKE_MAX).await?;
        self.server.secured();
        Ok(())
    }

    async fn close(&mut self, why: ServerClose) -> io::Result<()> {
        // Whoever is dropped hears what was said before, however close together his commands came.
        self.flush().await?;
        if why == ServerClose::Dropped { Ok(()) } else { self.wire.close().await }
    }
}

/// Lets the session go through what has arrived, and its questions be answered, as long as nobody has to be waited for:
/// how many bytes are done with, and what comes next.
fn digest<S: Side>(server: &mut Server, side: &mut S, arrived: &[u8], out: &mut Vec<u8>) -> (usize, Wants) {
    let mut used = 0;
    loop {
        let (more, turn) = server.advance(&arrived[used..], out);
        used += more;
        let wants = match turn {
            ServerEvent::Ask(question) => match side.decide(&question) {
                Decided::Now(reaction) => {
                    react(server, &reaction, out);
                    None
                }
                later => Some(Wants::Time(later)),
            },
            ServerEvent::Body(piece) => {
                side.piece(piece);
                None
            }
            ServerEvent::Refused(fault) => {
                side.fault(fault, server.in_transaction());
                None
            }
            ServerEvent::NeedInput => Some(Wants::Input),
            ServerEvent::StartTls { .. } => Some(Wants::Tls),
            ServerEvent::Close(why) => Some(Wants::Close(why)),
        };
        if let Some(wants) = wants {
            return (used, wants);
        }
        if out.len() > REPLIES_MAX {
            return (used, Wants::Flush);
        }
    }
}

/// The provider's answer, as the session says it.
fn react(server: &mut Server, reaction: &Reaction, out: &mut Vec<u8>) {
    let answer = match reaction {
        Reaction::Accept { .. } => PolicyAnswer::Accept,
        Reaction::Refuse { reply, close, .. } => PolicyAnswer::reply(reply, *close),
        Reaction::Drop { .. } => PolicyAnswer::Drop,
    };
    server.answer(answer, out);
}

#[cfg(test)]
mod tests;
