//! The SMTP server in front of the providers: mxlab's own, or mailin-embedded.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Failure;
use crate::live::{ListenError, MxCluster, MxHost, MxServer, ServerOptions, mailin};
use crate::record::OwnFailures;

/// An SMTP server in front of the providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FrontEnd {
    /// What this house has built.
    Mxlab,
    /// mailin-embedded.
    Mailin,
}

/// A front end at work.
pub(super) enum RunningFrontEnd {
    /// mxlab's own server.
    Mxlab(MxServer),
    /// mailin-embedded, on threads that end with the process.
    Mailin(Vec<MxHost>),
}

/// Time for sessions to end; with the report after it, the program ends within two seconds.
const GRACE: Duration = Duration::from_millis(800);

/// Threads of mailin-embedded for each host, which is as many connections at a time.
const MAILIN_THREADS: u32 = 200;

impl RunningFrontEnd {
    /// Begins to listen.
    pub(super) fn start(
        front_end: FrontEnd,
        cluster: &Arc<MxCluster>,
        hosts: &[MxHost],
        options: ServerOptions,
    ) -> Result<Self, Failure> {
        match front_end {
            FrontEnd::Mxlab => MxServer::start(cluster, hosts, options).map(Self::Mxlab).map_err(Failure::unwritten),
            FrontEnd::Mailin => {
                let hosts = hosts.iter().map(|host| serve_host(cluster, host)).collect::<Result<_, _>>();
                hosts.map(Self::Mailin).map_err(Failure::unwritten)
            }
        }
    }

    /// The hosts, with the addresses at which they listen.
    pub(super) fn hosts(&self) -> &[MxHost] {
        match self {
            Self::Mxlab(server) => server.hosts(),
            Self::Mailin(hosts) => hosts,
        }
    }

    /// Ends all sessions that can be ended. What this machine was short of while it served, as far as that is known.
    pub(super) async fn stop(self) -> OwnFailures {
        match self {
            Self::Mxlab(server) => server.stop(GRACE).await,
            Self::Mailin(_) => OwnFailures::default(),
        }
    }
}

/// Serves a host with mailin-embedded.
fn serve_host(cluster: &Arc<MxCluster>, host: &MxHost) -> Result<MxHost, ListenError> {
    let MxHost { site, name, address } = host;
    let cannot = |error| ListenError { address: *address, name: name.clone(), error };
    let listener = TcpListener::bind(address).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    mailin::serve(cluster.clone(), *site, listener, MAILIN_THREADS).map_err(cannot)?;
    Ok(MxHost { site: *site, name: name.clone(), address })
}
