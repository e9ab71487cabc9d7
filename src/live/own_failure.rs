//! Which errors of the system are failures of mxlab's own side, and how often they came.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::record::{OwnFailure, OwnFailures};

/// What this machine was short of, if that is what the error says. `None` is what the other side, or the network
/// between, has done.
pub(super) fn own_failure(error: &io::Error) -> Option<OwnFailure> {
    if let Some(what) = error.raw_os_error().and_then(without_kind) {
        return Some(what);
    }
    match error.kind() {
        io::ErrorKind::OutOfMemory => Some(OwnFailure::Memory),
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable | io::ErrorKind::NetworkDown => {
            Some(OwnFailure::Addresses)
        }
        io::ErrorKind::PermissionDenied => Some(OwnFailure::Permission),
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::ReadOnlyFilesystem => Some(OwnFailure::Disk),
        _ => None,
    }
}

/// Errors that the standard library has no kind for.
#[cfg(unix)]
fn without_kind(code: i32) -> Option<OwnFailure> {
    match code {
        libc::EMFILE | libc::ENFILE => Some(OwnFailure::Descriptors),
        libc::ENOBUFS => Some(OwnFailure::Memory),
        libc::EIO => Some(OwnFailure::Disk),
        _ => None,
    }
}

#[cfg(not(unix))]
fn without_kind(_code: i32) -> Option<OwnFailure> {
    None
}

/// Counts failures of mxlab's own side, wherever they come up.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnFailureCounter(Arc<Mutex<OwnFailures>>);

impl OwnFailureCounter {
    /// Counts a failure.
    pub(super) fn add(&self, what: OwnFailure) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(what);
    }

    /// What was counted so far.
    pub(super) fn counts(&self) -> OwnFailures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_told_from_what_the_other_side_does() {
        let of = |code| own_failure(&io::Error::from_raw_os_error(code));
        assert_eq!(of(libc::EMFILE), Some(OwnFailure::Descriptors));
        assert_eq!(of(libc::ENFILE), Some(OwnFailure::Descriptors));
        assert_eq!([of(libc::ENOMEM), of(libc::ENOBUFS)], [Some(OwnFailure::Memory); 2]);
        let addresses = [libc::EADDRNOTAVAIL, libc::EADDRINUSE, libc::ENETDOWN];
        assert_eq!(addresses.map(of), [Some(OwnFailure::Addresses); 3]);
        assert_eq!([of(libc::EACCES), of(libc::EPERM)], [Some(OwnFailure::Permission); 2]);
        assert_eq!([of(libc::ENOSPC), of(libc::EDQUOT), of(libc::EROFS)], [Some(OwnFailure::Disk); 3]);
        let peers = [libc::ECONNREFUSED, libc::ECONNRESET, libc::EHOSTUNREACH, libc::ENETUNREACH, libc::EPIPE];
        assert_eq!(peers.map(of), [None; 5]);
        assert_eq!(own_failure(&io::ErrorKind::TimedOut.into()), None);
    }
}
