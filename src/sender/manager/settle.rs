//! What becomes of the recipients of a delivery once it is known how it went.

use super::{ReplyClass, Sender, SiteCounts};
use crate::sender::event::{AttemptResult, Delivery, Outcome, RecipientResult, TransactionResult};
use crate::sender::strategy::ReplyMeaning;
use crate::smtp::Stage;
use crate::time::Time;
use crate::units::{ProviderId, QueueId, RecipientId};

impl Sender {
    /// Settles every recipient of a delivery. Whether the site pushed back.
    pub(super) fn settle(
        &mut self,
        now: Time,
        queue: QueueId,
        delivery: Delivery,
        replied: &TransactionResult<'_>,
    ) -> bool {
        let mut pushed_back = false;
        let mut start = 0_u16;
        while start < delivery.count {
            let result = result_of(replied.recipients, start);
            let mut end = start + 1;
            while end < delivery.count && result_of(replied.recipients, end) == result {
                end += 1;
            }
            let part =
                Delivery { first: RecipientId(delivery.first.0 + u32::from(start)), count: end - start, ..delivery };
            pushed_back |= self.settle_part(now, queue, part, result, replied);
            start = end;
        }
        pushed_back
    }

    fn settle_part(
        &mut self,
        now: Time,
        queue: QueueId,
        part: Delivery,
        result: RecipientResult,
        replied: &TransactionResult<'_>,
    ) -> bool {
        if result == RecipientResult::Accepted {
            self.settle_for_good(now, queue, part, Outcome::Delivered, result);
            return false;
        }
        let site = self.queues[queue.index()].site;
        let meaning = self.reply_class(site, result);
        let outcome = match (result, meaning.map(|meaning| meaning.read)) {
            (RecipientResult::NoReply(_), _) => Outcome::Failed,
            (RecipientResult::Refused(Stage::Connect, _), _) if self.strategy.reading.skip_5xx_greeting => {
                Outcome::Deferred
            }
            (_, Some(ReplyMeaning::Bounce)) => Outcome::Bounced,
            _ => Outcome::Deferred,
        };
        if outcome == Outcome::Bounced {
            self.settle_for_good(now, queue, part, outcome, result);
        } else {
            self.leave_flight(site, part);
            let settled = AttemptResult { site, delivery: part, outcome, result, expired: false };
            let failures = part.failures.saturating_add(1);
            self.settle_for_now(now, queue, settled, Delivery { failures, ..part }, replied.oracle_retry_at);
        }
        // A site that does not even let us in pushes back, whatever the code.
        let shut_out = matches!(result, RecipientResult::Refused(Stage::Connect | Stage::Ehlo, _));
        shut_out || meaning.is_some_and(|meaning| meaning.pushes_back) || matches!(result, RecipientResult::NoReply(_))
    }

    /// Recipients are delivered, or bounced.
    #[inline]
    fn settle_for_good(
        &mut self,
        now: Time,
        queue: QueueId,
        part: Delivery,
        outcome: Outcome,
        result: RecipientResult,
    ) {
        let site = self.queues[queue.index()].site;
        let counts = self.leave_flight(site, part);
        let settled = if outcome == Outcome::Delivered { &mut counts.delivered } else { &mut counts.bounced };
        *settled += u64::from(part.count);
        self.settled.push(AttemptResult { site, delivery: part, outcome, result, expired: false });
        self.tried(now, queue, part);
    }

    /// Recipients are no longer under way.
    fn leave_flight(&mut self, site: ProviderId, part: Delivery) -> &mut SiteCounts {
        self.admission.release(u64::from(part.count));
        let counts = &mut self.counts[site.index()];
        counts.in_flight -= u64::from(part.count);
        counts
    }

    /// Gives up the mail at the head of a queue that grew too old while the sender held it back. A retry that only came
    /// due after that gets its last attempt, as in Postfix.
    #[inline]
    pub(super) fn give_up_old(&mut self, now: Time, queue: QueueId) {
        if self.strategy.retry.may_be_old(now) {
            self.give_up_older(now, queue);
        }
    }

    #[inline(never)]
    fn give_up_older(&mut self, now: Time, queue: QueueId) {
        while let Some(next) = self.queues[queue.index()].peek().copied() {
            let too_old = self.task.intended.at(next.first.index()) + self.strategy.retry.give_up;
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
            self.admission.release(n);
            let result = RecipientResult::NoReply(Stage::Connect);
            let outcome = Outcome::Unsent;
            self.settled.push(AttemptResult { site, delivery, outcome, result, expired: true });
            self.tried(now, queue, delivery);
        }
    }

    /// A dead site: all its mail waits for its own retry, as if it had been tried and deferred.
    #[inline(never)]
    pub(super) fn suspend(&mut self, now: Time, limiter: u32) {
        for place in 0..self.limiters[limiter as usize].queues.len() {
            let queue = self.limiters[limiter as usize].queues[place];
            while let Some(delivery) = self.queues[queue.index()].take(u32::MAX) {
                let site = self.queues[queue.index()].site;
                let n = u64::from(delivery.count);
                let counts = &mut self.counts[site.index()];
                counts.ready -= n;
                counts.held_back_us += now.since(delivery.ready_at).as_micros() * n;
                counts.suspended += n;
                self.admission.release(n);
                let (outcome, result) = (Outcome::Suspended, RecipientResult::NoReply(Stage::Connect));
                let settled = AttemptResult { site, delivery, outcome, result, expired: false };
                self.settle_for_now(now, queue, settled, delivery, None);
            }
        }
    }

    /// Notes what became of an attempt, and puts the recipients off until they are tried again. Where they are too old
    /// for that, the note says so. It goes before what their whole message may now come to.
    #[inline]
    fn settle_for_now(
        &mut self,
        now: Time,
        queue: QueueId,
        settled: AttemptResult,
        next: Delivery,
        again: Option<Time>,
    ) {
        let place = self.settled.len();
        self.settled.push(settled);
        if self.deferred(now, queue, next, again) {
            self.settled[place].expired = true;
        }
    }

    /// When a delivery is tried again that has just failed for the `failures`-th time.
    pub(super) fn retry_at(&self, now: Time, part: Delivery, again: Option<Time>) -> Option<Time> {
        let intended = || self.task.intended.at(part.first.index());
        let at = self.strategy.retry.next(now, intended, u64::from(part.first.0), part.failures, self.retries)?;
        Some(again.unwrap_or(at))
    }

    fn reply_class(&self, site: ProviderId, result: RecipientResult) -> Option<ReplyClass> {
        let RecipientResult::Refused(_, reply) = result else { return None };
        Some(self.reply_classes[site.index()][reply.index()])
    }
}

fn result_of(result: &[RecipientResult], recipient: u16) -> RecipientResult {
    result.get(usize::from(recipient)).or(result.first()).copied().unwrap_or(RecipientResult::NoReply(Stage::Connect))
}
