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
            Outcome::Delivered | Outcome::Bounced | Outcome::Unsent => None,
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
        // A site that does not even let us in pushes back, whatever the code.
        let shut_out = matches!(heard, Heard::Reply(Stage::Connect | Stage::Ehlo, _));
        shut_out || meaning.is_some_and(|meaning| meaning.pushes_back) || matches!(heard, Heard::Nothing(_))
    }

    /// Gives up the mail at the head of a queue that grew too old while the sender held it back. A retry that only came
    /// due after that gets its last attempt, as in Postfix.
    pub(super) fn give_up_old(&mut self, now: Time, queue: QueueId) {
        while let Some(next) = self.queues[queue.index()].peek().copied() {
            let too_old = self.plan.intended.at(next.first.index()) + self.strategy.retry.give_up;
            if now <= too_old || next.ready_at > too_old {
                return;
            }
            let Some(delivery) = self.queues[queue.index()].take(u32::from(next.count)) else { return };
            let site = self.queues[queue.index()].site;
            let counts = &mut self.counts[site.index()];
            let n = u64::from(delivery.count);
            counts.ready -= n;
            counts.expired += n;
            counts.held_back_us += now.since(delivery.ready_at).as_micros() * n;
            let heard = Heard::Nothing(Stage::Connect);
            let outcome = Outcome::Unsent;
            self.actions.push_back(Action::Settled(Settled { site, delivery, outcome, heard, expired: true }));
        }
    }

    fn retry_at(&self, now: Time, part: Delivery, again: Option<Time>) -> Option<Time> {
        let intended = self.plan.intended.at(part.first.index());
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
