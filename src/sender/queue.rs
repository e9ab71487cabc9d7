//! A queue: mail waiting for one source and one site, *ready* or *delayed*.

mod chunk;
mod fifo;
mod retry_heap;
mod retry_queue;

use std::sync::Arc;

use self::chunk::ChunkPool;
use self::fifo::Fifo;
use self::retry_queue::RetryQueue;
use super::event::Delivery;
use super::strategy::SiteAxes;
use crate::time::Time;
use crate::units::{LimiterId, ProviderId, SourceId};

/// Mail waiting for one source and one site (or one domain of the site, where the strategy's scope says so).
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) source: SourceId,
    pub(super) site: ProviderId,
    pub(super) limiter: LimiterId,
    /// What the strategy does at the site.
    pub(super) axes: Arc<SiteAxes>,
    first: Fifo,
    ready: Fifo,
    delayed: RetryQueue,
    pool: ChunkPool,
}

impl Queue {
    pub(super) const fn new(source: SourceId, site: ProviderId, limiter: LimiterId, axes: Arc<SiteAxes>) -> Self {
        Self {
            source,
            site,
            limiter,
            axes,
            first: Fifo::new(),
            ready: Fifo::new(),
            delayed: RetryQueue::new(),
            pool: ChunkPool::new(),
        }
    }

    /// Whether any mail is ready.
    pub(super) fn has_ready(&self) -> bool {
        !self.first.is_empty() || !self.ready.is_empty()
    }

    /// Mail becomes ready, at the end of the line.
    pub(super) fn push_ready(&mut self, delivery: &Delivery) {
        let line = if delivery.priority { &mut self.first } else { &mut self.ready };
        line.push_back(delivery, &mut self.pool);
    }

    /// Mail goes back to the head of the line.
    pub(super) fn push_front(&mut self, delivery: Delivery) {
        let line = if delivery.priority { &mut self.first } else { &mut self.ready };
        line.push_front(delivery, &mut self.pool);
    }

    /// The mail that goes next.
    pub(super) fn peek(&self) -> Option<&Delivery> {
        self.first.front().or_else(|| self.ready.front())
    }

    /// Takes up to `most` recipients of the mail that goes next; what is left of it stays in front.
    #[inline]
    pub(super) fn take(&mut self, most: u32) -> Option<Delivery> {
        let line = if self.first.is_empty() { &mut self.ready } else { &mut self.first };
        let delivery = line.front()?;
        let taken = delivery.count_up_to(most);
        if taken == delivery.count { line.pop_front(&mut self.pool) } else { line.split_front(taken) }
    }

    /// Mail waits for its retry, at `delivery.ready_at`.
    pub(super) fn push_delayed(&mut self, delivery: &Delivery) {
        self.delayed.push(delivery, &mut self.pool);
    }

    /// When the first delayed mail becomes ready.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.delayed.first().map(|delivery| delivery.ready_at)
    }

    /// Takes one delivery that has waited long enough for its retry.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Delivery> {
        self.delayed.pop_due(now, &mut self.pool)
    }

    /// All mail, ready and delayed.
    pub(super) fn mail(&self) -> impl Iterator<Item = &Delivery> {
        self.ready().chain(self.delayed.iter())
    }

    /// The mail that is ready.
    pub(super) fn ready(&self) -> impl Iterator<Item = &Delivery> {
        self.first.iter().chain(self.ready.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::preset;
    use crate::units::RecipientId;

    fn queue() -> Queue {
        let axes = preset::strategy("fixed").unwrap().unwrap().axes;
        Queue::new(SourceId(0), ProviderId(0), LimiterId(0), Arc::new(axes))
    }

    fn delivery(first: u32, count: u16, ready_at: u64, priority: bool) -> Delivery {
        let ready_at = Time::from_micros(ready_at);
        Delivery { ready_at, first: RecipientId(first), count, failures: 0, priority }
    }

    #[test]
    fn priority_goes_first_and_large_messages_are_taken_in_slices() {
        let mut queue = queue();
        queue.push_ready(&delivery(0, 5, 0, false));
        queue.push_ready(&delivery(9, 1, 0, true));
        let taken = |delivery: Delivery| (delivery.first.0, delivery.count);
        let taken: Vec<(u32, u16)> = std::iter::from_fn(|| queue.take(2)).map(taken).collect();
        assert_eq!(taken, [(9, 1), (0, 2), (2, 2), (4, 1)]);
    }

    #[test]
    fn delayed_mail_matures_in_the_order_of_its_time() {
        let mut queue = queue();
        queue.push_delayed(&delivery(1, 1, 20, false));
        queue.push_delayed(&delivery(2, 1, 10, false));
        assert_eq!(queue.pop_due(Time::from_micros(9)), None);
        assert_eq!(queue.pop_due(Time::from_micros(15)).map(|d| d.first.0), Some(2));
        assert_eq!(queue.next_due(), Some(Time::from_micros(20)));
    }
}
