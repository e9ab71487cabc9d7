//! Who speaks SMTP in front of the providers.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use super::{Args, FrontEnd};
use crate::cli::Failure;
use crate::live::{ListenError, MxCluster, MxHost, MxServer, ServerOptions, mailin};

/// A front end at work.
pub(super) enum RunningFrontEnd {
    /// The one of this house.
    Mxlab(MxServer),
    /// mailin-embedded, on threads that end with the process.
    Mailin(Vec<MxHost>),
}

/// How long sessions have to end: with the report, less than two seconds.
const GRACE: Duration = Duration::from_millis(800);

/// Threads of mailin-embedded for each host: as many connections at a time.
const MAILIN_THREADS: u32 = 200;

impl RunningFrontEnd {
    /// Begins to listen.
    pub(super) fn start(
        cluster: &Arc<MxCluster>,
        wanted: &[MxHost],
        options: ServerOptions,
        args: &Args,
    ) -> Result<Self, Failure> {
        match args.front_end {
            FrontEnd::Mxlab => MxServer::start(cluster, wanted, options).map(Self::Mxlab).map_err(Failure::unwritten),
            FrontEnd::Mailin => {
                let hosts = wanted.iter().map(|host| serve_host(cluster, host)).collect::<Result<_, _>>();
                hosts.map(Self::Mailin).map_err(Failure::unwritten)
            }
        }
    }

    pub(super) fn hosts(&self) -> &[MxHost] {
        match self {
            Self::Mxlab(service) => service.hosts(),
            Self::Mailin(hosts) => hosts,
        }
    }

    /// Ends all sessions that can be ended.
    pub(super) async fn stop(self) {
        if let Self::Mxlab(service) = self {
            service.stop(GRACE).await;
        }
    }
}

/// A host behind mailin-embedded.
fn serve_host(cluster: &Arc<MxCluster>, host: &MxHost) -> Result<MxHost, ListenError> {
    let MxHost { site, name, address } = host;
    let cannot = |error| ListenError { address: *address, name: name.clone(), error };
    let listener = TcpListener::bind(address).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    mailin::serve(cluster.clone(), *site, listener, MAILIN_THREADS).map_err(cannot)?;
    Ok(MxHost { site: *site, name: name.clone(), address })
}
