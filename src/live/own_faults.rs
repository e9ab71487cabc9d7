//! Faults of mxlab's own side, injected for tests: what this machine would say if it were short of something. None in
//! ordinary use, where it costs a look at an empty option.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::rng::Seed;

/// Where mxlab asks its own machine for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnFaultPoint {
    /// The driver asks for a socket: there is no descriptor.
    Socket,
    /// The driver binds a source's address: there is none, or no port.
    Bind,
    /// A host accepts a connection: there is no descriptor.
    Accept,
    /// Either side reads or writes: the kernel has no memory for a buffer.
    Buffer,
    /// A kept message is written: the disk is full.
    Disk,
}

impl OwnFaultPoint {
    /// The error that a machine gives that is short of it.
    fn error(self) -> io::Error {
        match self {
            Self::Bind => io::ErrorKind::AddrNotAvailable.into(),
            Self::Buffer => io::ErrorKind::OutOfMemory.into(),
            Self::Disk => io::ErrorKind::StorageFull.into(),
            #[cfg(unix)]
            Self::Socket | Self::Accept => io::Error::from_raw_os_error(libc::EMFILE),
            #[cfg(not(unix))]
            Self::Socket | Self::Accept => io::ErrorKind::OutOfMemory.into(),
        }
    }
}

/// Faults to inject; none by default. Clones share their counters.
#[derive(Clone, Debug, Default)]
pub struct OwnFaults(Option<Arc<Injector>>);

#[derive(Debug)]
struct Injector {
    seed: Seed,
    /// How often each point fails, between 0 and 1, in the order of [`OwnFaultPoint`].
    shares: [f64; POINTS],
    asked: [AtomicU64; POINTS],
    disk_delay: Duration,
}

const POINTS: usize = 5;

impl OwnFaults {
    /// Faults at these points, each with the share of its uses that fail. The same seed fails the same uses.
    pub fn new(seed: u64, shares: &[(OwnFaultPoint, f64)]) -> Self {
        Self::with_slow_disk(seed, shares, Duration::ZERO)
    }

    /// The same, and every write to a disk takes `disk_delay` more.
    pub fn with_slow_disk(seed: u64, shares: &[(OwnFaultPoint, f64)], disk_delay: Duration) -> Self {
        let mut all = [0.0; POINTS];
        for (point, share) in shares {
            all[*point as usize] = *share;
        }
        let seed = Seed(seed).named("own-faults");
        Self(Some(Arc::new(Injector { seed, shares: all, asked: Default::default(), disk_delay })))
    }

    /// Fails if a fault is due.
    ///
    /// # Errors
    /// What a machine says that is short of what is asked for there.
    pub(super) fn check(&self, point: OwnFaultPoint) -> io::Result<()> {
        let Some(injector) = &self.0 else { return Ok(()) };
        let place = point as usize;
        let n = injector.asked[place].fetch_add(1, Ordering::Relaxed);
        if injector.seed.share(place as u64, n) < injector.shares[place] { Err(point.error()) } else { Ok(()) }
    }

    /// How much longer every write to a disk takes.
    pub(super) fn disk_delay(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |injector| injector.disk_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::super::own_failure::own_failure;
    use super::*;
    use crate::record::OwnFailure;

    #[test]
    fn the_same_seed_fails_the_same_uses() {
        let fails = |seed| {
            let faults = OwnFaults::new(seed, &[(OwnFaultPoint::Socket, 0.3)]);
            (0..1_000).map(|_| faults.check(OwnFaultPoint::Socket).is_err()).collect::<Vec<_>>()
        };
        assert_eq!(fails(1), fails(1));
        assert_ne!(fails(1), fails(2));
        let failed = fails(1).iter().filter(|failed| **failed).count();
        assert!((250..350).contains(&failed), "{failed}");
    }

    #[test]
    fn every_fault_is_a_failure_of_our_own() {
        use OwnFaultPoint::{Accept, Bind, Buffer, Disk, Socket};
        let all = [Socket, Bind, Accept, Buffer, Disk];
        let faults = OwnFaults::new(1, &all.map(|point| (point, 1.0)));
        let what = all.map(|point| own_failure(&faults.check(point).unwrap_err()));
        assert_eq!(
            what[1..],
            [OwnFailure::Addresses, OwnFailure::Descriptors, OwnFailure::Memory, OwnFailure::Disk].map(Some)
        );
        assert!(OwnFaults::default().check(Socket).is_ok());
    }
}
