//! What ends a trial before its time: going on would say nothing of any provider.

use std::net::SocketAddr;
use std::time::Duration;

use crate::record::OwnFailure;

/// Why a trial was ended by mxlab itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrialHalt {
    /// This machine was short of something for too long. What was recorded until then stands.
    #[error("mxlab's own side: {}, and it was waited for for {} s; {}", what.words(), lasted.as_secs_f64(), what.help())]
    OwnSide {
        /// What it was short of.
        what: OwnFailure,
        /// Wall-clock time.
        lasted: Duration,
    },
    /// A target refused a connection before the trial, and the first of the trial as well.
    #[error("nobody listens at {0}: start the server there, or correct --to")]
    NoListener(SocketAddr),
    /// TLS is a must, and the first session with a target could not have it.
    #[error("{target}: {why}, and TLS is a must; where clear text will do, say --tls-optional")]
    NoTls {
        /// The target.
        target: SocketAddr,
        /// What the server said, or did not.
        why: String,
    },
}

impl TrialHalt {
    /// Whether what was recorded until then says something of the providers.
    pub const fn keeps_record(&self) -> bool {
        matches!(self, Self::OwnSide { .. })
    }
}
