//! A connection to an MX host: the farm's side of a conversation, which asks the visit and keeps messages.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::keep::{Keep, Kept};
use super::talk::{self, Decided, Side};
use super::tls;
use super::visit::{Address, Reaction, Visit};
use crate::provider::Policy;
use crate::smtp::{Extension, LineEnds, Path, PolicyQuestion, ProtocolError, ServerConfig, Stage, XclientAttribute};
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
    pub(super) fn config(&self, host: &str, policy: &Policy) -> ServerConfig {
        let plain = ServerConfig::default();
        let mut extensions = plain.extensions.with(Extension::Dsn).with(Extension::Auth);
        if self.tls.is_some() {
            extensions = extensions.with(Extension::StartTls);
        }
        if self.xclient {
            extensions = extensions.with(Extension::XClient);
        }
        let line_ends = if self.lenient { LineEnds::Lenient } else { LineEnds::Strict };
        ServerConfig {
            host: host.to_owned(),
            banner: format!("ESMTP {} (a fake of mxlab)", policy.title),
            extensions,
            line_ends,
            size_max: Some(SIZE_MAX),
            size_advertised: policy.size_max().map(|size| size.0),
            auth_without_tls: true,
            ..plain
        }
    }
}

/// The largest message that is read at all: a profile's own limit is a rule, with its own words.
const SIZE_MAX: u64 = 1 << 30;
/// The longest that a session lasts on the wall, whatever the client does.
const SESSION_MAX: Duration = Duration::from_hours(4);

/// Speaks with a client until one of them has had enough; what it is greeted with is decided.
pub(super) async fn serve(
    stream: TcpStream,
    (visit, greeting): (Visit, Reaction),
    config: Arc<ServerConfig>,
    manners: &Manners,
    stop: &CancellationToken,
) {
    let (clock, patience, tls) = (*visit.clock(), manners.patience, manners.tls.as_ref());
    let desk = Desk { visit, greeting, manners, to: Vec::new(), from: String::new(), kept: None, in_message: None };
    let conversation = talk::converse(stream, config, desk, talk::Terms { clock, patience, tls, stop });
    // However it ends, there is nobody left to be told why.
    let _ = tokio::time::timeout(SESSION_MAX, conversation).await;
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

/// The farm's side of a conversation.
struct Desk<'a> {
    visit: Visit,
    greeting: Reaction,
    manners: &'a Manners,
    from: String,
    to: Vec<String>,
    kept: Option<Kept>,
    /// A message is on its way.
    in_message: Option<Stage>,
}

impl Side for Desk<'_> {
    fn decide(&mut self, question: &PolicyQuestion<'_>) -> Decided {
        let reaction = match question {
            PolicyQuestion::Connect => match self.greeting.clone() {
                greeting @ Reaction::Accept { .. } if greeting.is_later() => return Decided::Greeting(greeting),
                reaction => reaction,
            },
            PolicyQuestion::Hello { .. } => {
                self.forget();
                self.visit.reset();
                self.visit.ehlo()
            }
            PolicyQuestion::Mail(mail) => {
                self.forget();
                if self.manners.keep.is_some() {
                    mail.from.as_str().clone_into(&mut self.from);
                }
                self.visit.mail(address(mail.from), mail.size.unwrap_or(0))
            }
            PolicyQuestion::Rcpt(rcpt) => {
                let reaction = self.visit.rcpt(address(rcpt.to));
                if self.manners.keep.is_some() && matches!(reaction, Reaction::Accept { .. }) {
                    self.to.push(rcpt.to.as_str().to_owned());
                }
                reaction
            }
            PolicyQuestion::Data { .. } => {
                let reaction = self.visit.data();
                if matches!(reaction, Reaction::Accept { .. }) {
                    self.in_message = Some(Stage::EndOfData);
                    let keep = self.manners.keep.as_ref();
                    self.kept = keep.and_then(|keep| keep.begin(&self.visit.policy().name, &self.from, &self.to));
                }
                reaction
            }
            PolicyQuestion::EndOfData { size } => {
                self.in_message = None;
                let service = self.visit.received(*size);
                if service.is_zero() && self.kept.is_none() {
                    self.visit.end_of_data(*size)
                } else {
                    return Decided::Judge { size: *size, service };
                }
            }
            PolicyQuestion::Reset => {
                self.forget();
                self.visit.reset();
                Reaction::Accept { after: Span::ZERO }
            }
            // Whoever says who it is is believed: this is a laboratory.
            PolicyQuestion::Auth(_) => Reaction::Accept { after: Span::ZERO },
            PolicyQuestion::XClient(attributes) => {
                self.forget();
                match attributes.get(XclientAttribute::Addr).and_then(|addr| ip(&addr)) {
                    Some(ip) => self.visit.becomes(ip),
                    None => Reaction::Accept { after: Span::ZERO },
                }
            }
        };
        if reaction.is_later() { Decided::Later(reaction) } else { Decided::Now(reaction) }
    }

    fn talks_early(&mut self) -> Reaction {
        self.visit.talks_early()
    }

    async fn judge(&mut self, size: u64) -> Reaction {
        let reaction = self.visit.end_of_data(size);
        if let Some(kept) = self.kept.take().filter(|_| matches!(reaction, Reaction::Accept { .. })) {
            kept.write().await;
        }
        reaction
    }

    /// What refuses a message, or somebody's recipient, is an attempt that was refused, whoever does it.
    fn fault(&mut self, fault: ProtocolError, in_transaction: bool) {
        let stage = match fault {
            _ if self.in_message.is_some() && !in_transaction => Stage::EndOfData,
            ProtocolError::TooBig if self.in_message.is_some() => Stage::EndOfData,
            ProtocolError::TooBig if in_transaction => Stage::Data,
            ProtocolError::TooBig => Stage::Mail,
            ProtocolError::TooManyRecipients => Stage::Rcpt,
            _ => return,
        };
        self.visit.faulted(stage, &fault.reply());
        if stage != Stage::Rcpt {
            self.forget();
            self.visit.reset();
        }
    }

    fn piece(&mut self, piece: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.add(piece);
        }
    }

    fn is_receiving(&self) -> bool {
        self.in_message.is_some()
    }

    fn lose(&mut self) {
        if let Some(stage) = self.in_message.take() {
            self.visit.lost(stage);
        }
    }
}

impl Desk<'_> {
    fn forget(&mut self) {
        self.to.clear();
        self.kept = None;
        self.in_message = None;
    }
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::clock::{Clock, Speed};
    use super::super::farm::{Farm, Plan};
    use super::super::service::{CONNECTIONS_MAX, Service, Terms, Wanted};
    use super::*;
    use crate::provider::{Amendment, profile};
    use crate::units::{ProviderId, RuleId};

    const SITE: ProviderId = ProviderId(0);

    /// What a host says to a whole session.
    async fn heard(service: &Service, said: &str) -> String {
        let mut stream = TcpStream::connect(service.hosts()[0].at).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test]
    async fn the_size_that_is_said_is_the_one_that_the_provider_takes_now() {
        let policy = profile::parse(&profile::built_in("charter").unwrap()).unwrap();
        let rule = policy.rules.iter().position(|rule| rule.name == "size").unwrap();
        let (clients, senders) = (Vec::new(), Vec::new());
        let plan = Plan { policies: vec![policy], seed: 1, unknowns: 1, day_starts: Span::ZERO, clients, senders };
        let farm = Farm::new(plan, Clock::start(Speed::REAL));
        let wanted = Wanted { site: SITE, name: "mx.example".to_owned(), at: "127.0.0.1:0".parse().unwrap() };
        let terms = Terms { connections_max: CONNECTIONS_MAX, manners: Manners::default() };
        let service = Service::start(&farm, &[wanted], terms).unwrap();
        let session = "EHLO a.example\r\nMAIL FROM:<a@a.example> SIZE=20000001\r\nQUIT\r\n";
        let strict = heard(&service, session).await;
        assert!(strict.contains("-SIZE 20000000\r\n"), "{strict}");
        assert!(strict.contains("\r\n552 Message size exceeds allowed maximum"), "in the provider's words: {strict}");
        farm.amend(SITE, &Amendment::Enabled(RuleId(u16::try_from(rule).unwrap()), false));
        let lenient = heard(&service, session).await;
        assert!(lenient.contains("-SIZE 1073741824\r\n") && !lenient.contains("552"), "{lenient}");
        service.stop(Duration::from_secs(10)).await;
    }
}
