//! What the hosts of a cluster do with the connections of a driver in the same process. To a client, a session that is
//! broken off and a greeting that never comes look alike, whatever the cause: here it learns whether the provider had
//! a part in it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::record::OwnFailure;

/// The two ends of a connection, as both sides know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SocketPair {
    pub(super) client: SocketAddr,
    pub(super) host: SocketAddr,
}

/// How far a connection has come at its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostSide {
    /// The host has not taken it: the provider knows nothing of it.
    Untaken,
    /// What becomes of it is the provider's doing.
    Taken,
    /// This machine was short of something in the midst of it.
    BrokenOff(OwnFailure),
}

/// The connections that drivers of this process have with the hosts of a cluster. Of others nothing is noted.
#[derive(Clone, Debug, Default)]
pub(super) struct HostedSessions(Arc<Mutex<BTreeMap<SocketPair, HostSide>>>);

impl HostedSessions {
    /// A driver is about to connect, and will ask.
    pub(super) fn expect(&self, pair: SocketPair) -> HostedSession {
        self.lock().insert(pair, HostSide::Untaken);
        HostedSession { hosted: self.clone(), pair }
    }

    /// A host has taken a connection.
    pub(super) fn take(&self, pair: SocketPair) {
        self.note(pair, HostSide::Taken);
    }

    /// A host breaks a connection off because of this machine. To be said before it is closed.
    pub(super) fn break_off(&self, pair: SocketPair, what: OwnFailure) {
        self.note(pair, HostSide::BrokenOff(what));
    }

    fn note(&self, pair: SocketPair, side: HostSide) {
        if let Some(entry) = self.lock().get_mut(&pair) {
            *entry = side;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketPair, HostSide>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A driver's connection to such a host, as long as the driver holds it.
#[derive(Debug)]
pub(super) struct HostedSession {
    hosted: HostedSessions,
    pair: SocketPair,
}

impl HostedSession {
    /// What this machine was short of, where that is why the connection ended.
    pub(super) fn own_failure(&self) -> Option<OwnFailure> {
        match self.hosted.lock().get(&self.pair) {
            Some(HostSide::Untaken) => Some(OwnFailure::Untaken),
            Some(HostSide::BrokenOff(what)) => Some(*what),
            Some(HostSide::Taken) | None => None,
        }
    }
}

impl Drop for HostedSession {
    fn drop(&mut self) {
        self.hosted.lock().remove(&self.pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_driver_asks_for_is_noted_and_only_as_long() {
        let hosted = HostedSessions::default();
        let pair = |port| SocketPair { client: ([127, 0, 0, 1], port).into(), host: ([127, 0, 0, 2], 25).into() };
        let entry = hosted.expect(pair(1));
        assert_eq!(entry.own_failure(), Some(OwnFailure::Untaken));
        hosted.take(pair(1));
        hosted.take(pair(2));
        assert_eq!(entry.own_failure(), None);
        hosted.break_off(pair(1), OwnFailure::Memory);
        assert_eq!((entry.own_failure(), hosted.lock().len()), (Some(OwnFailure::Memory), 1));
        drop(entry);
        hosted.break_off(pair(1), OwnFailure::Memory);
        assert!(hosted.lock().is_empty());
    }
}
