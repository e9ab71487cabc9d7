//! The mail that a sender has: where it waits, and what becomes of it once it is known how a delivery went.
//!
//! Recipients are conserved: injected = delivered + bounced + expired + queued.

use std::collections::VecDeque;
use std::sync::Arc;

use super::admission::{AdmissionPolicy, WaitingDelivery};
use super::event::{Action, AttemptResult, Delivery, Injection, Outcome, RecipientResult, Timer};
use super::layout::{Layout, Routes};
use super::limiter::Limiter;
use super::message_rounds::{MessageRounds, RoundStep};
use super::queue::Queue;
use super::reply_classes::ReplyClasses;
use super::retry_law::RetryLaw;
use super::site_counts::SiteCounts;
use super::strategy::controller::Observation;
use super::strategy::reply_action::ActionKey;
use super::strategy::{Disposition, SiteAxes, Strategy};
use super::task::SenderTask;
use super::timers::{TimerOwner, Timers};
use super::wake_queue::WakeQueue;
use crate::rng::Seed;
use crate::smtp::{Reply, Stage};
use crate::time::{Moments, Time};
use crate::units::{LimiterId, ProviderId, QueueId, RecipientId, ReplyId};

/// Mail, ready and delayed, and what shares its limits.
#[derive(Debug)]
pub(super) struct Spool {
    queues: Vec<Queue>,
    limiters: Vec<Limiter>,
    routes: Routes,
    counts: Vec<SiteCounts>,
    /// What each reply of each site means to the strategy.
    reply_classes: Vec<ReplyClasses>,
    axes: Vec<Arc<SiteAxes>>,
    intended: Arc<Moments>,
    retries: Seed,
    admission: AdmissionPolicy,
    rounds: MessageRounds,
    timers: Timers,
    pub(super) wake_queue: WakeQueue,
    actions: VecDeque<Action>,
    results: Vec<AttemptResult>,
}

/// A delivery that goes now.
#[derive(Clone, Copy, Debug)]
pub(super) struct BegunDelivery {
    pub(super) delivery: Delivery,
    /// Whether its connection is kept for another.
    pub(super) keeps_connection: bool,
}

/// What a delivery says about its site: of several recipients with different replies, the first that pushed back speaks
/// for all; where none did, the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct SiteResponse {
    pub(super) stage: Stage,
    pub(super) outcome: Outcome,
    pub(super) pushed_back: bool,
}

impl Spool {
    pub(super) fn new(strategy: &Strategy, task: &SenderTask, seed: Seed) -> Self {
        let sites = (0..task.replies.len()).map(ProviderId::from_index);
        let axes: Vec<_> = sites.map(|site| Arc::new(strategy.axes_at(site).clone().unshared())).collect();
        let Layout { queues, limiters, routes } = Layout::new(task, &axes);
        Self {
            counts: vec![SiteCounts::default(); axes.len()],
            reply_classes: task
                .replies
                .iter()
                .zip(&axes)
                .map(|(replies, axes)| ReplyClasses::new(replies, axes))
                .collect(),
            axes,
            intended: Arc::clone(&task.intended),
            retries: seed.named("retries"),
            admission: AdmissionPolicy::new(&strategy.process),
            rounds: MessageRounds::default(),
            timers: Timers::new(queues.len(), limiters.len()),
            wake_queue: WakeQueue::new(limiters.len()),
            actions: VecDeque::new(),
            results: Vec::new(),
            queues,
            limiters,
            routes,
        }
    }

    /// How many timers it may ask for.
    pub(super) fn timers(&self) -> u32 {
        self.timers.count()
    }

    pub(super) fn counts(&self, site: ProviderId) -> &SiteCounts {
        &self.counts[site.index()]
    }

    pub(super) fn queue(&self, queue: QueueId) -> &Queue {
        &self.queues[queue.index()]
    }

    pub(super) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// How many limiters there are.
    pub(super) fn limiters(&self) -> usize {
        self.limiters.len()
    }

    pub(super) fn limiter(&self, limiter: LimiterId) -> &Limiter {
        &self.limiters[limiter.index()]
    }

    pub(super) fn limiter_mut(&mut self, limiter: LimiterId) -> &mut Limiter {
        &mut self.limiters[limiter.index()]
    }

    /// What is to be done next, apart from looking for work.
    pub(super) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(super) fn push_action(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// What has become of mail since this was asked last.
    pub(super) fn results(&mut self) -> &mut Vec<AttemptResult> {
        &mut self.results
    }

    /// A site has given a reply that its profile does not list.
    pub(super) fn learn_reply(&mut self, site: ProviderId, reply: &Reply) -> ReplyId {
        self.reply_classes[site.index()].learn(reply, &self.axes[site.index()])
    }

    /// Recipients of `site` found by looking into every queue, those apart that are under way.
    pub(super) fn recount(&self, site: ProviderId) -> u64 {
        let queued = self.queues.iter().filter(|queue| queue.site == site).flat_map(Queue::mail);
        let waiting =
            self.admission.waiting().filter(|one| self.queue(one.queue).site == site).map(|one| &one.delivery);
        queued.chain(waiting).map(|delivery| u64::from(delivery.count)).sum::<u64>() + self.rounds.waiting(site)
    }

    /// At the end of a trial: adds the time for which mail that is still ready was held back.
    pub(super) fn finish(&mut self, now: Time) {
        for queue in &self.queues {
            queue.ready().for_each(|delivery| self.counts[queue.site.index()].hold_back(now, delivery));
        }
        for WaitingDelivery { queue, delivery } in self.admission.waiting() {
            self.counts[self.queues[queue.index()].site.index()].hold_back(now, delivery);
        }
    }

    pub(super) fn inject(&mut self, now: Time, injection: &Injection) {
        let Injection { ref delivery, site, domain, stream } = *injection;
        self.counts[site.index()].inject(delivery);
        let queue = self.routes.next_queue(stream, domain);
        if self.queue(queue).axes.retry.whole_message {
            self.rounds.begin(site, delivery);
        }
        self.make_ready(now, queue, delivery);
    }

    /// Mail is due: it is ready in its queue, or waits until it can be taken in.
    pub(super) fn make_ready(&mut self, now: Time, queue: QueueId, delivery: &Delivery) {
        if self.admission.admits(now, queue, delivery) {
            self.enqueue(queue, delivery);
        }
    }

    #[expect(clippy::inline_always, reason = "asked for every delivery")]
    #[inline(always)]
    fn enqueue(&mut self, queue: QueueId, delivery: &Delivery) {
        let state = &mut self.queues[queue.index()];
        state.push_ready(delivery);
        self.limiters[state.limiter.index()].message_ready();
        self.wake_queue.wake(state.limiter);
    }

    /// Takes in what has waited longest, as long as there is time and room.
    #[inline]
    pub(super) fn admit(&mut self, now: Time) {
        while let Some(WaitingDelivery { queue, delivery }) = self.admission.next(now) {
            self.enqueue(queue, &delivery);
        }
        if let Some(at) = self.admission.wake_at(now) {
            self.actions.push_back(Action::WakeAt { timer: self.timers.admission(), at });
        }
    }

    /// Takes up to `most` recipients of a queue's next message.
    #[expect(clippy::inline_always, reason = "asked for every delivery")]
    #[inline(always)]
    fn take(&mut self, queue: QueueId, most: u32) -> Option<Delivery> {
        let state = &mut self.queues[queue.index()];
        // Of a message that has more recipients the others still wait.
        if u32::from(state.peek()?.count) <= most {
            self.limiters[state.limiter.index()].message_taken();
        }
        state.take(most)
    }

    /// Takes up to `most` recipients of a queue's next message for a connection.
    #[inline]
    pub(super) fn begin(&mut self, now: Time, queue: QueueId, most: u32) -> Option<BegunDelivery> {
        let delivery = self.take(queue, most)?;
        let state = &self.queues[queue.index()];
        self.counts[state.site.index()].begin(now, &delivery);
        let keeps_connection = self.limiters[state.limiter.index()].began(now);
        Some(BegunDelivery { delivery, keeps_connection })
    }

    /// Mail that was taken for a connection goes back to the front of its queue.
    pub(super) fn put_back(&mut self, now: Time, queue: QueueId, delivery: Delivery) {
        let limiter = self.queue(queue).limiter;
        self.counts[self.queues[queue.index()].site.index()].put_back(&delivery);
        self.limiter_mut(limiter).withdrawn();
        self.push_front(queue, Delivery { ready_at: now, ..delivery });
    }

    /// Ready mail goes to the front of its queue.
    pub(super) fn push_front(&mut self, queue: QueueId, delivery: Delivery) {
        let state = &mut self.queues[queue.index()];
        state.push_front(delivery);
        self.limiters[state.limiter.index()].message_ready();
    }

    /// Settles every recipient of a delivery, with what was said for each of them, or one result for all. What it says
    /// about the site; nothing, if it was for no recipient.
    pub(super) fn settle(
        &mut self,
        now: Time,
        queue: QueueId,
        delivery: Delivery,
        results: &[RecipientResult],
        retry: RetryLaw,
    ) -> Option<SiteResponse> {
        let mut response: Option<SiteResponse> = None;
        let mut start = 0_u16;
        while start < delivery.count {
            let result = result_of(results, start);
            let mut end = start + 1;
            while end < delivery.count && result_of(results, end) == result {
                end += 1;
            }
            let first = RecipientId(delivery.first.0 + u32::from(start));
            let part = Delivery { first, count: end - start, ..delivery };
            let next = self.settle_part(now, queue, part, result, retry);
            response = response.filter(|before| before.pushed_back || !next.pushed_back).or(Some(next));
            start = end;
        }
        response
    }

    fn settle_part(
        &mut self,
        now: Time,
        queue: QueueId,
        part: Delivery,
        result: RecipientResult,
        retry: RetryLaw,
    ) -> SiteResponse {
        let (site, axes) = (self.queue(queue).site, &self.queue(queue).axes);
        let (stage, class) = match result {
            RecipientResult::Accepted => {
                self.settle_for_good(now, queue, part, Outcome::Delivered, result);
                return SiteResponse { stage: Stage::EndOfData, outcome: Outcome::Delivered, pushed_back: false };
            }
            RecipientResult::Refused(stage, reply) => (stage, Some(self.reply_classes[site.index()].class(reply))),
            RecipientResult::NoReply(stage) => (stage, None),
        };
        let outcome = match class.map(|class| class.disposition) {
            None => Outcome::Failed,
            Some(_) if stage == Stage::Connect && axes.reading.skip_5xx_greeting => Outcome::Deferred,
            Some(Disposition::Bounce) => Outcome::Bounced,
            Some(Disposition::Defer) => Outcome::Deferred,
        };
        if outcome == Outcome::Bounced {
            self.settle_for_good(now, queue, part, outcome, result);
        } else {
            self.admission.release(&part);
            self.counts[site.index()].defer(&part);
            let attempt = AttemptResult { site, delivery: part, outcome, result, expired: false };
            let failures = part.failures.saturating_add(1);
            self.defer(now, queue, attempt, &Delivery { failures, ..part }, retry);
        }
        // A site that does not even let us in pushes back, whatever the code; and so does one that says nothing.
        let mut pushed_back =
            matches!(stage, Stage::Connect | Stage::Ehlo) || class.is_none_or(|class| class.pushes_back);
        if let Some(rule) = class.and_then(|class| class.acting_rule) {
            pushed_back |= self.act_on_reply(now, queue, rule);
        }
        SiteResponse { stage, outcome, pushed_back }
    }

    /// Does what a rule on replies says. Whether that counts as push-back.
    #[inline(never)]
    fn act_on_reply(&mut self, now: Time, queue: QueueId, rule: usize) -> bool {
        let Queue { site, limiter, ref axes, .. } = self.queues[queue.index()];
        let state = &mut self.limiters[limiter.index()];
        let mut pushed_back = false;
        for (place, action) in axes.reading.rules[rule].actions.iter().enumerate() {
            pushed_back |= state.respond(now, ActionKey { site, rule, action: place }, action);
        }
        // What they have done is over in time, even where nothing else happens.
        if let Some(at) = state.recovers_at() {
            self.set_limiter_timer(limiter, at);
        }
        pushed_back
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
        let site = self.queue(queue).site;
        self.admission.release(&part);
        let counts = &mut self.counts[site.index()];
        if outcome == Outcome::Delivered {
            counts.deliver(&part);
        } else {
            counts.bounce(&part);
        }
        self.results.push(AttemptResult { site, delivery: part, outcome, result, expired: false });
        self.tried(now, queue, &part);
    }

    /// Notes what became of an attempt, and lets the recipients wait until they are tried again. Where they are too old
    /// for that, the note says so. It goes before what their whole message may now come to.
    #[inline]
    fn defer(&mut self, now: Time, queue: QueueId, attempt: AttemptResult, next: &Delivery, retry: RetryLaw) {
        let place = self.results.len();
        self.results.push(attempt);
        match self.rounds.tried(next, true) {
            RoundStep::Alone => {
                if self.delay(now, queue, next, retry) {
                    self.results[place].expired = true;
                }
            }
            RoundStep::Waits => {}
            RoundStep::Over(parts) => self.begin_round(now, queue, parts),
        }
    }

    /// Recipients have been tried, and are settled for good.
    fn tried(&mut self, now: Time, queue: QueueId, part: &Delivery) {
        if let RoundStep::Over(parts) = self.rounds.tried(part, false) {
            self.begin_round(now, queue, parts);
        }
    }

    /// All recipients of a message have been tried: those that were deferred wait together.
    #[inline(never)]
    fn begin_round(&mut self, now: Time, queue: QueueId, parts: Vec<Delivery>) {
        for part in parts {
            if self.delay(now, queue, &part, RetryLaw::Axis) {
                self.expire_untried(now, queue, part);
            }
        }
    }

    /// Recipients have become too old before they were sent.
    fn expire_untried(&mut self, now: Time, queue: QueueId, delivery: Delivery) {
        let (outcome, result) = (Outcome::Unsent, RecipientResult::NoReply(Stage::Connect));
        let site = self.queue(queue).site;
        self.results.push(AttemptResult { site, delivery, outcome, result, expired: true });
        self.tried(now, queue, &delivery);
    }

    /// Recipients that are counted as delayed wait for their retry. Whether the retry axis says that they are too old
    /// for that: then they are given up. Nothing comes back to a dead site: with Postfix's waits that never happens,
    /// with shorter ones it would again and again.
    #[inline]
    fn delay(&mut self, now: Time, queue: QueueId, part: &Delivery, retry: RetryLaw) -> bool {
        let state = &mut self.queues[queue.index()];
        let intended = || self.intended.at(part.first.index());
        let Some(at) = state.axes.retry.next(now, intended, u64::from(part.first.0), part.failures, self.retries)
        else {
            self.counts[state.site.index()].expire_delayed(part);
            return true;
        };
        let dead_until = self.limiters[state.limiter.index()].dead_until();
        let ready_at = retry.moment(at).max(dead_until);
        state.push_delayed(&Delivery { ready_at, ..*part });
        self.actions.extend(self.timers.set_queue(queue, ready_at));
        false
    }

    /// Gives up the mail at the head of a queue that grew too old while the sender held it back. A retry that only came
    /// due after that gets its last attempt, as in Postfix.
    #[inline]
    pub(super) fn give_up_old(&mut self, now: Time, queue: QueueId) {
        if self.queue(queue).axes.retry.may_be_old(now) {
            self.give_up_older(now, queue);
        }
    }

    #[inline(never)]
    fn give_up_older(&mut self, now: Time, queue: QueueId) {
        while let Some(next) = self.queue(queue).peek().copied() {
            let too_old = self.intended.at(next.first.index()) + self.queue(queue).axes.retry.give_up;
            if now <= too_old || next.ready_at > too_old {
                return;
            }
            let Some(delivery) = self.take(queue, u32::from(next.count)) else { return };
            self.counts[self.queues[queue.index()].site.index()].expire_ready(now, &delivery);
            self.admission.release(&delivery);
            self.expire_untried(now, queue, delivery);
        }
    }

    /// What a delivery that is over says about its site.
    pub(super) fn observe(&mut self, limiter: LimiterId, seen: &Observation) {
        if let Some(until) = self.limiter_mut(limiter).observe(seen) {
            self.put_off(seen.now, limiter);
            self.set_limiter_timer(limiter, until);
        }
        let state = &mut self.limiters[limiter.index()];
        self.counts[state.site().index()].window.add(state.window(seen.now));
        state.ended(seen);
    }

    /// A dead site: all its mail waits for its own retry, as if it had been tried and deferred.
    #[inline(never)]
    pub(super) fn put_off(&mut self, now: Time, limiter: LimiterId) {
        for place in 0..self.limiter(limiter).queues().len() {
            let queue = self.limiter(limiter).queues()[place];
            while let Some(delivery) = self.take(queue, u32::MAX) {
                let site = self.queue(queue).site;
                self.counts[site.index()].put_off(now, &delivery);
                self.admission.release(&delivery);
                let (outcome, result) = (Outcome::PutOff, RecipientResult::NoReply(Stage::Connect));
                let attempt = AttemptResult { site, delivery, outcome, result, expired: false };
                self.defer(now, queue, attempt, &delivery, RetryLaw::Axis);
            }
        }
    }

    /// A timer is due. The queue whose delayed mail may be ready, if it is that.
    pub(super) fn take_due(&mut self, timer: Timer) -> Option<QueueId> {
        match self.timers.take_due(timer) {
            TimerOwner::Queue(queue) => Some(queue),
            TimerOwner::Limiter(limiter) => {
                self.wake_queue.wake(limiter);
                None
            }
            // The admission looks after every event.
            TimerOwner::Admission => None,
        }
    }

    /// Takes a delivery whose retry is due. It must become ready.
    pub(super) fn pop_due(&mut self, now: Time, queue: QueueId) -> Option<Delivery> {
        let state = &mut self.queues[queue.index()];
        let delivery = state.pop_due(now)?;
        self.counts[state.site.index()].retry_due(&delivery);
        Some(delivery)
    }

    /// All that was due has become ready: the timer rings for the next.
    pub(super) fn set_retry_timer(&mut self, queue: QueueId) {
        if let Some(at) = self.queue(queue).next_due() {
            self.actions.extend(self.timers.set_queue(queue, at));
        }
        self.wake_queue.wake(self.queues[queue.index()].limiter);
    }

    /// A limiter may have something to do at this moment.
    pub(super) fn set_limiter_timer(&mut self, limiter: LimiterId, at: Time) {
        self.actions.extend(self.timers.set_limiter(limiter, at));
    }
}

fn result_of(results: &[RecipientResult], recipient: u16) -> RecipientResult {
    let result = results.get(usize::from(recipient)).or(results.first());
    result.copied().unwrap_or(RecipientResult::NoReply(Stage::Connect))
}
