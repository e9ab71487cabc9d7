//! Sliding logs: a count of exactly the last so much time.

use std::collections::VecDeque;

use super::counting::CountingWindow;
use crate::time::{Span, Time};

/// The last `length`, exactly.
#[derive(Clone, Copy, Debug)]
pub(in crate::provider) struct SlidingWindow {
    /// How far it looks back.
    pub(super) length: Span,
    /// How many moments a log keeps: as many as the limit can ever be. The newest so many are enough to judge by.
    pub(super) keep: u32,
}

/// The moments that still count, the oldest first.
#[derive(Clone, Debug, Default)]
pub(in crate::provider) struct Log(VecDeque<Time>);

impl CountingWindow for SlidingWindow {
    type Counter = Log;

    fn admits(&self, Log(log): &Log, now: Time, limit: u32, n: u32) -> bool {
        let still = log.len() - log.partition_point(|at| *at + self.length <= now);
        still as u64 + u64::from(n) <= u64::from(limit)
    }

    fn count(&self, Log(log): &mut Log, now: Time, _limit: u32, n: u32) {
        while log.front().is_some_and(|at| *at + self.length <= now) {
            log.pop_front();
        }
        for _ in 0..n.min(self.keep) {
            if log.len() >= self.keep as usize {
                log.pop_front();
            }
            log.push_back(now);
        }
    }

    fn earliest(&self, log: &Log, now: Time, limit: u32, n: u32) -> Time {
        if self.admits(log, now, limit, n) {
            return now;
        }
        if n > limit {
            return Time::NEVER;
        }
        let Log(log) = log;
        let surplus = (log.len() + n as usize).saturating_sub(limit as usize);
        surplus.checked_sub(1).and_then(|i| log.get(i)).map_or(Time::NEVER, |at| *at + self.length)
    }

    fn is_blank(&self, Log(log): &Log, now: Time, _limit: u32) -> bool {
        log.back().is_none_or(|at| *at + self.length <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_refusals_keeps_only_as_many_moments_as_the_limit() {
        let window = SlidingWindow { length: Span::from_micros(100), keep: 5 };
        let mut log = Log::default();
        for micros in 0..90 {
            window.count(&mut log, Time::from_micros(micros), 5, 1);
        }
        assert_eq!(log.0.len(), 5);
        assert!(!window.admits(&log, Time::from_micros(184), 5, 1));
        assert!(window.admits(&log, Time::from_micros(185), 5, 1));
    }
}
