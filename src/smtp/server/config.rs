//! What a server offers and what it tolerates. One value for all sessions of a listener.

use super::super::data::DataReader;
use super::super::extension::{Extension, Extensions, SessionLimits};
use super::super::line::LineEnds;
use super::super::protocol_error::ProtocolError;

/// How a server behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The name in the greeting and in the replies to EHLO and HELO.
    pub host: String,
    /// What follows the name in the greeting.
    pub banner: String,
    /// What the reply to EHLO lists, and what the session understands.
    pub extensions: Extensions,
    /// LIMITS in the reply to EHLO; none set, none listed.
    pub limits: SessionLimits,
    /// The largest message in bytes, also when SIZE is not offered.
    pub size_max: Option<u64>,
    /// What SIZE advertises where it is not that: the limit of a policy, which refuses with its own reply (RFC 1870).
    pub size_advertised: Option<u64>,
    /// What ends a command line, and whether a message may contain bare CR or LF.
    pub line_ends: LineEnds,
    /// The longest command line in bytes, with its line end. The caller's buffer must hold as much.
    pub line_max: usize,
    /// Recipients accepted in a transaction; more are deferred with 452.
    pub recipients_max: u32,
    /// Errors since the last accepted message, at which the session is closed with 421.
    pub errors_max: u32,
    /// Junk commands (NOOP, RSET without a transaction, VRFY …) since the last accepted message, beyond which the
    /// session is closed with 421. The policy is asked about each of them as well.
    pub junk_commands_max: u32,
    /// Whether MAIL is refused without TLS.
    pub tls_required: bool,
    /// Whether MAIL is refused before AUTH.
    pub auth_required: bool,
    /// Whether AUTH is offered and taken without TLS.
    pub auth_without_tls: bool,
}

impl ServerConfig {
    /// The errors Postfix tolerates (`smtpd_hard_error_limit`).
    const ERRORS_MAX: u32 = 20;
    /// The junk commands Postfix tolerates (`smtpd_junk_command_limit`).
    const JUNK_COMMANDS_MAX: u32 = 100;
    /// The recipients Postfix takes (`smtpd_recipient_limit`); RFC 5321, section 4.5.3.1.8, wants 100 at least.
    const RECIPIENTS_MAX: u32 = 1000;

    /// Whether a message of this size is more than the server takes.
    pub(super) fn too_big(&self, size: u64) -> bool {
        self.size_max.is_some_and(|max| size > max)
    }

    /// Whether a message that came after DATA may go to the policy.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn check_message(&self, message: &DataReader) -> Result<(), ProtocolError> {
        match () {
            () if self.too_big(message.size()) => Err(ProtocolError::TooBig),
            () if message.bare() && self.line_ends == LineEnds::Strict => Err(ProtocolError::BareLineEndInMessage),
            () => Ok(()),
        }
    }
}

impl Default for ServerConfig {
    /// PIPELINING, SIZE, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES and CHUNKING; messages of any size; Postfix's limits.
    fn default() -> Self {
        let extensions = Extensions::NONE
            .with(Extension::Pipelining)
            .with(Extension::Size)
            .with(Extension::EightBitMime)
            .with(Extension::SmtpUtf8)
            .with(Extension::EnhancedStatusCodes)
            .with(Extension::Chunking);
        Self {
            host: "localhost".to_owned(),
            banner: "ESMTP".to_owned(),
            extensions,
            limits: SessionLimits::default(),
            size_max: None,
            size_advertised: None,
            line_ends: LineEnds::Strict,
            // What Postfix takes (`line_length_limit`), and more than the RFCs ask for any extension here.
            line_max: 2048,
            recipients_max: Self::RECIPIENTS_MAX,
            errors_max: Self::ERRORS_MAX,
            junk_commands_max: Self::JUNK_COMMANDS_MAX,
            tls_required: false,
            auth_required: false,
            auth_without_tls: false,
        }
    }
}
