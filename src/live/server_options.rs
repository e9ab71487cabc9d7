//! How MX hosts speak SMTP, whatever provider they belong to.

use super::message_store::MessageStore;
use super::own_faults::OwnFaults;
use super::tls::ServerTls;
use crate::provider::{Meter, Policy};
use crate::record::OwnFailure;
use crate::smtp::{Extension, LineEnds, ServerConfig};
use crate::time::Span;

/// What all hosts of a server have in common.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Connections at a time, over all hosts; further ones wait, mostly in the kernel's backlog.
    pub connections_max: usize,
    /// What this machine is short of when a connection has to wait for its place; `None` where so few were asked for.
    pub short_of: Option<OwnFailure>,
    /// The certificate for STARTTLS; `None` does not offer it.
    pub tls: Option<ServerTls>,
    /// Where accepted messages are kept; `None` throws them away.
    pub message_store: Option<MessageStore>,
    /// Faults of mxlab's own side, injected for tests.
    pub own_faults: OwnFaults,
    /// Whether clients may speak for other addresses with XCLIENT.
    pub xclient: bool,
    /// Whether lines may end in a bare LF.
    pub lenient: bool,
    /// How long a client may take over a command, in the providers' time (RFC 5321, 4.5.3.2.7: five minutes).
    pub command_timeout: Span,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            short_of: None,
            tls: None,
            message_store: None,
            own_faults: OwnFaults::default(),
            xclient: false,
            lenient: false,
            command_timeout: Span::from_secs(300),
        }
    }
}

/// Connections at a time by default.
pub const CONNECTIONS_MAX: usize = 20_000;

/// The largest message that is read at all. What a provider accepts is one of its rules, with a reply of its own.
const SIZE_MAX: u64 = 1 << 30;

impl ServerOptions {
    /// How a host of this name speaks for a provider.
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
            recipients_max: recipients_max(policy),
            size_advertised: policy.size_max().map(|size| size.0),
            auth_without_tls: true,
            junk_commands_max: junk_commands_max(policy),
            ..plain
        }
    }
}

/// How many recipients of a message are asked about at all: as many as servers are used to, or more where a rule of the
/// provider allows them and speaks in its own words above that.
fn recipients_max(policy: &Policy) -> u32 {
    policy.largest_limit(Meter::Recipients).saturating_add(1).max(ServerConfig::default().recipients_max)
}

/// How many commands that do nothing for a message a session takes by itself: any number where a rule counts them.
pub(super) fn junk_commands_max(policy: &Policy) -> u32 {
    if policy.counts(Meter::IdleCommands) { u32::MAX } else { ServerConfig::default().junk_commands_max }
}
