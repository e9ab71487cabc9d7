//! What the client has said and proved of itself, and what it may do for that.

use super::super::protocol_error::ProtocolError;
use super::config::ServerConfig;

/// The client of a session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PeerState {
    hello: Option<Hello>,
    tls: bool,
    authenticated: bool,
}

/// How the client introduced itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    Helo,
    Ehlo,
}

impl PeerState {
    /// Whether it has said EHLO or HELO.
    pub(super) const fn is_introduced(self) -> bool {
        self.hello.is_some()
    }

    /// Whether its connection is encrypted.
    pub(super) const fn has_tls(self) -> bool {
        self.tls
    }

    /// EHLO or HELO was accepted.
    pub(super) const fn introduced(&mut self, hello: Hello) {
        self.hello = Some(hello);
    }

    /// The handshake after STARTTLS is done: nothing from before it holds (RFC 3207, section 4.2).
    pub(super) const fn secured(&mut self) {
        *self = Self { hello: None, tls: true, authenticated: false };
    }

    /// AUTH was accepted.
    pub(super) const fn authenticated(&mut self) {
        self.authenticated = true;
    }

    /// It stands for another client from here on, which has to introduce itself.
    pub(super) const fn replaced(&mut self, authenticated: bool) {
        *self = Self { hello: None, tls: self.tls, authenticated };
    }

    /// Whether AUTH may come now.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn may_authenticate(self, config: &ServerConfig) -> Result<(), ProtocolError> {
        match () {
            () if self.hello != Some(Hello::Ehlo) || self.authenticated => Err(ProtocolError::Sequence),
            () if !self.tls && !config.auth_without_tls => Err(ProtocolError::AuthWithoutTls),
            () => Ok(()),
        }
    }

    /// Whether MAIL may come now, for a message of so many bytes.
    ///
    /// # Errors
    ///
    /// The session's own refusal.
    pub(super) fn may_send(self, size: u64, config: &ServerConfig) -> Result<(), ProtocolError> {
        match () {
            () if self.hello.is_none() => Err(ProtocolError::Sequence),
            () if config.tls_required && !self.tls => Err(ProtocolError::TlsRequired),
            () if config.auth_required && !self.authenticated => Err(ProtocolError::AuthRequired),
            () if config.too_big(size) => Err(ProtocolError::TooBig),
            () => Ok(()),
        }
    }
}
