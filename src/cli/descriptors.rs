//! File descriptors: a connection takes one at each end, and shells give fewer than a load test needs.

use super::{Failure, terminal};
use crate::scenario::Scenario;
use crate::sender::ConnectionDemand;
use crate::study::RunOptions;

/// Asks for as many as the system allows without privileges: how many that are, where the system says so. Servers
/// that need more leave connections in the kernel's backlog.
pub(super) fn as_many_as_allowed() -> Option<u64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
        let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
        let allowed = if raised { hard } else { soft };
        (allowed != RLIM_INFINITY).then_some(allowed)
    }
    #[cfg(not(unix))]
    None
}

/// The ends of a connection that are in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionEnds {
    /// The client's: the servers are elsewhere.
    Client,
    /// Both: the scenario's providers are served here.
    Both,
}

/// Descriptors for everything but connections and listeners: files, the event queue, standard input and output.
const OTHERS: u64 = 32;

/// Connections that so many descriptors suffice for, if each takes `each`.
pub(super) const fn places(allowed: u64, each: u64) -> u64 {
    allowed.saturating_sub(OTHERS) / each
}

/// Refuses a run whose strategies open more connections than there are descriptors for, and warns of one that may.
pub(super) fn suffice(scenario: &Scenario, options: &RunOptions, ends: ConnectionEnds) -> Result<(), Failure> {
    let Some(allowed) = as_many_as_allowed() else { return Ok(()) };
    let (each, listeners) = match ends {
        ConnectionEnds::Client => (1, 0),
        ConnectionEnds::Both => (2, scenario.providers.iter().map(|policy| policy.mx.len() as u64).sum()),
    };
    let places = places(allowed.saturating_sub(listeners), each);
    let domains: Vec<_> = scenario.domains.iter().map(|domain| domain.provider).collect();
    let recipients = scenario.expected_recipients();
    let wanted = |name: &String| options.strategies.is_empty() || options.strategies.contains(name);
    for strategy in scenario.strategies.iter().filter(|strategy| !strategy.oracle && wanted(&strategy.name)) {
        let demand = strategy.connection_demand(scenario.sources.len() as u64, &domains);
        let ConnectionDemand { certain, possible, .. } = ConnectionDemand {
            certain: demand.certain.min(recipients),
            possible: demand.possible.min(recipients),
            ..demand
        };
        let need = |connections: u64| connections * each + OTHERS + listeners;
        let subject = format!("{}, strategy {}", scenario.name, strategy.name);
        if certain > places {
            return Err(Failure::input(format_args!(
                "{subject}: it opens {certain} connections at once, which takes {} file descriptors; the system allows \
                 {allowed}, enough for {places} connections\n  raise the limit (`ulimit -n {}`), or lower the \
                 strategy's concurrency",
                need(certain),
                need(certain)
            )));
        }
        if possible > places {
            terminal::note(format!(
                "warning: {subject}: it may open up to {possible} connections at once, and file descriptors suffice for \
                 {places} (`ulimit -n {}` would do)",
                need(possible)
            ));
        }
    }
    Ok(())
}
