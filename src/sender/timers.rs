//! The timers of a sender: one for each queue (its next retry), one for each limiter, and one for the admission.

use super::event::{Action, Timer};
use crate::time::Time;
use crate::units::{LimiterId, QueueId};

/// When the timers of queues and limiters ring.
#[derive(Debug)]
pub(super) struct Timers {
    /// First those of the queues, then those of the limiters; `Time::NEVER` where one is not set.
    set: Vec<Time>,
    queues: usize,
}

/// Whose timer rings.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimerOwner {
    Queue(QueueId),
    Limiter(LimiterId),
    Admission,
}

impl Timers {
    pub(super) fn new(queues: usize, limiters: usize) -> Self {
        Self { set: vec![Time::NEVER; queues + limiters], queues }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.admission().0 + 1
    }

    /// The timer of the admission, which keeps its own time.
    pub(super) fn admission(&self) -> Timer {
        timer(self.set.len())
    }

    /// A queue has mail that is due at this moment.
    pub(super) fn set_queue(&mut self, queue: QueueId, at: Time) -> Option<Action> {
        self.set(queue.index(), at)
    }

    /// A limiter may have something to do at this moment. One timer serves several queues: it rings for the first.
    pub(super) fn set_limiter(&mut self, limiter: LimiterId, at: Time) -> Option<Action> {
        self.set(self.queues + limiter.index(), at)
    }

    /// A timer is due, and no longer set: whose it is.
    pub(super) fn take_due(&mut self, Timer(place): Timer) -> TimerOwner {
        let place = place as usize;
        match self.set.get_mut(place) {
            None => TimerOwner::Admission,
            Some(set) => {
                *set = Time::NEVER;
                match place.checked_sub(self.queues) {
                    None => TimerOwner::Queue(QueueId::from_index(place)),
                    Some(limiter) => TimerOwner::Limiter(LimiterId::from_index(limiter)),
                }
            }
        }
    }

    /// Sets a timer, unless it rings before.
    fn set(&mut self, place: usize, at: Time) -> Option<Action> {
        (at < self.set[place]).then(|| {
            self.set[place] = at;
            Action::WakeAt { timer: timer(place), at }
        })
    }
}

fn timer(place: usize) -> Timer {
    Timer(LimiterId::from_index(place).0)
}
