//! Limiters that may have something to do, in the order in which they are looked at.

use std::collections::VecDeque;

use crate::units::LimiterId;

/// Who is looked at next.
#[derive(Debug)]
pub(super) struct WakeQueue {
    awake: VecDeque<LimiterId>,
    is_awake: Vec<bool>,
}

impl WakeQueue {
    pub(super) fn new(limiters: usize) -> Self {
        Self { awake: VecDeque::new(), is_awake: vec![false; limiters] }
    }

    /// The limiter that is looked at next.
    pub(super) fn first(&self) -> Option<LimiterId> {
        self.awake.front().copied()
    }

    /// The limiter that is looked at next has nothing to do until it is woken.
    pub(super) fn put_first_to_sleep(&mut self) {
        if let Some(limiter) = self.awake.pop_front() {
            self.is_awake[limiter.index()] = false;
        }
    }

    pub(super) fn wake(&mut self, limiter: LimiterId) {
        if !std::mem::replace(&mut self.is_awake[limiter.index()], true) {
            self.awake.push_back(limiter);
        }
    }

    pub(super) fn wake_all(&mut self) {
        (0..self.is_awake.len()).for_each(|limiter| self.wake(LimiterId::from_index(limiter)));
    }
}
