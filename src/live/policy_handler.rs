//! A connection to an MX host: the cluster's side of a conversation, which asks the visit and keeps messages.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::message_store::{MessageStore, StoredMessage};
use super::policy_session::{EnvelopeAddress, PolicyResponse, PolicySession};
use super::smtp_connection::{self, HandlerDecision, SessionHandler};
use super::tls;
use crate::provider::Policy;
use crate::smtp::{Extension, LineEnds, Path, PolicyQuestion, ProtocolError, ServerConfig, Stage, XclientAttribute};
use crate::time::Span;

/// How MX hosts speak.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// STARTTLS, if it is offered.
    pub tls: Option<tls::ServerTls>,
    /// Where messages are kept, if they are.
    pub message_store: Option<MessageStore>,
    /// Whether clients may speak for other addresses with XCLIENT.
    pub xclient: bool,
    /// Whether bare line ends are taken.
    pub lenient: bool,
    /// How long a client may take over a command, in the providers' time (RFC 5321, 4.5.3.2.7: five minutes).
    pub command_timeout: Span,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { tls: None, message_store: None, xclient: false, lenient: false, command_timeout: Span::from_secs(300) }
    }
}

impl ServerOptions {
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
    (session, greeting): (PolicySession, PolicyResponse),
    config: Arc<ServerConfig>,
    options: &ServerOptions,
    stop: &CancellationToken,
) {
    let (clock, command_timeout, tls) = (*session.clock(), options.command_timeout, options.tls.as_ref());
    let handler = PolicyHandler {
        session,
        greeting,
        options,
        to: Vec::new(),
        from: String::new(),
        stored: None,
        receiving: None,
    };
    let conversation = smtp_connection::serve(
        stream,
        config,
        handler,
        smtp_connection::ConnectionConfig { clock, command_timeout, tls, stop },
    );
    // However it ends, there is nobody left to be told why.
    let _ = tokio::time::timeout(SESSION_MAX, conversation).await;
}

/// Waits until the client is gone. What it says meanwhile stays in the kernel.
pub(super) async fn wait_for_hangup(stream: &TcpStream) {
    let mut one = [0];
    loop {
        match stream.peek(&mut one).await {
            Ok(0) | Err(_) => return,
            // It talks; the only news to come is its end, and that is looked for now and then.
            Ok(_) => tokio::time::sleep(HANGUP_POLL).await,
        }
        if stream.ready(Interest::READABLE).await.is_ok_and(Ready::is_read_closed) {
            return;
        }
    }
}

/// How often it is looked whether a client that talks without being asked is still there.
const HANGUP_POLL: Duration = Duration::from_millis(200);

/// The cluster's side of a conversation.
struct PolicyHandler<'a> {
    session: PolicySession,
    greeting: PolicyResponse,
    options: &'a ServerOptions,
    from: String,
    to: Vec<String>,
    stored: Option<StoredMessage>,
    /// A message is on its way.
    receiving: Option<Stage>,
}

impl SessionHandler for PolicyHandler<'_> {
    fn decide(&mut self, question: &PolicyQuestion<'_>) -> HandlerDecision {
        let response = match question {
            PolicyQuestion::Connect => match self.greeting.clone() {
                greeting @ PolicyResponse::Accept { .. } if greeting.is_delayed() => {
                    return HandlerDecision::DelayedGreeting(greeting);
                }
                response => response,
            },
            PolicyQuestion::Hello { .. } => {
                self.forget();
                self.session.reset();
                self.session.ehlo()
            }
            PolicyQuestion::Mail(mail) => {
                self.forget();
                if self.options.message_store.is_some() {
                    mail.from.as_str().clone_into(&mut self.from);
                }
                self.session.mail(address(mail.from), mail.size.unwrap_or(0))
            }
            PolicyQuestion::Rcpt(rcpt) => {
                let response = self.session.rcpt(address(rcpt.to));
                if self.options.message_store.is_some() && matches!(response, PolicyResponse::Accept { .. }) {
                    self.to.push(rcpt.to.as_str().to_owned());
                }
                response
            }
            PolicyQuestion::Data { .. } => {
                let response = self.session.data();
                if matches!(response, PolicyResponse::Accept { .. }) {
                    self.receiving = Some(Stage::EndOfData);
                    let message_store = self.options.message_store.as_ref();
                    self.stored = message_store.and_then(|message_store| {
                        message_store.begin(&self.session.policy().name, &self.from, &self.to)
                    });
                }
                response
            }
            PolicyQuestion::EndOfData { size } => {
                self.receiving = None;
                let service = self.session.message_received(*size);
                if service.is_zero() && self.stored.is_none() {
                    self.session.end_of_data(*size)
                } else {
                    return HandlerDecision::AfterProcessing { size: *size, service };
                }
            }
            PolicyQuestion::Reset => {
                self.forget();
                self.session.reset();
                PolicyResponse::Accept { delay: Span::ZERO }
            }
            // Whoever says who it is is believed: this is a laboratory.
            PolicyQuestion::Auth(_) => PolicyResponse::Accept { delay: Span::ZERO },
            PolicyQuestion::XClient(attributes) => {
                self.forget();
                match attributes.get(XclientAttribute::Addr).and_then(|addr| ip(&addr)) {
                    Some(ip) => self.session.switch_client(ip),
                    None => PolicyResponse::Accept { delay: Span::ZERO },
                }
            }
        };
        if response.is_delayed() { HandlerDecision::Delayed(response) } else { HandlerDecision::Now(response) }
    }

    fn on_early_talk(&mut self) -> PolicyResponse {
        self.session.on_early_talk()
    }

    async fn end_of_data(&mut self, size: u64) -> PolicyResponse {
        let response = self.session.end_of_data(size);
        if let Some(stored) = self.stored.take().filter(|_| matches!(response, PolicyResponse::Accept { .. })) {
            stored.write().await;
        }
        response
    }

    /// What refuses a message, or somebody's recipient, is an attempt that was refused, whoever does it.
    fn on_fault(&mut self, fault: ProtocolError, in_transaction: bool) {
        let stage = match fault {
            _ if self.receiving.is_some() && !in_transaction => Stage::EndOfData,
            ProtocolError::TooBig if self.receiving.is_some() => Stage::EndOfData,
            ProtocolError::TooBig if in_transaction => Stage::Data,
            ProtocolError::TooBig => Stage::Mail,
            ProtocolError::TooManyRecipients => Stage::Rcpt,
            _ => return,
        };
        self.session.on_session_refusal(stage, &fault.reply());
        if stage != Stage::Rcpt {
            self.forget();
            self.session.reset();
        }
    }

    fn on_body(&mut self, piece: &[u8]) {
        if let Some(stored) = &mut self.stored {
            stored.add(piece);
        }
    }

    fn is_receiving(&self) -> bool {
        self.receiving.is_some()
    }

    fn on_connection_lost(&mut self) {
        if let Some(stage) = self.receiving.take() {
            self.session.on_connection_lost(stage);
        }
    }
}

impl PolicyHandler<'_> {
    fn forget(&mut self) {
        self.to.clear();
        self.stored = None;
        self.receiving = None;
    }
}

fn address(path: Path<'_>) -> EnvelopeAddress<'_> {
    match path {
        Path::Null => EnvelopeAddress { local: "", domain: "" },
        Path::Postmaster => EnvelopeAddress { local: "postmaster", domain: "" },
        Path::Mailbox(mailbox) => EnvelopeAddress { local: mailbox.local(), domain: mailbox.domain() },
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
    use super::super::cluster::{MxCluster, MxClusterConfig};
    use super::super::mx_server::{CONNECTIONS_MAX, MxHost, MxServer, MxServerConfig};
    use super::*;
    use crate::provider::{PolicyChange, profile};
    use crate::units::{ProviderId, RuleId};

    const SITE: ProviderId = ProviderId(0);

    /// What a host says to a whole session.
    async fn heard(server: &MxServer, said: &str) -> String {
        let mut stream = TcpStream::connect(server.hosts()[0].address).await.unwrap();
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
        let config =
            MxClusterConfig { policies: vec![policy], seed: 1, unknowns: 1, day_starts: Span::ZERO, clients, senders };
        let cluster = MxCluster::new(config, Clock::start(Speed::REAL));
        let hosts = MxHost { site: SITE, name: "mx.example".to_owned(), address: "127.0.0.1:0".parse().unwrap() };
        let config = MxServerConfig { connections_max: CONNECTIONS_MAX, options: ServerOptions::default() };
        let server = MxServer::start(&cluster, &[hosts], config).unwrap();
        let session = "EHLO a.example\r\nMAIL FROM:<a@a.example> SIZE=20000001\r\nQUIT\r\n";
        let strict = heard(&server, session).await;
        assert!(strict.contains("-SIZE 20000000\r\n"), "{strict}");
        assert!(strict.contains("\r\n552 Message size exceeds allowed maximum"), "in the provider's words: {strict}");
        cluster.change_policy(SITE, &PolicyChange::Enabled(RuleId(u16::try_from(rule).unwrap()), false));
        let lenient = heard(&server, session).await;
        assert!(lenient.contains("-SIZE 1073741824\r\n") && !lenient.contains("552"), "{lenient}");
        server.stop(Duration::from_secs(10)).await;
    }
}
