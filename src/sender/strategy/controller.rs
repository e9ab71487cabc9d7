//! What the controllers of a strategy have in common: what they are told, and what they are asked.
//!
//! As in quinn's congestion control, a controller is told what happened and asked one question. Settings are a type of
//! their own beside each controller; a controller keeps a copy of its settings and what it has learnt.

use crate::sender::event::Outcome;
use crate::smtp::Stage;
use crate::time::{Span, Time};

/// What a limiter has to do at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Deliveries under way, from the decision to connect to the last reply.
    pub busy: u32,
    /// Messages that could go now, and wait for the limiter.
    pub ready: u32,
}

/// A delivery that is over, as the controllers of its site are told of it. Of several recipients with different
/// replies, the first that pushed back speaks for all; where none did, the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When the last reply came.
    pub now: Time,
    /// What there was to do at that moment, this delivery counted as busy.
    pub load: Load,
    /// The window of concurrency at that moment.
    pub window: u32,
    /// From the decision to connect, or to send on an open connection, to the last reply.
    pub latency: Span,
    /// The stage that decided: end of data for mail that was accepted.
    pub stage: Stage,
    /// How the attempt ended, as the strategy reads the reply.
    pub outcome: Outcome,
    /// Whether the site pushed back: what the strategy reads as a call to slow down.
    pub pushed_back: bool,
}

/// A controller of concurrency: how many deliveries at once?
pub trait WindowController {
    /// A delivery is over.
    fn observe(&mut self, seen: &Observation);

    /// How many deliveries at once, now; at least 1.
    fn window(&self, load: Load) -> u32;

    /// A site that was dead is tried again, while `busy` deliveries are still under way from before.
    fn reopen(&mut self, _busy: u32) {}

    /// What was learnt is lost when no mail for a site is ready or under way; only Postfix does that.
    fn forgets_when_drained(&self) -> bool {
        false
    }
}

/// A controller of pace: when may the next delivery begin?
pub trait PaceController {
    /// The moment at which the next delivery may begin; not after `now` if it may begin now.
    fn ready_at(&self, now: Time) -> Time;

    /// A delivery begins at `now`, which was not before [`PaceController::ready_at`].
    fn began(&mut self, _now: Time) {}

    /// A delivery is over.
    fn observe(&mut self, _seen: &Observation) {}
}

/// What makes a breaker leave a site alone.
pub trait BreakerController {
    /// A delivery is over. For how long the site is left alone because of it, if it is.
    fn observe(&mut self, seen: &Observation) -> Option<Span>;

    /// A delivery is over, and the pace keeps the next from beginning at once. Whether that ends the time for which the
    /// site is left alone; only Postfix's does.
    fn is_ended_by_pace(&self) -> bool {
        false
    }
}

#[cfg(test)]
pub(in crate::sender) mod tests {
    use super::*;

    /// A delivery that got through, or was pushed back at the greeting, while so many were under way.
    pub(in crate::sender) fn seen(now: Time, busy: u32, window: u32, pushed_back: bool) -> Observation {
        let (stage, outcome) =
            if pushed_back { (Stage::Connect, Outcome::Deferred) } else { (Stage::EndOfData, Outcome::Delivered) };
        let load = Load { busy, ready: 0 };
        Observation { now, load, window, latency: Span::from_millis(10), stage, outcome, pushed_back }
    }

    /// Begins a delivery as soon as a pace allows, `n` times, from `start` on: when, in microseconds.
    pub(in crate::sender) fn starts(pace: &mut impl PaceController, start: Time, n: usize) -> Vec<u64> {
        let mut now = start;
        let mut begin = || {
            now = pace.ready_at(now);
            pace.began(now);
            now.as_micros()
        };
        (0..n).map(|_| begin()).collect()
    }
}
