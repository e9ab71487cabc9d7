//! What becomes of the recipients of a delivery once it is heard how it went.

use super::{Meaning, Sender};
use crate::sender::event::{Action, Delivery, Heard, Outcome, Replied, Settled};
use crate::sender::strategy::ReadAs;
use crate::smtp::Stage;
use crate::time::Time;
use crate::units::{ProviderId, QueueId, RecipientId};

impl Sender {
    /// Settles every recipient of a delivery. Whether the site pushed back.
    pub(super) fn settle(&mut self, now: Time, queue: QueueId, delivery: Delivery, replied: &Replied<'_>) -> bool {
        let mut pushed_back = false;
        let mut start = 0_u16;
        while start < delivery.count {
            let heard = heard_by(replied.heard, start);
            let mut end = start + 1;
            while end < delivery.count && heard_by(replied.heard, end) == heard {
                end += 1;
            }
            let part =
                Delivery { first: RecipientId(delivery.first.0 + u32::from(start)), count: end - start, ..delivery };
            pushed_back |= self.settle_part(now, queue, part, heard, replied);
            start = end;
        }
        pushed_back
    }

    fn settle_part(&mut self, now: Time, queue: QueueId, part: Delivery, heard: Heard, replied: &Replied<'_>) -> bool {
        let site = self.queues[queue.index()].site;
        let meaning = self.meaning(site, heard);
        let outcome = match (heard, meaning.map(|meaning| meaning.read)) {
            (Heard::Accepted, _) => Outcome::Delivered,
            (Heard::Nothing(_), _) => Outcome::Failed,
            (_, Some(ReadAs::Bounce)) => Outcome::Bounced,
            _ => Outcome::Deferred,
        };
        let again = match outcome {
            Outcome::Delivered | Outcome::Bounced => None,
            Outcome::Deferred | Outcome::Failed => self.retry_at(now, part, replied.again),
        };
        let expired = matches!(outcome, Outcome::Deferred | Outcome::Failed) && again.is_none();
        let counts = &mut self.counts[site.index()];
        let n = u64::from(part.count);
        counts.in_flight -= n;
        match (outcome, again) {
            (Outcome::Delivered, _) => counts.delivered += n,
            (Outcome::Bounced, _) => counts.bounced += n,
            (_, None) => counts.expired += n,
            (_, Some(ready_at)) => {
                counts.delayed += n;
                let failures = part.failures.saturating_add(1);
                self.queues[queue.index()].push_delayed(Delivery { ready_at, failures, ..part });
                self.ring_queue(queue, ready_at);
            }
        }
        self.actions.push_back(Action::Settled(Settled { site, delivery: part, outcome, heard, expired }));
        meaning.is_some_and(|meaning| meaning.pushes_back) || matches!(heard, Heard::Nothing(_))
    }

    fn retry_at(&self, now: Time, part: Delivery, again: Option<Time>) -> Option<Time> {
        let intended = self.plan.intended[part.first.index()];
        let failures = part.failures.saturating_add(1);
        let at = self.strategy.retry.next(now, intended, u64::from(part.first.0), failures, self.retries)?;
        Some(again.unwrap_or(at))
    }

    fn meaning(&self, site: ProviderId, heard: Heard) -> Option<Meaning> {
        let Heard::Reply(_, reply) = heard else { return None };
        Some(self.meanings[site.index()][reply.index()])
    }
}

fn heard_by(heard: &[Heard], recipient: u16) -> Heard {
    heard.get(usize::from(recipient)).or(heard.first()).copied().unwrap_or(Heard::Nothing(Stage::Connect))
}
