//! A queue: mail waiting for one source and one site, *ready* or *delayed*.

mod chunk;
mod fifo;
mod retry_heap;
mod retry_queue;

use std::collections::VecDeque;

use self::chunk::ChunkPool;
use self::fifo::Fifo;
use self::retry_queue::RetryQueue;
use super::event::Delivery;
use crate::time::Time;
use crate::units::{ConnId, ProviderId, SourceId};

/// Mail waiting for one source and one site (or one domain of the site, where the strategy's scope says so).
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) source: SourceId,
    pub(super) site: ProviderId,
    pub(super) limiter: u32,
    /// Connections that wait for mail, the most recently used last.
    pub(super) idle: Vec<ConnId>,
    /// Connections being opened, the oldest first, some of them perhaps no longer; kept for the oracle alone.
    pub(super) connecting: VecDeque<ConnId>,
    /// When the timer of the delayed mail will ring; `Time::NEVER` where it is not set.
    pub(super) rings_at: Time,
    first: Fifo,
    ready: Fifo,
    delayed: RetryQueue,
    pool: ChunkPool,
}

impl Queue {
    pub(super) const fn new(source: SourceId, site: ProviderId, limiter: u32) -> Self {
        Self {
            source,
            site,
            limiter,
            idle: Vec::new(),
            connecting: VecDeque::new(),
            rings_at: Time::NEVER,
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
    pub(super) fn take(&mut self, most: u32) -> Option<Delivery> {
        let line = if self.first.is_empty() { &mut self.ready } else { &mut self.first };
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        if line.front()?.count <= most { line.pop_front(&mut self.pool) } else { line.split_front(most) }
    }

    /// A connection is not idle any more. Mostly it is the one that was used last.
    pub(super) fn remove_idle(&mut self, conn: ConnId) {
        if self.idle.pop_if(|last| *last == conn).is_none() {
            self.idle.retain(|idle| *idle != conn);
        }
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
    pub(super) fn mature(&mut self, now: Time) -> Option<Delivery> {
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
    use crate::units::RecipientId;

    fn delivery(first: u32, count: u16, ready_at: u64, priority: bool) -> Delivery {
        let ready_at = Time::from_micros(ready_at);
        Delivery { ready_at, first: RecipientId(first), count, failures: 0, priority }
    }

    #[test]
    fn priority_goes_first_and_large_messages_are_taken_in_slices() {
        let mut queue = Queue::new(SourceId(0), ProviderId(0), 0);
        queue.push_ready(&delivery(0, 5, 0, false));
        queue.push_ready(&delivery(9, 1, 0, true));
        let taken: Vec<(u32, u16)> = std::iter::from_fn(|| queue.take(2)).map(|d| (d.first.0, d.count)).collect();
        assert_eq!(taken, [(9, 1), (0, 2), (2, 2), (4, 1)]);
    }

    #[test]
    fn delayed_mail_matures_in_the_order_of_its_time() {
        let mut queue = Queue::new(SourceId(0), ProviderId(0), 0);
        queue.push_delayed(&delivery(1, 1, 20, false));
        queue.push_delayed(&delivery(2, 1, 10, false));
        assert_eq!(queue.mature(Time::from_micros(9)), None);
        assert_eq!(queue.mature(Time::from_micros(15)).map(|d| d.first.0), Some(2));
        assert_eq!(queue.next_due(), Some(Time::from_micros(20)));
    }
}
