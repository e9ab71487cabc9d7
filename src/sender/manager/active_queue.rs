//! Who may be worked on. Mail that is due is taken into work one message after the other, and no more of it than there
//! is room for, whoever it is for: Postfix's active queue, and the time its queue manager needs to bring a message
//! there.
//!
//! What cannot be taken in waits in one line, first come, first served, new mail and retries alike. A site that is slow
//! can so keep the mail for all others waiting.

use std::collections::VecDeque;

use super::Sender;
use crate::sender::event::{Action, Delivery, Timer};
use crate::sender::strategy::ProcessLimits;
use crate::time::{Span, Time};
use crate::units::{ProviderId, QueueId};

/// How many recipients are worked on, and the line of those that are not yet.
#[derive(Debug)]
pub(super) struct ActiveQueue {
    most: Option<u32>,
    intake: Span,
    active: u64,
    /// When the next message can be taken in.
    free_at: Time,
    /// When the timer rings; `Time::NEVER` where it is not set.
    rings_at: Time,
    waiting: VecDeque<(QueueId, Delivery)>,
}

impl ActiveQueue {
    pub(super) const fn new(whole: &ProcessLimits) -> Self {
        Self {
            most: whole.active,
            intake: whole.intake,
            active: 0,
            free_at: Time::ZERO,
            rings_at: Time::NEVER,
            waiting: VecDeque::new(),
        }
    }

    /// So many recipients are not worked on any more.
    pub(super) fn release(&mut self, n: u64) {
        if self.most.is_some() {
            self.active -= n;
        }
    }

    /// Takes in so many recipients, if there is time and room. One delivery always has room, however large.
    fn enter(&mut self, now: Time, n: u64) -> bool {
        let has_room = self.most.is_none_or(|most| self.active == 0 || self.active + n <= u64::from(most));
        if now < self.free_at || !has_room {
            return false;
        }
        self.free_at = now + self.intake;
        self.active += if self.most.is_some() { n } else { 0 };
        true
    }
}

impl Sender {
    /// Mail is due: it is ready in its queue, or waits until it can be taken in.
    pub(super) fn make_ready(&mut self, now: Time, queue: QueueId, delivery: &Delivery) {
        if self.admission.waiting.is_empty() && self.admission.enter(now, u64::from(delivery.count)) {
            self.queues[queue.index()].push_ready(delivery);
            self.wake(self.queues[queue.index()].limiter);
        } else {
            self.admission.waiting.push_back((queue, *delivery));
        }
    }

    /// Takes in whoever has waited longest, as long as there is time and room.
    #[inline]
    pub(super) fn admit(&mut self, now: Time) {
        if !self.admission.waiting.is_empty() {
            self.admit_waiting(now);
        }
    }

    fn admit_waiting(&mut self, now: Time) {
        while let Some((queue, delivery)) = self.admission.waiting.front().copied() {
            if !self.admission.enter(now, u64::from(delivery.count)) {
                break;
            }
            self.admission.waiting.pop_front();
            self.queues[queue.index()].push_ready(&delivery);
            self.wake(self.queues[queue.index()].limiter);
        }
        let (at, set) = (self.admission.free_at, self.admission.rings_at);
        if !self.admission.waiting.is_empty() && at > now && (set <= now || at < set) {
            self.admission.rings_at = at;
            self.actions.push_back(Action::WakeAt { timer: Timer(self.timers() - 1), at });
        }
    }

    /// Recipients of `site` that wait to be taken in.
    pub(super) fn waiting_for_admission(&self, site: ProviderId) -> u64 {
        let here = self.admission.waiting.iter().filter(|(queue, _)| self.queues[queue.index()].site == site);
        here.map(|(_, delivery)| u64::from(delivery.count)).sum()
    }

    /// At the end of a trial: what waits to be taken in was held back by the sender itself.
    pub(super) fn hold_back_waiting(&mut self, now: Time) {
        for (queue, delivery) in &self.admission.waiting {
            let held = now.since(delivery.ready_at).as_micros() * u64::from(delivery.count);
            self.counts[self.queues[queue.index()].site.index()].held_back_us += held;
        }
    }
}
