//! The server's end of a connection: bytes to and from a socket, the SMTP session between them, and a handler behind it
//! that decides.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::idle_timeout::IdleTimeout;
use super::own_failure::own_failure;
use super::own_faults::{OwnFaultPoint, OwnFaults};
use super::rendered_verdict::RenderedVerdict;
use super::session_handler::{HandlerDecision, SessionHandler};
use super::stream::{MaybeTlsStream, read_with};
use super::tls;
use crate::smtp::{PolicyAnswer, ServerClose, ServerConfig, ServerEvent, ServerSession};
use crate::time::Span;

/// What a connection needs from its server.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionConfig<'a> {
    /// The provider's clock.
    pub(super) clock: Clock,
    /// How long a client may take over a command, in the provider's time.
    pub(super) command_timeout: Span,
    /// The certificate for STARTTLS; `None` does not offer it.
    pub(super) tls: Option<&'a tls::ServerTls>,
    /// Faults of mxlab's own side, injected for tests.
    pub(super) own_faults: &'a OwnFaults,
    /// Cancelled when the server stops.
    pub(super) stop: &'a CancellationToken,
}

impl ConnectionConfig<'_> {
    fn command_timeout(&self) -> Duration {
        self.clock.speed().wall_duration(self.command_timeout).max(COMMAND_TIMEOUT_MIN)
    }
}

/// The shortest time for a command, however fast the provider's clock runs.
const COMMAND_TIMEOUT_MIN: Duration = Duration::from_secs(2);
/// Wall-clock time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Replies are sent when the client waits for them, or when there are more bytes of them than this.
const REPLIES_MAX: usize = 16_384;
/// Capacity of a reply buffer that a connection keeps while it waits.
const BUFFER_KEPT_MAX: usize = 4_096;

/// Serves a client to the end of its connection: why the session closed, or `None` if the client just went away.
///
/// # Errors
/// The connection broke, a handshake failed, or the client did not read its replies in time.
pub(super) async fn serve<S: SessionHandler>(
    stream: TcpStream,
    server_config: Arc<ServerConfig>,
    handler: S,
    config: ConnectionConfig<'_>,
) -> io::Result<Option<ServerClose>> {
    let (stream, server) = (MaybeTlsStream::Plain(stream), ServerSession::new(server_config));
    let idle_timeout = IdleTimeout::new(Instant::now() + config.command_timeout());
    SmtpConnection { stream, server, handler, config, idle_timeout, input: Vec::new(), out: Vec::new() }.run().await
}

/// The bytes for a client that is refused at once, with the connection closed behind them: nothing that it says could
/// change that. `None` where the session goes on, or where the refusal is delayed.
pub(super) fn immediate_refusal(config: &Arc<ServerConfig>, greeting: &RenderedVerdict) -> Option<Vec<u8>> {
    if greeting.is_delayed() || matches!(greeting, RenderedVerdict::Accept { .. }) {
        return None;
    }
    let (mut server, mut out) = (ServerSession::new(config.clone()), Vec::new());
    server.advance(&[], &mut out);
    write_answer(&mut server, greeting, &mut out);
    matches!(server.advance(&[], &mut out).1, ServerEvent::Close(_)).then_some(out)
}

struct SmtpConnection<'a, S> {
    stream: MaybeTlsStream,
    server: ServerSession,
    handler: S,
    config: ConnectionConfig<'a>,
    idle_timeout: IdleTimeout,
    /// Bytes that have arrived and are not processed.
    input: Vec<u8>,
    /// Replies that have not been sent.
    out: Vec<u8>,
}

/// What the session needs next.
enum NextStep {
    Read,
    Flush,
    Wait(HandlerDecision),
    StartTls,
    Close(ServerClose),
}

impl<S: SessionHandler> SmtpConnection<'_, S> {
    async fn run(mut self) -> io::Result<Option<ServerClose>> {
        let ended = self.serve().await;
        match ended.as_ref().err().and_then(own_failure) {
            Some(what) => self.handler.on_own_failure(what),
            None if self.handler.is_receiving() => self.handler.on_connection_lost(),
            None => {}
        }
        ended
    }

    async fn serve(&mut self) -> io::Result<Option<ServerClose>> {
        let stop = self.config.stop;
        let mut stopped = pin!(stop.cancelled());
        let (mut deadline, mut commands) = (self.deadline(), 0);
        let mut next = self.process_buffered();
        loop {
            match next {
                NextStep::Flush => self.flush().await?,
                NextStep::Wait(decision) => self.wait_and_answer(decision).await?,
                NextStep::StartTls => self.start_tls().await?,
                NextStep::Close(why) => return self.close(why).await.map(|()| Some(why)),
                NextStep::Read => {
                    self.config.own_faults.check(OwnFaultPoint::Buffer)?;
                    self.flush().await?;
                    self.handler.write_body().await;
                    // The timeout is for a whole command, not for each byte of it; a message has one for each piece.
                    let done = self.server.counts().commands;
                    if done != commands || self.handler.is_receiving() {
                        (commands, deadline) = (done, self.deadline());
                    }
                    match self.read(deadline, stopped.as_mut()).await? {
                        Some(arrived) => next = arrived,
                        None => return Ok(None),
                    }
                    continue;
                }
            }
            next = self.process_buffered();
        }
    }

    /// Processes what is in the input buffer.
    fn process_buffered(&mut self) -> NextStep {
        let (used, next) = process_input(&mut self.server, &mut self.handler, &self.input, &mut self.out);
        self.input.drain(..used);
        next
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.config.command_timeout()
    }

    /// Reads, and processes what arrives in the thread's buffer; only the rest of it is copied. `None` when the
    /// connection has ended.
    async fn read(&mut self, deadline: Instant, stopped: Pin<&mut impl Future>) -> io::Result<Option<NextStep>> {
        if self.input.is_empty() {
            // An idle connection needs no buffer.
            self.input = Vec::new();
        }
        let Self { stream, server, handler, input, out, idle_timeout, .. } = self;
        let mut take = |arrived: &[u8]| {
            if arrived.is_empty() {
                return None;
            }
            if input.is_empty() {
                let (used, next) = process_input(server, handler, arrived, out);
                input.extend_from_slice(&arrived[used..]);
                return Some(next);
            }
            input.extend_from_slice(arrived);
            let (used, next) = process_input(server, handler, input, out);
            input.drain(..used);
            Some(next)
        };
        tokio::select! {
            biased;
            next = poll_fn(|cx| read_with(stream, cx, &mut take)) => next,
            _ = stopped => {
                self.send_421("4.3.2 Service shutting down").await?;
                Ok(None)
            }
            () = idle_timeout.wait_until(deadline) => {
                self.end_idle().await?;
                Ok(None)
            }
        }
    }

    /// The client has said nothing for as long as it may.
    async fn end_idle(&mut self) -> io::Result<()> {
        match self.handler.on_idle() {
            None => self.send_421("4.4.2 Timeout exceeded").await,
            Some(rendered) => {
                rendered.reply().inspect(|reply| reply.write(&mut self.out));
                self.flush().await
            }
        }
    }

    /// Sends the last reply before the server closes.
    async fn send_421(&mut self, why: &str) -> io::Result<()> {
        self.out.extend_from_slice(format!("421 {why}\r\n").as_bytes());
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        // A client that does not read has as long as one that sends no command.
        let deadline = self.deadline();
        let sent = tokio::time::timeout_at(deadline, async {
            self.stream.write_all(&self.out).await?;
            self.stream.flush().await
        });
        sent.await.map_err(|_| io::ErrorKind::TimedOut)??;
        self.out.clear();
        if self.out.capacity() > BUFFER_KEPT_MAX {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// Waits as long as the decision says, and writes the answer.
    async fn wait_and_answer(&mut self, decision: HandlerDecision) -> io::Result<()> {
        self.flush().await?;
        let mut rendered = match decision {
            HandlerDecision::Now(rendered) | HandlerDecision::Delayed(rendered) => rendered,
            HandlerDecision::DelayedGreeting(rendered) => self.await_greeting(rendered).await?,
            HandlerDecision::AfterProcessing { size, service } => {
                self.pause(service).await?;
                self.handler.end_of_data(size).await
            }
        };
        self.pause(std::mem::take(rendered.delay_mut())).await?;
        write_answer(&mut self.server, &rendered, &mut self.out);
        Ok(())
    }

    /// Waits with the greeting, and watches whether the client talks before it.
    async fn await_greeting(&mut self, mut rendered: RenderedVerdict) -> io::Result<RenderedVerdict> {
        let until = self.config.clock.now() + std::mem::take(rendered.delay_mut());
        let talks = tokio::select! {
            biased;
            talks = self.stream.wait_for_data() => talks?,
            () = self.config.clock.sleep_until(until) => false,
            () = self.config.stop.cancelled() => false,
        };
        if !talks {
            return Ok(rendered);
        }
        match self.handler.on_early_talk() {
            RenderedVerdict::Accept { delay } => *rendered.delay_mut() = until.since(self.config.clock.now()) + delay,
            refusal => rendered = refusal,
        }
        Ok(rendered)
    }

    async fn pause(&mut self, span: Span) -> io::Result<()> {
        if span.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = self.config.clock.sleep(span) => Ok(()),
            () = self.config.stop.cancelled() => {
                self.send_421("4.3.2 Service shutting down").await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        self.flush().await?;
        let Some(acceptor) = self.config.tls else { return Err(io::ErrorKind::Unsupported.into()) };
        self.stream.accept_tls(acceptor, HANDSHAKE_TIMEOUT).await?;
        self.server.secured();
        Ok(())
    }

    async fn close(&mut self, why: ServerClose) -> io::Result<()> {
        // Replies to earlier commands of a pipelined group are sent even where the connection is dropped.
        self.flush().await?;
        if why == ServerClose::Dropped { Ok(()) } else { self.stream.close().await }
    }
}

/// Lets the session process what has arrived and answers its questions, as long as no answer has to be waited for: how
/// many bytes were processed, and what comes next.
fn process_input<S: SessionHandler>(
    server: &mut ServerSession,
    handler: &mut S,
    arrived: &[u8],
    out: &mut Vec<u8>,
) -> (usize, NextStep) {
    let mut used = 0;
    loop {
        let (more, turn) = server.advance(&arrived[used..], out);
        used += more;
        let next = match turn {
            ServerEvent::Ask(question) => match handler.decide(&question) {
                HandlerDecision::Now(rendered) => {
                    write_answer(server, &rendered, out);
                    None
                }
                delayed => Some(NextStep::Wait(delayed)),
            },
            ServerEvent::Body(piece) => {
                handler.on_body(piece);
                None
            }
            ServerEvent::Refused(error) => {
                handler.on_protocol_error(error, server.due());
                None
            }
            ServerEvent::NeedInput => Some(NextStep::Read),
            ServerEvent::StartTls { .. } => Some(NextStep::StartTls),
            ServerEvent::Close(why) => Some(NextStep::Close(why)),
        };
        if let Some(next) = next {
            return (used, next);
        }
        if out.len() > REPLIES_MAX {
            return (used, NextStep::Flush);
        }
    }
}

/// Has the session write an answer as SMTP.
fn write_answer(server: &mut ServerSession, rendered: &RenderedVerdict, out: &mut Vec<u8>) {
    let answer = match rendered {
        RenderedVerdict::Accept { .. } => PolicyAnswer::Accept,
        RenderedVerdict::Refuse { reply, close, .. } => PolicyAnswer::reply(reply, *close),
        RenderedVerdict::Drop { .. } => PolicyAnswer::Drop,
    };
    server.answer(answer, out);
}

#[cfg(test)]
mod tests;
