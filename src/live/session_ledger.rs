//! What the hosts of a cluster do with the connections of a driver in the same process. To a client, a session that is
//! broken off and a greeting that never comes look alike, whoever is to blame: here it learns whether the provider had
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
pub(super) struct SessionLedger(Arc<Mutex<BTreeMap<SocketPair, HostSide>>>);

impl SessionLedger {
    /// A driver is about to connect, and will ask.
    pub(super) fn expect(&self, pair: SocketPair) -> LedgerEntry {
        self.lock().insert(pair, HostSide::Untaken);
        LedgerEntry { ledger: self.clone(), pair }
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

/// A driver's connection in the ledger, as long as the driver holds it.
#[derive(Debug)]
pub(super) struct LedgerEntry {
    ledger: SessionLedger,
    pair: SocketPair,
}

impl LedgerEntry {
    /// What this machine was short of, where it is to blame for the end of the connection.
    pub(super) fn own_failure(&self) -> Option<OwnFailure> {
        match self.ledger.lock().get(&self.pair) {
            Some(HostSide::Untaken) => Some(OwnFailure::Untaken),
            Some(HostSide::BrokenOff(what)) => Some(*what),
            Some(HostSide::Taken) | None => None,
        }
    }
}

impl Drop for LedgerEntry {
    fn drop(&mut self) {
        self.ledger.lock().remove(&self.pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_driver_asks_for_is_noted_and_only_as_long() {
        let ledger = SessionLedger::default();
        let pair = |port| SocketPair { client: ([127, 0, 0, 1], port).into(), host: ([127, 0, 0, 2], 25).into() };
        let entry = ledger.expect(pair(1));
        assert_eq!(entry.own_failure(), Some(OwnFailure::Untaken));
        ledger.take(pair(1));
        ledger.take(pair(2));
        assert_eq!(entry.own_failure(), None);
        ledger.break_off(pair(1), OwnFailure::Memory);
        assert_eq!((entry.own_failure(), ledger.lock().len()), (Some(OwnFailure::Memory), 1));
        drop(entry);
        ledger.break_off(pair(1), OwnFailure::Memory);
        assert!(ledger.lock().is_empty());
    }
}
