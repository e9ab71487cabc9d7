//! A message with several recipients goes through the queue as one: Postfix puts off those that were deferred only when
//! all have been tried, and all of them until the same moment (`qmgr_active_done`).

use std::collections::BTreeMap;

use super::Sender;
use crate::sender::event::{AttemptResult, Delivery, Outcome, RecipientResult};
use crate::smtp::Stage;
use crate::time::Time;
use crate::units::{ProviderId, QueueId, RecipientId};

/// The messages that go as one, by their first recipient. A message with a single recipient needs no entry.
#[derive(Debug, Default)]
pub(super) struct MessageRounds(BTreeMap<u32, MessageRound>);

/// How far a message has come.
#[derive(Debug)]
struct MessageRound {
    /// Who serves it.
    site: ProviderId,
    /// One past the last recipient.
    end: u32,
    /// Recipients that have not been tried in this round.
    left: u32,
    /// Those that were, and were deferred.
    deferred: Vec<Delivery>,
}

impl MessageRounds {
    /// A message arrives.
    pub(super) fn begin(&mut self, site: ProviderId, delivery: Delivery) {
        if delivery.count > 1 {
            let (first, count) = (delivery.first.0, u32::from(delivery.count));
            self.0.insert(first, MessageRound { site, end: first + count, left: count, deferred: Vec::new() });
        }
    }

    /// The message of this recipient, if it goes as one.
    #[inline]
    fn of(&mut self, recipient: RecipientId) -> Option<(u32, &mut MessageRound)> {
        if self.0.is_empty() {
            return None;
        }
        let (first, round) = self.0.range_mut(..=recipient.0).next_back()?;
        (recipient.0 < round.end).then_some((*first, round))
    }
}

impl Sender {
    /// Recipients have been tried, and are settled for good.
    pub(super) fn tried(&mut self, now: Time, queue: QueueId, part: Delivery) {
        if let Some((first, round)) = self.rounds.of(part.first) {
            round.left -= u32::from(part.count);
            self.close_round(now, queue, first);
        }
    }

    /// Recipients are to be tried again: at `again`, or as the retry clock says. Whether they are too old for that.
    pub(super) fn deferred(&mut self, now: Time, queue: QueueId, part: Delivery, again: Option<Time>) -> bool {
        let counts = &mut self.counts[self.queues[queue.index()].site.index()];
        counts.delayed += u64::from(part.count);
        if let Some((first, round)) = self.rounds.of(part.first) {
            round.left -= u32::from(part.count);
            round.deferred.push(part);
            self.close_round(now, queue, first);
            return false;
        }
        self.delay(queue, part, self.retry_at(now, part, again))
    }

    /// Where all recipients of a message have been tried: those that were deferred wait together.
    #[inline(never)]
    fn close_round(&mut self, now: Time, queue: QueueId, first: u32) {
        let Some(round) = self.rounds.0.get_mut(&first).filter(|round| round.left == 0) else { return };
        let parts = joined(std::mem::take(&mut round.deferred));
        round.left = parts.iter().map(|part| u32::from(part.count)).sum();
        if round.left == 0 {
            self.rounds.0.remove(&first);
        }
        for part in parts {
            if self.delay(queue, part, self.retry_at(now, part, None)) {
                let site = self.queues[queue.index()].site;
                let (outcome, result) = (Outcome::Unsent, RecipientResult::NoReply(Stage::Connect));
                self.settled.push(AttemptResult { site, delivery: part, outcome, result, expired: true });
                self.tried(now, queue, part);
            }
        }
    }

    /// Recipients that are counted as delayed wait until `at`, or are given up where there is no such moment. Nothing
    /// comes back to a dead site: with Postfix's waits that never happens, with shorter ones it would again and again.
    #[inline]
    fn delay(&mut self, queue: QueueId, part: Delivery, at: Option<Time>) -> bool {
        if let Some(at) = at {
            let limiter = self.queues[queue.index()].limiter;
            let ready_at = at.max(self.limiters[limiter as usize].dead_until(&self.strategy));
            self.queues[queue.index()].push_delayed(&Delivery { ready_at, ..part });
            self.ring_queue(queue, ready_at);
            return false;
        }
        let counts = &mut self.counts[self.queues[queue.index()].site.index()];
        counts.delayed -= u64::from(part.count);
        counts.expired += u64::from(part.count);
        true
    }

    /// Recipients of `site` that were deferred and wait for the rest of their message.
    pub(super) fn waiting_for_their_message(&self, site: ProviderId) -> u64 {
        let here = self.rounds.0.values().filter(|round| round.site == site).flat_map(|round| &round.deferred);
        here.map(|part| u64::from(part.count)).sum()
    }
}

/// Neighbours that were tried equally often travel together again.
fn joined(mut parts: Vec<Delivery>) -> Vec<Delivery> {
    parts.sort_unstable_by_key(|part| part.first);
    parts.dedup_by(|next, before| {
        let neighbours = before.first.0 + u32::from(before.count) == next.first.0;
        let alike = (before.failures, before.priority) == (next.failures, next.priority);
        let count = before.count.checked_add(next.count).filter(|_| neighbours && alike);
        before.count = count.unwrap_or(before.count);
        count.is_some()
    });
    parts
}
