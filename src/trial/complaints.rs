//! Complaints to come: who gets mail and will complain about it, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::input::TrialInput;
use crate::rng::Seed;
use crate::sender::{Delivery, RecipientResult};
use crate::time::Time;
use crate::units::{ProviderId, RecipientId, SenderDomainId, SourceId};
use crate::workload::RecipientRow;

/// A recipient's complaint about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// When the provider hears of it.
    pub at: Time,
    /// The provider that hears of it.
    pub site: ProviderId,
    /// The source that the message came from.
    pub source: SourceId,
    /// The domain of the message's sender.
    pub sender: SenderDomainId,
}

/// A delivery that is over, and what became of each of its recipients.
#[derive(Clone, Copy)]
pub(super) struct FinishedDelivery<'a> {
    pub(super) site: ProviderId,
    pub(super) source: SourceId,
    pub(super) delivery: &'a Delivery,
    pub(super) results: &'a [RecipientResult],
}

/// The complaints that will come, the earliest first.
#[derive(Debug)]
pub(super) struct Complaints {
    pending: BinaryHeap<Reverse<Complaint>>,
    /// How long a recipient takes to complain, addressed by recipient.
    delays: Seed,
}

impl Complaints {
    pub(super) fn new(seed: Seed) -> Self {
        Self { pending: BinaryHeap::new(), delays: seed.named("complaints") }
    }

    /// A delivery is over: recipients that got it may complain, where it `reaches_inbox`. Whether any of them will, and
    /// how many found it in the junk.
    #[inline]
    pub(super) fn expect(
        &mut self,
        now: Time,
        input: &TrialInput<'_>,
        over: FinishedDelivery<'_>,
        reaches_inbox: impl Fn(RecipientId) -> bool,
    ) -> (bool, u64) {
        let FinishedDelivery { site, source, delivery, results } = over;
        let (before, mut junked) = (self.pending.len(), 0);
        let first = delivery.first.index();
        let places = input.scenario.providers[site.index()].placement.is_some();
        for n in 0..usize::from(delivery.count) {
            if results.get(n) != Some(&RecipientResult::Accepted) {
                continue;
            }
            if places && !reaches_inbox(RecipientId::from_index(first + n)) {
                junked += 1;
                continue;
            }
            let row = input.mail.rows[first + n];
            if !row.is(RecipientRow::COMPLAINS) {
                continue;
            }
            let stream = &input.scenario.workload.streams[row.stream.index()];
            let delay = stream.list.complaint_delay.sample(&mut self.delays.stream("delay", (first + n) as u64));
            self.pending.push(Reverse(Complaint { at: now + delay, site, source, sender: stream.sender_domain }));
        }
        (self.pending.len() > before, junked)
    }

    /// The next complaint, if it comes by `now`.
    pub(super) fn due(&mut self, now: Time) -> Option<Complaint> {
        let Reverse(first) = *self.pending.peek()?;
        (first.at <= now).then(|| {
            self.pending.pop();
            first
        })
    }

    /// When the next complaint comes.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.pending.peek().map(|Reverse(first)| first.at)
    }
}
