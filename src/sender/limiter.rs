//! A limiter: one window of concurrency, one pace and one breaker, for all queues that share it.

use super::strategy::{Strategy, breaker, concurrency, pacing};
use crate::time::{Span, Time};
use crate::units::QueueId;

/// What the queues of one scope share.
#[derive(Clone, Debug)]
pub(super) struct Limiter {
    pub(super) concurrency: concurrency::State,
    pub(super) pacing: pacing::State,
    breaker: breaker::State,
    /// Deliveries under way, from the wish to connect to the last reply.
    pub(super) busy: u32,
    /// Connections open or being opened, idle ones included.
    pub(super) open: u32,
    /// The queues, taken in turn.
    pub(super) queues: Vec<QueueId>,
    /// Whose turn it is.
    pub(super) turn: usize,
    /// When the limiter's timer will ring; `Time::NEVER` where it is not set.
    pub(super) rings_at: Time,
    /// Whether it stands in the line of limiters that may have something to do.
    pub(super) awake: bool,
    demand: Demand,
    /// When what was learnt is forgotten unless mail comes before; `Time::NEVER` while there is work.
    forgets_at: Time,
}

/// Whether connections are kept and used again while a site is busy; see
/// [`super::strategy::SessionSettings::on_demand`]. As in Postfix (`qmgr_entry.c`), which counts in whole seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Demand {
    /// Whether the connection of a delivery that begins now is kept after it.
    keeps: bool,
    /// Whether a kept connection is looked for; stays on once it was.
    looks: bool,
    /// When a delivery ended last.
    last: Option<Time>,
}

impl Limiter {
    pub(super) fn new(strategy: &Strategy) -> Self {
        Self {
            concurrency: concurrency::State::new(&strategy.concurrency),
            pacing: pacing::State::default(),
            breaker: breaker::State::default(),
            busy: 0,
            open: 0,
            queues: Vec::new(),
            turn: 0,
            rings_at: Time::NEVER,
            awake: false,
            demand: Demand::default(),
            forgets_at: Time::NEVER,
        }
    }

    /// Whether one more delivery may begin, on a connection that is open already or on a new one.
    pub(super) fn has_room(&self, counts_idle: bool, on_open: bool) -> bool {
        let window = self.concurrency.window();
        match (counts_idle, on_open) {
            (true, true) | (false, _) => self.busy < window,
            (true, false) => self.open < window,
        }
    }

    /// Whether all it may do is under way, and none of its connections is idle.
    pub(super) fn is_full(&self) -> bool {
        self.busy == self.open && self.busy >= self.concurrency.window()
    }

    /// When breaker and pace next allow a delivery to begin; not after `now` if they do now.
    pub(super) fn ready_at(&self, now: Time, strategy: &Strategy) -> Time {
        self.breaker.open_at().max(self.pacing.ready_at(now, &strategy.pacing))
    }

    /// How many deliveries at once, now; none at a dead site.
    pub(super) fn window(&self, now: Time, strategy: &Strategy) -> u32 {
        if self.is_dead(now, strategy) { 0 } else { self.concurrency.window() }
    }

    /// Until when mail for the site is deferred without being tried; long past where it is not.
    pub(super) fn dead_until(&self, strategy: &Strategy) -> Time {
        if strategy.breaker.defers() { self.breaker.open_at() } else { Time::ZERO }
    }

    /// Whether mail for the site is deferred without being tried.
    pub(super) fn is_dead(&self, now: Time, strategy: &Strategy) -> bool {
        strategy.breaker.defers() && self.breaker.is_open(now)
    }

    /// A delivery begins; it is counted in `busy` already. Whether its connection is kept for another.
    pub(super) fn began(&mut self, now: Time, strategy: &Strategy) -> bool {
        self.pacing.began(now, &strategy.pacing);
        self.forgets_at = Time::NEVER;
        !strategy.session.on_demand || self.demand.begins(now, self.busy)
    }

    /// Whether a delivery that begins now looks for a connection that was kept.
    pub(super) fn looks_for_idle(&self, now: Time, strategy: &Strategy) -> bool {
        !strategy.session.on_demand || self.demand.looks || self.demand.follows(now)
    }

    /// A delivery is over, still counted in `busy`. When the site was found dead by it: until when.
    pub(super) fn learns(&mut self, now: Time, pushed_back: bool, strategy: &Strategy) -> Option<Time> {
        let dead = self.is_dead(now, strategy);
        if !pushed_back && dead {
            self.revive(strategy);
        } else if !pushed_back {
            self.concurrency.succeeded(self.busy, &strategy.concurrency);
            self.breaker.succeeded();
        } else if !dead {
            self.breaker.failed(now, self.concurrency.window(), &strategy.breaker);
            if self.is_dead(now, strategy) {
                return Some(self.breaker.open_at());
            }
            self.concurrency.failed(&strategy.concurrency);
        }
        None
    }

    /// A delivery is over, and no longer counted in `busy`.
    pub(super) fn ended(&mut self, now: Time, drained: bool, strategy: &Strategy) {
        self.demand.last = Some(now);
        self.pacing.ended(now, &strategy.pacing);
        // With a rate delay the site rests between deliveries, dead or not.
        if self.pacing.ready_at(now, &strategy.pacing) > now && self.is_dead(now, strategy) {
            self.revive(strategy);
        }
        if drained && strategy.concurrency.forgets() {
            self.forgets_at = self.ready_at(now, strategy);
            self.forget(now, strategy);
        }
    }

    /// Time has passed: a dead site may be tried again, and what nobody needed is forgotten.
    pub(super) fn refresh(&mut self, now: Time, strategy: &Strategy) {
        let was_dead = strategy.breaker.defers() && self.breaker.open_at() > Time::ZERO;
        if was_dead && !self.breaker.is_open(now) {
            self.revive(strategy);
        }
        self.forget(now, strategy);
    }

    fn revive(&mut self, strategy: &Strategy) {
        self.breaker.close();
        self.concurrency.reopen(self.busy, &strategy.concurrency);
    }

    fn forget(&mut self, now: Time, strategy: &Strategy) {
        if self.forgets_at <= now {
            self.forgets_at = Time::NEVER;
            self.breaker.close();
            self.concurrency = concurrency::State::new(&strategy.concurrency);
            self.demand = Demand::default();
        }
    }
}

impl Demand {
    /// A delivery begins, `busy` of them with it. Whether its connection is kept.
    fn begins(&mut self, now: Time, busy: u32) -> bool {
        let follows = self.follows(now);
        self.looks |= follows;
        self.keeps = if self.keeps { busy > 1 || follows } else { follows };
        self.keeps
    }

    /// Whether a delivery that begins now follows upon another.
    fn follows(&self, now: Time) -> bool {
        let seconds = |at: Time| at.since(Time::ZERO).as_micros() / Span::from_secs(1).as_micros();
        self.last.is_some_and(|last| seconds(last) + 1 >= seconds(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::preset;

    /// The window after each of many failures in a row, from a window of `from`; 0 is a dead site.
    fn falls(preset: &str, from: u32, negative: &str) -> Vec<u32> {
        let mut strategy = preset::strategy(preset).unwrap().unwrap();
        if let concurrency::Concurrency::Feedback(feedback) = &mut strategy.concurrency {
            (feedback.initial, feedback.limit) = (from, None);
            feedback.negative = negative.parse().unwrap();
        }
        let mut limiter = Limiter::new(&strategy);
        limiter.busy = from;
        let mut windows = Vec::new();
        while windows.last() != Some(&0) {
            limiter.learns(Time::ZERO, true, &strategy);
            windows.push(limiter.window(Time::ZERO, &strategy));
        }
        windows
    }

    /// The sequences worked out from Postfix's source and from its README.
    #[test]
    fn a_site_is_dead_after_a_cohort_of_failures() {
        assert_eq!(falls("postfix", 5, "1"), [3, 2, 0]);
        assert_eq!(falls("postfix-readme", 5, "1"), [4, 3, 2, 0]);
        assert_eq!(falls("postfix", 10, "1").len(), 7);
        assert_eq!(falls("postfix-readme", 10, "1").len(), 7);
        assert_eq!(falls("postfix", 20, "1"), [18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 0]);
        assert_eq!(falls("postfix-readme", 20, "1").len(), 13);
        assert_eq!([falls("postfix", 2, "1").len(), falls("postfix", 1, "1").len()], [2, 1]);
        assert_eq!([falls("postfix-readme", 2, "1").len(), falls("postfix-readme", 1, "1").len()], [2, 2]);
        assert_eq!(falls("postfix", 5, "1/concurrency"), [4, 4, 4, 3, 0]);
        assert_eq!(falls("postfix-readme", 5, "1/concurrency").len(), 5);
    }

    #[test]
    fn a_success_opens_a_dead_site_as_wide_as_what_is_under_way() {
        let strategy = preset::strategy("postfix").unwrap().unwrap();
        let mut limiter = Limiter::new(&strategy);
        limiter.busy = 3;
        for _ in 0..3 {
            limiter.learns(Time::ZERO, true, &strategy);
        }
        assert!(limiter.is_dead(Time::ZERO, &strategy));
        limiter.learns(Time::ZERO, false, &strategy);
        assert_eq!(limiter.window(Time::ZERO, &strategy), 3);
    }

    #[test]
    fn connections_are_kept_while_deliveries_follow_upon_each_other() {
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut demand = Demand::default();
        assert!(!demand.begins(at(0), 5), "nobody has answered yet");
        demand.last = Some(at(1));
        assert!(demand.begins(at(2), 1));
        assert!(demand.begins(at(9), 2), "not alone");
        assert!(!demand.begins(at(9), 1), "alone, and late");
        assert!(demand.looks, "what is kept is still looked for");
    }
}
