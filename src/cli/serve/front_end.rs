//! Who speaks SMTP in front of the providers.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use super::{Args, FrontEnd};
use crate::cli::Failure;
use crate::live::{CannotListen, Farm, Host, Manners, Service, Terms, Wanted, mailin};

/// A front end at work.
pub(super) enum RunningFrontEnd {
    /// The one of this house.
    Mxlab(Service),
    /// mailin-embedded, on threads that end with the process.
    Mailin(Vec<Host>),
}

/// How long sessions have to end: with the report, less than two seconds.
const GRACE: Duration = Duration::from_millis(800);

/// Threads of mailin-embedded for each host: as many connections at a time.
const MAILIN_THREADS: u32 = 200;

impl RunningFrontEnd {
    /// Begins to listen.
    pub(super) fn start(farm: &Arc<Farm>, wanted: &[Wanted], manners: Manners, args: &Args) -> Result<Self, Failure> {
        match args.front_end {
            FrontEnd::Mxlab => {
                let terms = Terms { connections_max: args.connections, manners };
                Service::start(farm, wanted, terms).map(Self::Mxlab).map_err(Failure::unwritten)
            }
            FrontEnd::Mailin => {
                let hosts = wanted.iter().map(|wanted| host(farm, wanted)).collect::<Result<_, _>>();
                hosts.map(Self::Mailin).map_err(Failure::unwritten)
            }
        }
    }

    pub(super) fn hosts(&self) -> &[Host] {
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
fn host(farm: &Arc<Farm>, wanted: &Wanted) -> Result<Host, CannotListen> {
    let Wanted { site, name, at } = wanted;
    let cannot = |error| CannotListen { at: *at, name: name.clone(), error };
    let listener = TcpListener::bind(at).map_err(cannot)?;
    let at = listener.local_addr().map_err(cannot)?;
    mailin::serve(farm.clone(), *site, listener, MAILIN_THREADS).map_err(cannot)?;
    Ok(Host { site: *site, name: name.clone(), at })
}
