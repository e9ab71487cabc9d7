//! The handler of an MX host's connection: asks the provider's policy, and keeps messages.

use std::net::IpAddr;
use std::sync::Arc;

use super::hosted_sessions::SocketPair;
use super::message_store::{MessageStore, StoredMessage};
use super::policy_session::{EnvelopeAddress, PolicySession};
use super::rendered_verdict::RenderedVerdict;
use super::session_handler::{HandlerDecision, SessionHandler};
use crate::record::OwnFailure;
use crate::smtp::{CommandError, Path, PolicyQuestion, ProtocolError, ServerConfig, Stage, XclientAttribute};

/// Answers one client by a provider's policy.
pub(super) struct PolicyHandler<'a> {
    session: PolicySession,
    pair: SocketPair,
    /// The answer to the connection itself, which was asked for before there was a handler.
    greeting: RenderedVerdict,
    /// What the server says by itself.
    server_config: Arc<ServerConfig>,
    store: Option<&'a MessageStore>,
    /// MAIL FROM, where messages are kept.
    from: String,
    /// Accepted recipients, where messages are kept.
    to: Vec<String>,
    stored: Option<StoredMessage>,
    is_receiving: bool,
}

impl<'a> PolicyHandler<'a> {
    /// A handler for a session whose greeting is decided.
    pub(super) const fn new(
        session: PolicySession,
        pair: SocketPair,
        greeting: RenderedVerdict,
        server_config: Arc<ServerConfig>,
        store: Option<&'a MessageStore>,
    ) -> Self {
        Self {
            session,
            pair,
            greeting,
            server_config,
            store,
            from: String::new(),
            to: Vec::new(),
            stored: None,
            is_receiving: false,
        }
    }

    fn forget_message(&mut self) {
        self.to.clear();
        self.stored = None;
        self.is_receiving = false;
    }
}

impl SessionHandler for PolicyHandler<'_> {
    fn decide(&mut self, question: &PolicyQuestion<'_>) -> HandlerDecision {
        let rendered = match question {
            PolicyQuestion::Connect => match self.greeting.clone() {
                greeting @ RenderedVerdict::Accept { .. } if greeting.is_delayed() => {
                    return HandlerDecision::DelayedGreeting(greeting);
                }
                rendered => rendered,
            },
            PolicyQuestion::IdleCommand => self.session.idle_command(),
            PolicyQuestion::Hello { name, again, .. } => {
                self.forget_message();
                self.session.reset();
                let idle = if *again { self.session.idle_command() } else { RenderedVerdict::ACCEPT };
                if idle.is_accepted() { self.session.ehlo(name).delayed_by(idle.delay()) } else { idle }
            }
            PolicyQuestion::Mail(mail) => {
                self.forget_message();
                if self.store.is_some() {
                    mail.from.as_str().clone_into(&mut self.from);
                }
                self.session.mail(address(mail.from), mail.size.unwrap_or(0))
            }
            PolicyQuestion::Rcpt(rcpt) => {
                let rendered = self.session.rcpt(address(rcpt.to));
                if self.store.is_some() && rendered.is_accepted() {
                    self.to.push(rcpt.to.as_str().to_owned());
                }
                rendered
            }
            PolicyQuestion::Data { .. } => {
                let rendered = self.session.data();
                if rendered.is_accepted() {
                    self.is_receiving = true;
                    let site = self.session.site();
                    self.stored = self.store.and_then(|store| store.begin(site, &self.from, &self.to));
                }
                rendered
            }
            PolicyQuestion::EndOfData { size } => {
                self.is_receiving = false;
                let service = self.session.message_received(*size);
                if !service.is_zero() || self.stored.is_some() {
                    return HandlerDecision::AfterProcessing { size: *size, service };
                }
                self.session.end_of_data(*size, || self.server_config.acceptance())
            }
            PolicyQuestion::Reset { idle } => {
                self.forget_message();
                self.session.reset();
                if *idle { self.session.idle_command() } else { RenderedVerdict::ACCEPT }
            }
            PolicyQuestion::Auth(credentials) if credentials.password.starts_with(WRONG_PASSWORD) => {
                self.session.auth_failed()
            }
            // Any name and any other password: there is nothing to protect.
            PolicyQuestion::Auth(credentials) => {
                self.session.log_in(&credentials.user);
                RenderedVerdict::ACCEPT
            }
            PolicyQuestion::XClient(attributes) => {
                self.forget_message();
                match attributes.get(XclientAttribute::Addr).and_then(|addr| xclient_address(&addr)) {
                    Some(ip) => self.session.switch_client(ip),
                    None => RenderedVerdict::ACCEPT,
                }
            }
        };
        if rendered.is_delayed() { HandlerDecision::Delayed(rendered) } else { HandlerDecision::Now(rendered) }
    }

    fn on_early_talk(&mut self) -> RenderedVerdict {
        self.session.on_early_talk()
    }

    fn on_idle(&mut self) -> Option<RenderedVerdict> {
        self.session.on_idle()
    }

    async fn end_of_data(&mut self, size: u64) -> RenderedVerdict {
        let rendered = self.session.end_of_data(size, || self.server_config.acceptance());
        if let Some(stored) = self.stored.take().filter(|_| rendered.is_accepted()) {
            stored.keep().await;
        }
        rendered
    }

    /// A message or a recipient that the session refuses is a refused attempt, as one that a rule refuses. Anything
    /// else was none.
    fn on_protocol_error(&mut self, error: ProtocolError, due: Stage) {
        let in_transaction = due == Stage::Rcpt;
        let stage = match error {
            _ if self.is_receiving && !in_transaction => Stage::EndOfData,
            ProtocolError::TooBig if self.is_receiving => Stage::EndOfData,
            ProtocolError::TooBig if in_transaction => Stage::Data,
            ProtocolError::TooBig => Stage::Mail,
            ProtocolError::TooManyRecipients => Stage::Rcpt,
            _ => {
                self.session.on_misspoken(stage_of(error).unwrap_or(due), &self.server_config.refusal(error));
                return;
            }
        };
        self.session.on_session_refusal(stage, &self.server_config.refusal(error));
        if stage != Stage::Rcpt {
            self.forget_message();
            self.session.reset();
        }
    }

    fn on_body(&mut self, piece: &[u8]) {
        if let Some(stored) = &mut self.stored {
            stored.add(piece);
        }
    }

    async fn write_body(&mut self) {
        if let Some(stored) = self.stored.as_mut().filter(|stored| stored.is_buffer_full()) {
            stored.write_buffer().await;
        }
    }

    fn is_receiving(&self) -> bool {
        self.is_receiving
    }

    fn on_connection_lost(&mut self) {
        if std::mem::take(&mut self.is_receiving) {
            self.session.on_connection_lost(Stage::EndOfData);
        }
    }

    fn on_own_failure(&mut self, what: OwnFailure) {
        self.forget_message();
        self.session.on_own_failure(self.pair, what);
    }
}

/// Passwords that begin so are wrong, for clients that want to see what follows.
const WRONG_PASSWORD: &str = "wrong";

/// The stage of the command that was wrong, where the error tells it.
const fn stage_of(error: ProtocolError) -> Option<Stage> {
    match error {
        ProtocolError::Command(CommandError::Sender(_)) | ProtocolError::TlsRequired | ProtocolError::AuthRequired => {
            Some(Stage::Mail)
        }
        ProtocolError::Command(CommandError::Recipient(_)) | ProtocolError::SmtpUtf8Required => Some(Stage::Rcpt),
        ProtocolError::NoRecipients => Some(Stage::Data),
        _ => None,
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
fn xclient_address(text: &str) -> Option<IpAddr> {
    let bare = text.get(..5).filter(|head| head.eq_ignore_ascii_case("IPV6:")).map_or(text, |_| &text[5..]);
    bare.parse().ok()
}
