//! A policy of the manager: which mail may be worked on.
//!
//! Most senders work on all they have. Postfix takes mail that is due into its active queue one message after the
//! other, and no more of it than there is room for, whatever its site. What cannot be taken in waits in one line, first
//! come, first served, new mail and retries alike: a site that is slow can so keep the mail for all others waiting.

use std::collections::VecDeque;

use super::event::Delivery;
use super::strategy::ProcessLimits;
use crate::time::{Span, Time};
use crate::units::QueueId;

/// Which mail may be worked on.
#[derive(Debug)]
pub(super) enum AdmissionPolicy {
    /// All of it.
    Open,
    /// As much as there is room for.
    ActiveQueue(ActiveQueue),
}

/// Postfix's active queue, and the line before it.
#[derive(Debug)]
pub(super) struct ActiveQueue {
    /// The most recipients (`qmgr_message_active_limit`); `None` is no limit.
    most: Option<u32>,
    /// The time its queue manager needs to bring a message there.
    intake: Span,
    active: u64,
    /// When the next message can be taken in.
    free_at: Time,
    /// When the timer rings; `Time::NEVER` where it is not set.
    rings_at: Time,
    waiting: VecDeque<WaitingDelivery>,
}

/// A delivery that is due, and the queue in which it will be ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaitingDelivery {
    pub(super) queue: QueueId,
    pub(super) delivery: Delivery,
}

impl AdmissionPolicy {
    pub(super) const fn new(limits: &ProcessLimits) -> Self {
        if limits.active.is_none() && limits.intake.is_zero() {
            return Self::Open;
        }
        Self::ActiveQueue(ActiveQueue {
            most: limits.active,
            intake: limits.intake,
            active: 0,
            free_at: Time::ZERO,
            rings_at: Time::NEVER,
            waiting: VecDeque::new(),
        })
    }

    /// Mail is due. Whether it may be worked on now; otherwise it waits here.
    #[inline]
    pub(super) fn admits(&mut self, now: Time, queue: QueueId, delivery: &Delivery) -> bool {
        match self {
            Self::Open => true,
            Self::ActiveQueue(active) => {
                let enters = active.waiting.is_empty() && active.enter(now, delivery);
                if !enters {
                    active.waiting.push_back(WaitingDelivery { queue, delivery: *delivery });
                }
                enters
            }
        }
    }

    /// Recipients are not worked on any more.
    #[inline]
    pub(super) fn release(&mut self, delivery: &Delivery) {
        if let Self::ActiveQueue(active) = self
            && active.most.is_some()
        {
            active.active -= u64::from(delivery.count);
        }
    }

    /// What waits longest, if there is now time and room for it.
    #[inline]
    pub(super) fn next(&mut self, now: Time) -> Option<WaitingDelivery> {
        match self {
            Self::Open => None,
            Self::ActiveQueue(active) => active.next(now),
        }
    }

    /// When to look again for what waits, if that is not known yet.
    #[inline]
    pub(super) fn wake_at(&mut self, now: Time) -> Option<Time> {
        match self {
            Self::Open => None,
            Self::ActiveQueue(active) => active.wake_at(now),
        }
    }

    /// Mail that waits.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &WaitingDelivery> {
        let active = if let Self::ActiveQueue(active) = self { Some(active) } else { None };
        active.into_iter().flat_map(|active| &active.waiting)
    }
}

impl ActiveQueue {
    /// Takes in a message, if there is time and room. One always has room, however large.
    fn enter(&mut self, now: Time, delivery: &Delivery) -> bool {
        let n = u64::from(delivery.count);
        let has_room = self.most.is_none_or(|most| self.active == 0 || self.active + n <= u64::from(most));
        if now < self.free_at || !has_room {
            return false;
        }
        self.free_at = now + self.intake;
        self.active += if self.most.is_some() { n } else { 0 };
        true
    }

    fn next(&mut self, now: Time) -> Option<WaitingDelivery> {
        let first = *self.waiting.front()?;
        if !self.enter(now, &first.delivery) {
            return None;
        }
        self.waiting.pop_front();
        Some(first)
    }

    fn wake_at(&mut self, now: Time) -> Option<Time> {
        let (at, set) = (self.free_at, self.rings_at);
        let sets = !self.waiting.is_empty() && at > now && (set <= now || at < set);
        sets.then(|| {
            self.rings_at = at;
            at
        })
    }
}
