//! How a session ends without a reply that counts, and whose fault that is.

use std::io;

use crate::live::own_failure::own_failure;
use crate::record::{ConnectionFailure, OwnFailure};
use crate::smtp::printable_line;

/// Why no reply came that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SessionLoss {
    /// Nothing came.
    Silence(ConnectionFailure),
    /// What came was against the protocol, or no TLS: in words.
    BrokenOff(String),
    /// TLS is a must, and the server does not offer it or refuses: in words.
    NoTls(String),
    /// This machine was short of something.
    OwnSide(OwnFailure),
}

impl SessionLoss {
    /// The server closed the connection.
    pub(super) const CLOSED: Self = Self::Silence(ConnectionFailure::Reset);

    /// What an error of a session's stream means.
    pub(super) fn of(error: &io::Error) -> Self {
        match own_failure(error) {
            Some(what) => Self::OwnSide(what),
            // What arrived under TLS does not decrypt, or is no TLS.
            None if error.kind() == io::ErrorKind::InvalidData => Self::BrokenOff(format!("TLS: {}", told(error))),
            None => Self::Silence(failure_of(error)),
        }
    }

    /// What an error of a TLS handshake means, where TLS is a must or not.
    pub(super) fn of_handshake(error: &io::Error, is_must: bool) -> Self {
        match own_failure(error) {
            Some(what) => Self::OwnSide(what),
            None if is_must => Self::NoTls(format!("no TLS: the handshake failed: {}", told(error))),
            None => Self::BrokenOff(format!("TLS handshake failed: {}", told(error))),
        }
    }
}

/// What an error says of a peer that does not answer.
pub(super) fn failure_of(error: &io::Error) -> ConnectionFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectionFailure::Refused,
        io::ErrorKind::TimedOut => ConnectionFailure::CommandTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => ConnectionFailure::Unreachable,
        _ => ConnectionFailure::Reset,
    }
}

fn told(error: &io::Error) -> String {
    printable_line(&error.to_string())
}
