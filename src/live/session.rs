//! A connection to an MX host: bytes to and from a socket, and the session between them asks the visit.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, Interest, Ready};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::keep::{Keep, Kept};
use super::tls;
use super::visit::{Address, Reaction, Visit};
use super::wire::{Wire, read_into};
use crate::provider::Policy;
use crate::smtp::{
    Answer, Attribute, Closing, Config, Extension, Fault, LineEnds, Path, Question, Server, Stage, Turn,
};
use crate::time::Span;

/// How MX hosts speak.
#[derive(Clone, Debug)]
pub struct Manners {
    /// STARTTLS, if it is offered.
    pub tls: Option<tls::Acceptor>,
    /// Where messages are kept, if they are.
    pub keep: Option<Keep>,
    /// Whether clients may speak for other addresses with XCLIENT.
    pub xclient: bool,
    /// Whether bare line ends are taken.
    pub lenient: bool,
    /// How long a client may take over a command, in the providers' time (RFC 5321, 4.5.3.2.7: five minutes).
    pub patience: Span,
}

impl Default for Manners {
    fn default() -> Self {
        Self { tls: None, keep: None, xclient: false, lenient: false, patience: Span::from_secs(300) }
    }
}

impl Manners {
    /// How a provider's host of this name speaks.
    pub(super) fn config(&self, host: &str, policy: &Policy) -> Config {
        let plain = Config::default();
        let mut extensions = plain.extensions.with(Extension::Dsn).with(Extension::Auth);
        if self.tls.is_some() {
            extensions = extensions.with(Extension::StartTls);
        }
        if self.xclient {
            extensions = extensions.with(Extension::XClient);
        }
        let line_ends = if self.lenient { LineEnds::Lenient } else { LineEnds::Strict };
        Config {
            host: host.to_owned(),
            banner: format!("ESMTP {} (a fake of mxlab)", policy.title),
            extensions,
            line_ends,
            size_max: Some(SIZE_MAX),
            auth_in_the_clear: true,
            ..plain
        }
    }
}

/// The largest message that is read at all: a profile's own limit is a rule, with its own words.
const SIZE_MAX: u64 = 1 << 30;
/// However fast the providers' time goes, a client has this long for a command.
const PATIENCE_MIN: Duration = Duration::from_secs(2);
/// The longest that a handshake takes on the wall.
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);
/// The longest that a session lasts on the wall, whatever the client does.
const SESSION_MAX: Duration = Duration::from_hours(4);
/// Replies are sent when the client waits for them, or when there are so many bytes of them.
const REPLIES_MAX: usize = 16_384;

/// Speaks with a client until one of them has had enough.
pub(super) async fn serve(
    stream: TcpStream,
    visit: Visit,
    config: Arc<Config>,
    manners: &Manners,
    stop: &CancellationToken,
) {
    let talk = Talk {
        wire: Wire::Plain(stream),
        server: Server::new(config),
        side: Side { visit, manners, to: Vec::new(), from: String::new(), kept: None, in_message: None },
        input: Vec::new(),
        out: Vec::new(),
        stop,
    };
    // However it ends, there is nobody left to be told why.
    let _ = tokio::time::timeout(SESSION_MAX, talk.run()).await;
}

/// Waits until the client is gone. What it says meanwhile stays in the kernel.
pub(super) async fn hung_up(stream: &TcpStream) {
    let mut one = [0];
    loop {
        match stream.peek(&mut one).await {
            Ok(0) | Err(_) => return,
            // It talks; the only news to come is its end, and that is looked for now and then.
            Ok(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
        if stream.ready(Interest::READABLE).await.is_ok_and(Ready::is_read_closed) {
            return;
        }
    }
}

/// How often it is looked whether a client that talks without being asked is still there.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

struct Talk<'a> {
    wire: Wire,
    server: Server,
    side: Side<'a>,
    /// What has arrived and is not done with.
    input: Vec<u8>,
    /// Replies that are not sent yet.
    out: Vec<u8>,
    stop: &'a CancellationToken,
}

/// The side of the provider.
struct Side<'a> {
    visit: Visit,
    manners: &'a Manners,
    from: String,
    to: Vec<String>,
    kept: Option<Kept>,
    /// A message is on its way.
    in_message: Option<Stage>,
}

impl Talk<'_> {
    async fn run(mut self) -> io::Result<()> {
        let ended = self.converse().await;
        if let Some(stage) = self.side.in_message {
            self.side.visit.lost(stage);
        }
        ended
    }

    async fn converse(&mut self) -> io::Result<()> {
        let mut deadline = self.deadline();
        let mut commands = 0;
        loop {
            let mut used = 0;
            let wants = loop {
                let (more, turn) = self.server.advance(&self.input[used..], &mut self.out);
                used += more;
                match turn {
                    Turn::Ask(question) => match self.side.decide(&question) {
                        Decided::Now(reaction) => react(&mut self.server, &reaction, &mut self.out),
                        later => break Wants::Time(later),
                    },
                    Turn::Body(piece) => {
                        if let Some(kept) = &mut self.side.kept {
                            kept.add(piece);
                        }
                    }
                    Turn::Fault(fault) => self.side.fault(fault),
                    Turn::NeedInput => break Wants::Input,
                    Turn::StartTls { .. } => break Wants::Tls,
                    Turn::Close(why) => break Wants::Close(why),
                }
                if self.out.len() > REPLIES_MAX {
                    break Wants::Flush;
                }
            };
            self.input.drain(..used);
            match wants {
                Wants::Flush => self.flush().await?,
                Wants::Time(decided) => self.wait_and_answer(decided).await?,
                Wants::Tls => self.secure().await?,
                Wants::Close(why) => return self.close(why).await,
                Wants::Input => {
                    self.flush().await?;
                    // A command has so long, and not each of its bytes; a message is on its way as long as it moves.
                    let done = self.server.counts().commands;
                    if done != commands || self.side.in_message.is_some() {
                        (commands, deadline) = (done, self.deadline());
                    }
                    if !self.read(deadline).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn deadline(&self) -> Instant {
        let patience = self.side.visit.clock().speed().on_the_wall(self.side.manners.patience);
        Instant::now() + patience.max(PATIENCE_MIN)
    }

    /// Reads what is there; `false` when there will be no more.
    async fn read(&mut self, deadline: Instant) -> io::Result<bool> {
        if self.input.is_empty() {
            // Whoever is idle needs no buffer.
            self.input = Vec::new();
        }
        let (wire, input) = (&mut self.wire, &mut self.input);
        tokio::select! {
            biased;
            read = poll_fn(|cx| read_into(wire, cx, input)) => Ok(read? > 0),
            () = self.stop.cancelled() => {
                self.farewell("4.3.2 Service shutting down").await?;
                Ok(false)
            }
            () = tokio::time::sleep_until(deadline) => {
                self.farewell("4.4.2 Timeout exceeded").await?;
                Ok(false)
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
            Decided::Judge { size, service } => {
                self.pause(service).await?;
                self.side.judge(size).await
            }
        };
        self.pause(std::mem::take(reaction.after())).await?;
        react(&mut self.server, &reaction, &mut self.out);
        Ok(())
    }

    async fn pause(&mut self, span: Span) -> io::Result<()> {
        if span.is_zero() {
            return Ok(());
        }
        let clock = *self.side.visit.clock();
        tokio::select! {
            () = clock.sleep(span) => Ok(()),
            () = self.stop.cancelled() => {
                self.farewell("4.3.2 Service shutting down").await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }

    async fn secure(&mut self) -> io::Result<()> {
        self.flush().await?;
        let Some(acceptor) = &self.side.manners.tls else { return Err(io::ErrorKind::Unsupported.into()) };
        self.wire.accept(acceptor, HANDSHAKE_MAX).await?;
        self.server.secured();
        Ok(())
    }

    async fn close(&mut self, why: Closing) -> io::Result<()> {
        if why == Closing::Dropped {
            self.out.clear();
            return Ok(());
        }
        self.flush().await?;
        self.wire.close().await
    }
}

/// What a conversation cannot go on without.
enum Wants {
    Input,
    Flush,
    Time(Decided),
    Tls,
    Close(Closing),
}

/// What the provider has decided, or will.
enum Decided {
    Now(Reaction),
    Later(Reaction),
    /// A message of this size is judged when the server is done with it.
    Judge {
        size: u64,
        service: Span,
    },
}

impl Side<'_> {
    fn decide(&mut self, question: &Question<'_>) -> Decided {
        let mut reaction = match question {
            Question::Connect => self.visit.connect(),
            Question::Hello { .. } => {
                self.forget();
                self.visit.reset();
                self.visit.ehlo()
            }
            Question::Mail(mail) => {
                self.forget();
                if self.manners.keep.is_some() {
                    mail.from.as_str().clone_into(&mut self.from);
                }
                self.visit.mail(address(mail.from), mail.size.unwrap_or(0))
            }
            Question::Rcpt(rcpt) => {
                let reaction = self.visit.rcpt(address(rcpt.to));
                if self.manners.keep.is_some() && matches!(reaction, Reaction::Accept { .. }) {
                    self.to.push(rcpt.to.as_str().to_owned());
                }
                reaction
            }
            Question::Data { .. } => {
                let reaction = self.visit.data();
                if matches!(reaction, Reaction::Accept { .. }) {
                    self.in_message = Some(Stage::EndOfData);
                    let keep = self.manners.keep.as_ref();
                    self.kept = keep.and_then(|keep| keep.begin(&self.visit.policy().name, &self.from, &self.to));
                }
                reaction
            }
            Question::EndOfData { size } => {
                self.in_message = None;
                let service = self.visit.received(*size);
                if service.is_zero() && self.kept.is_none() {
                    self.visit.end_of_data(*size)
                } else {
                    return Decided::Judge { size: *size, service };
                }
            }
            Question::Reset => {
                self.forget();
                self.visit.reset();
                Reaction::Accept { after: Span::ZERO }
            }
            // Whoever says who it is is believed: this is a laboratory.
            Question::Auth(_) => Reaction::Accept { after: Span::ZERO },
            Question::XClient(attributes) => {
                self.forget();
                match attributes.get(Attribute::Addr).and_then(|addr| ip(&addr)) {
                    Some(ip) => self.visit.becomes(ip),
                    None => Reaction::Accept { after: Span::ZERO },
                }
            }
        };
        if reaction.after().is_zero() { Decided::Now(reaction) } else { Decided::Later(reaction) }
    }

    async fn judge(&mut self, size: u64) -> Reaction {
        let reaction = self.visit.end_of_data(size);
        if let Some(kept) = self.kept.take().filter(|_| matches!(reaction, Reaction::Accept { .. })) {
            kept.write().await;
        }
        reaction
    }

    /// The session has refused something by itself.
    fn fault(&mut self, fault: Fault) {
        if matches!(fault, Fault::TooBig | Fault::BareInMessage) && self.in_message.take().is_some() {
            self.forget();
            self.visit.reset();
        }
    }

    fn forget(&mut self) {
        self.to.clear();
        self.kept = None;
        self.in_message = None;
    }
}

/// The provider's answer, as the session says it.
fn react(server: &mut Server, reaction: &Reaction, out: &mut Vec<u8>) {
    let answer = match reaction {
        Reaction::Accept { .. } => Answer::Accept,
        Reaction::Refuse { reply, close, .. } => Answer::reply(reply, *close),
        Reaction::Drop { .. } => Answer::Drop,
    };
    server.answer(answer, out);
}

fn address(path: Path<'_>) -> Address<'_> {
    match path {
        Path::Null => Address { local: "", domain: "" },
        Path::Postmaster => Address { local: "postmaster", domain: "" },
        Path::Mailbox(mailbox) => Address { local: mailbox.local(), domain: mailbox.domain() },
    }
}

/// `192.0.2.1` or `IPV6:2001:db8::1`, as XCLIENT writes addresses.
fn ip(text: &str) -> Option<IpAddr> {
    let bare = text.get(..5).filter(|head| head.eq_ignore_ascii_case("IPV6:")).map_or(text, |_| &text[5..]);
    bare.parse().ok()
}

/// Bytes of a buffer that a session may keep while it waits.
const KEPT_MAX: usize = 4_096;
