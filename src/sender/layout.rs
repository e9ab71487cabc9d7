//! Who shares what: a queue of every source for each site, or for each domain of it, and the limiters that the scope
//! axis lays over the queues.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::limiter::Limiter;
use super::queue::Queue;
use super::strategy::{LimiterScope, SiteAxes};
use super::task::SenderTask;
use crate::units::{DomainId, LimiterId, MailStreamId, ProviderId, QueueId, SourceId};

/// The queues and limiters of a sender, and the way to them.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) queues: Vec<Queue>,
    pub(super) limiters: Vec<Limiter>,
    pub(super) routes: Routes,
}

/// The way from a message to its queue.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Queue of (source, domain): `source × domains + domain`.
    queues: Vec<QueueId>,
    domains: usize,
    /// The sources of each mail stream, and whose turn it is.
    streams: Vec<(Vec<SourceId>, usize)>,
}

/// What shares a queue of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum QueueKey {
    Domain(DomainId),
    Site(ProviderId),
}

/// What shares a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LimiterKey {
    Domain(DomainId),
    Site(ProviderId),
    Queue(QueueId),
    Process,
}

impl Layout {
    /// The layout for `task`, where `axes` says for each site what the strategy does there.
    pub(super) fn new(task: &SenderTask, axes: &[Arc<SiteAxes>]) -> Self {
        let mut layout = Self::default();
        let mut limiters = BTreeMap::new();
        for source in (0..task.sources).map(SourceId::from_index) {
            let mut queues = BTreeMap::new();
            for (domain, site) in task.sites.iter().enumerate() {
                let (domain, axes) = (DomainId::from_index(domain), &axes[site.index()]);
                let key = match axes.scope {
                    LimiterScope::Domain => QueueKey::Domain(domain),
                    LimiterScope::Site | LimiterScope::SourceSite | LimiterScope::Process | LimiterScope::Recipient => {
                        QueueKey::Site(*site)
                    }
                };
                let queue = *queues.entry(key).or_insert_with(|| {
                    let queue = QueueId::from_index(layout.queues.len());
                    let key = match axes.scope {
                        LimiterScope::Domain => LimiterKey::Domain(domain),
                        LimiterScope::Site => LimiterKey::Site(*site),
                        LimiterScope::SourceSite | LimiterScope::Recipient => LimiterKey::Queue(queue),
                        LimiterScope::Process => LimiterKey::Process,
                    };
                    let limiter = *limiters.entry(key).or_insert_with(|| {
                        layout.limiters.push(Limiter::new(*site, Arc::clone(axes)));
                        LimiterId::from_index(layout.limiters.len() - 1)
                    });
                    layout.limiters[limiter.index()].add_queue(queue, axes);
                    layout.queues.push(Queue::new(source, *site, limiter, Arc::clone(axes)));
                    queue
                });
                layout.routes.queues.push(queue);
            }
        }
        layout.queues.shrink_to_fit();
        layout.limiters.shrink_to_fit();
        layout.routes.domains = task.sites.len();
        layout.routes.streams = task.streams.iter().map(|sources| (sources.clone(), 0)).collect();
        layout
    }
}

impl Routes {
    /// The queue of the source whose turn it is to carry this stream's mail.
    pub(super) fn next_queue(&mut self, stream: MailStreamId, domain: DomainId) -> QueueId {
        let (sources, turn) = &mut self.streams[stream.index()];
        let source = sources[*turn];
        *turn = if *turn + 1 < sources.len() { *turn + 1 } else { 0 };
        self.queues[source.index() * self.domains + domain.index()]
    }
}
