//! A policy of the manager: a message with several recipients goes through the queue as one. With Postfix, the wait of
//! those that were deferred begins only when all have been tried, and ends for all of them at the same moment
//! (`qmgr_active_done`).

use std::collections::BTreeMap;

use super::event::Delivery;
use crate::units::{ProviderId, RecipientId};

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

/// What becomes of recipients that were tried.
#[derive(Debug)]
pub(super) enum RoundStep {
    /// Their message does not go as one.
    Alone,
    /// Others of their message have not been tried yet.
    Waits,
    /// All have been tried: these were deferred, and wait for the next round from now on.
    Over(Vec<Delivery>),
}

impl MessageRounds {
    /// A message arrives.
    pub(super) fn begin(&mut self, site: ProviderId, delivery: &Delivery) {
        if delivery.count > 1 {
            let (first, count) = (delivery.first.0, u32::from(delivery.count));
            self.0.insert(first, MessageRound { site, end: first + count, left: count, deferred: Vec::new() });
        }
    }

    /// Recipients have been tried; they come back if they were `deferred`, and are settled for good if not.
    #[inline]
    pub(super) fn tried(&mut self, part: &Delivery, deferred: bool) -> RoundStep {
        if self.0.is_empty() { RoundStep::Alone } else { self.tried_in_round(part, deferred) }
    }

    #[inline(never)]
    fn tried_in_round(&mut self, part: &Delivery, deferred: bool) -> RoundStep {
        let Some((first, round)) = self.round_of(part.first) else { return RoundStep::Alone };
        round.left -= u32::from(part.count);
        if deferred {
            round.deferred.push(*part);
        }
        if round.left > 0 {
            return RoundStep::Waits;
        }
        let parts = joined(std::mem::take(&mut round.deferred));
        round.left = parts.iter().map(|part| u32::from(part.count)).sum();
        if round.left == 0 {
            self.0.remove(&first);
        }
        RoundStep::Over(parts)
    }

    /// Recipients of `site` that were deferred and wait for the rest of their message.
    pub(super) fn waiting(&self, site: ProviderId) -> u64 {
        let here = self.0.values().filter(|round| round.site == site).flat_map(|round| &round.deferred);
        here.map(|part| u64::from(part.count)).sum()
    }

    /// The message of this recipient, if it goes as one.
    fn round_of(&mut self, recipient: RecipientId) -> Option<(u32, &mut MessageRound)> {
        let (first, round) = self.0.range_mut(..=recipient.0).next_back()?;
        (recipient.0 < round.end).then_some((*first, round))
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
