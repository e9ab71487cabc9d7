//! Who shares what: the queues of every source, and the limiters that the strategy's scope lays over them.

use super::limiter::Limiter;
use super::manager::Sender;
use super::queue::Queue;
use super::strategy::LimiterScope;
use crate::units::{DomainId, MailStreamId, QueueId, SourceId};

impl Sender {
    pub(super) fn lay_out_queues(&mut self, sites: usize) {
        let domains = self.task.sites.len();
        for source in 0..self.task.sources {
            let mut by_site: Vec<Option<QueueId>> = vec![None; sites];
            for domain in 0..domains {
                let site = self.task.sites[domain].index();
                let per_domain = self.strategy.scope == LimiterScope::Domain;
                let queue = match by_site[site] {
                    Some(queue) if !per_domain => queue,
                    _ => self.new_queue(source, domain),
                };
                by_site[site] = Some(queue);
                self.queue_of.push(queue);
            }
        }
    }

    fn new_queue(&mut self, source: usize, domain: usize) -> QueueId {
        let site = self.task.sites[domain];
        let id = QueueId::from_index(self.queues.len());
        let sharing = |queue: &Queue| match self.strategy.scope {
            LimiterScope::Process => true,
            LimiterScope::Site => queue.site == site,
            LimiterScope::Domain | LimiterScope::SourceSite | LimiterScope::Recipient => false,
        };
        let shared = match self.strategy.scope {
            // The same domain's queue of the first source has the limiter that all sources share.
            LimiterScope::Domain if source > 0 => {
                self.queue_of.get(domain).map(|queue| self.queues[queue.index()].limiter)
            }
            _ => self.queues.iter().find(|queue| sharing(queue)).map(|queue| queue.limiter),
        };
        let limiter = shared.unwrap_or_else(|| {
            self.limiters.push(Limiter::new(&self.strategy));
            u32::try_from(self.limiters.len() - 1).unwrap_or(u32::MAX)
        });
        self.limiters[limiter as usize].queues.push(id);
        let source = SourceId::from_index(source);
        self.queues.push(Queue::new(source, site, limiter));
        id
    }

    /// The queue of the source whose turn it is to carry this stream's mail.
    pub(super) fn carrier(&mut self, stream: MailStreamId, domain: DomainId) -> QueueId {
        let sources = &self.task.streams[stream.index()];
        let turn = &mut self.turns[stream.index()];
        let source = sources[*turn];
        *turn = after(*turn, sources.len());
        self.queue_of[source.index() * self.task.sites.len() + domain.index()]
    }
}

/// The place whose turn it is next, of so many.
pub(super) const fn after(turn: usize, places: usize) -> usize {
    if turn + 1 < places { turn + 1 } else { 0 }
}
