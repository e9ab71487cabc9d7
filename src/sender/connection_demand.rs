//! How many connections a strategy may want open at once: what has to be there before it is tried on sockets.

use std::collections::{BTreeMap, BTreeSet};

use super::connection_pool::CONNECTIONS_MAX;
use super::strategy::{Concurrency, LimiterScope, Pacing, SiteAxes, Strategy};
use crate::units::ProviderId;

/// Connections at once, all sites and sources together, if there is mail enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionDemand {
    /// It opens so many: by windows that are fixed, and held back by no pace.
    pub certain: u64,
    /// It never opens more.
    pub possible: u64,
    /// Deliveries at once that its windows allow: what is above [`CONNECTIONS_MAX`] waits its turn.
    pub deliveries: u64,
}

impl Strategy {
    /// How many connections it may want open at once, from so many sources to domains at these sites.
    pub fn connection_demand(&self, sources: u64, domains: &[ProviderId]) -> ConnectionDemand {
        let mut sites: BTreeMap<ProviderId, u64> = BTreeMap::new();
        for site in domains {
            *sites.entry(*site).or_default() += 1;
        }
        let (mut sum, mut by_process) = (ConnectionDemand::default(), BTreeSet::new());
        for (site, domains) in sites {
            let axes = self.axes_at(site);
            let limiters = match axes.scope {
                LimiterScope::Domain => domains,
                LimiterScope::Site => 1,
                LimiterScope::SourceSite | LimiterScope::Recipient => sources,
                // All sites share one, and it is counted with the first of them.
                LimiterScope::Process => u64::from(by_process.insert(())),
            };
            let window = window(axes);
            // Idle connections that take up no place of a window come on top, at most a window's for each queue.
            let queues = if axes.session.counts_idle { 1 } else { sources };
            sum.deliveries = sum.deliveries.saturating_add(window.deliveries.saturating_mul(limiters));
            sum.certain = sum.certain.saturating_add(window.certain.saturating_mul(limiters));
            sum.possible = sum.possible.saturating_add(window.possible.saturating_mul(limiters).saturating_mul(queues));
        }
        let limited = |connections: u64| {
            let deliveries = self.process.deliveries.map_or(u64::MAX, u64::from);
            connections.min(deliveries)
        };
        let most = CONNECTIONS_MAX as u64;
        ConnectionDemand {
            certain: limited(sum.certain).min(most),
            possible: sum.possible.min(most),
            deliveries: limited(sum.deliveries),
        }
    }
}

/// The window of one limiter.
fn window(axes: &SiteAxes) -> ConnectionDemand {
    let (certain, possible) = match axes.concurrency {
        Concurrency::Fixed(window) => (window, window),
        Concurrency::Unlimited => (0, u32::MAX),
        Concurrency::Aimd(settings) => (0, settings.max.max(settings.initial)),
        Concurrency::Feedback(settings) => (0, settings.limit.unwrap_or(u32::MAX)),
    };
    let paced = axes.pacing != Pacing::None;
    let (certain, possible) = (if paced { 0 } else { certain.into() }, possible.into());
    ConnectionDemand { certain, possible, deliveries: possible }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::preset;
    use crate::sender::strategy::concurrency::aimd::Aimd;

    fn strategy(concurrency: Concurrency, scope: LimiterScope) -> Strategy {
        let mut strategy = preset::strategy("fixed").unwrap().unwrap();
        (strategy.axes.concurrency, strategy.axes.scope) = (concurrency, scope);
        strategy.axes.session.counts_idle = true;
        strategy
    }

    /// From three sources to two domains at one site and one at another.
    fn demand(strategy: &Strategy) -> (u64, u64) {
        let domains = [0, 0, 1].map(ProviderId);
        let ConnectionDemand { certain, possible, .. } = strategy.connection_demand(3, &domains);
        (certain, possible)
    }

    #[test]
    fn a_fixed_window_is_wanted_for_every_limiter() {
        for (scope, limiters) in [
            (LimiterScope::SourceSite, 6),
            (LimiterScope::Site, 2),
            (LimiterScope::Domain, 3),
            (LimiterScope::Process, 1),
        ] {
            assert_eq!(demand(&strategy(Concurrency::Fixed(10), scope)), (10 * limiters, 10 * limiters), "{scope:?}");
        }
    }

    #[test]
    fn a_window_that_grows_may_be_wanted() {
        let aimd = Concurrency::Aimd(Aimd { max: 50, ..Aimd::default() });
        assert_eq!(demand(&strategy(aimd, LimiterScope::Site)), (0, 100));
        let most = CONNECTIONS_MAX as u64;
        let wide = strategy(Concurrency::Fixed(30_000), LimiterScope::Site).connection_demand(1, &[ProviderId(0)]);
        assert_eq!((wide.certain, wide.possible, wide.deliveries), (most, most, 30_000));
        assert_eq!(demand(&strategy(Concurrency::Unlimited, LimiterScope::Site)), (0, most));
    }

    #[test]
    fn the_process_limit_holds_for_all_together() {
        let mut strategy = strategy(Concurrency::Fixed(10), LimiterScope::SourceSite);
        strategy.process.deliveries = Some(7);
        assert_eq!(demand(&strategy), (7, 60));
        assert_eq!(strategy.connection_demand(3, &[ProviderId(0)]).deliveries, 7);
    }
}
