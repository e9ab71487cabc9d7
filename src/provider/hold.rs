//! Holds: a client that keeps on breaking a rule is shut out for a while, longer each time, until it is forgotten.

use std::ops::RangeInclusive;

use super::keyed_store::KeyedStore;
use super::verdict::RuleAction;
use crate::smtp::Stage;
use crate::time::{Span, Time};

/// Time-outs for a client that keeps on breaking a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// How long the client is held the first time, the second, …; the last step repeats. At least one. What the client
    /// does while it is held is not counted as a violation, unless the hold is renewed by it.
    pub ladder: Vec<HoldStep>,
    /// So many violations …
    pub after: u32,
    /// … within this time begin a hold.
    pub within: Span,
    /// So much time without a hold takes one step back.
    pub forget: Span,
    /// The stage at which a held client is refused.
    pub at: Stage,
    /// Whether a client that goes on while it is held begins the step again, and the next once it has lasted its time:
    /// with a limit on refusals, by as many as broke it; with any other rule, by every one.
    pub renewed: bool,
}

/// One step of the ladder of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldStep {
    /// How long a client is held by this step.
    pub span: Span,
    /// What the held client is told.
    pub action: RuleAction,
}

/// The holds of one rule: of every key under which it was broken.
#[derive(Clone, Debug)]
pub(super) struct Holds {
    records: KeyedStore<HoldRecord>,
    /// Holds that have begun.
    begun: u64,
    /// The lengths of all of them, minus what was released.
    total: Span,
}

impl Holds {
    /// Holds of a rule that has not been broken yet.
    pub(super) const fn new() -> Self {
        Self { records: KeyedStore::new(), begun: 0, total: Span::ZERO }
    }

    /// Whether the rule was never broken, so that it holds no client.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What a key that is held at `now` is told; `None` if it is not held.
    pub(super) fn action(&self, key: u64, now: Time, hold: &Hold) -> Option<RuleAction> {
        self.records.get(key)?.action(now, hold)
    }

    /// The rule is broken under a key.
    pub(super) fn violate(&mut self, key: u64, now: Time, hold: &Hold) {
        let record = self.records.entry(key, |record| record.is_blank(now, hold));
        if let Some(span) = record.violate(now, hold) {
            self.begun += 1;
            self.total += span;
        }
    }

    /// When the last hold among these keys ends; `None` if none of them is held at `now`.
    pub(super) fn held_until(&self, keys: RangeInclusive<u64>, now: Time) -> Option<Time> {
        self.records.range(keys).map(|record| record.until).filter(|until| *until > now).max()
    }

    /// The first moment from `at` on at which a key is not refused because it is held. A tarpit refuses nothing.
    pub(super) fn free_from(&self, key: u64, at: Time, hold: &Hold) -> Time {
        match self.records.get(key).and_then(|record| Some((record.action(at, hold)?, record.until))) {
            Some((RuleAction::Reply { .. } | RuleAction::Drop, until)) => until,
            Some((RuleAction::Tarpit(_), _)) | None => at,
        }
    }

    /// Ends the holds of these keys and forgets what led to them: the next violation is the first. How many ended.
    pub(super) fn release(&mut self, keys: RangeInclusive<u64>, now: Time) -> usize {
        let mut released = 0;
        for record in self.records.range_mut(keys) {
            let unserved = record.until.since(now);
            released += usize::from(!unserved.is_zero());
            self.total = self.total - unserved;
            *record = HoldRecord::default();
        }
        released
    }

    /// Holds that have begun.
    pub(super) const fn begun(&self) -> u64 {
        self.begun
    }

    /// The time that clients spent under holds until `now`.
    pub(super) fn served(&self, now: Time) -> Span {
        let unserved = self.records.values().fold(Span::ZERO, |sum, record| sum + record.until.since(now));
        self.total - unserved
    }
}

/// What is remembered of the violations under one key.
#[derive(Clone, Copy, Debug, Default)]
struct HoldRecord {
    /// Violations since the first one that still counts towards a hold.
    violations: u32,
    first_violation: Time,
    /// Steps of the ladder taken so far.
    steps: u8,
    /// When the step began on which the client is held.
    since: Time,
    /// When the last hold ends.
    until: Time,
}

impl HoldRecord {
    /// What a held client is told; `None` if it is not held at `now`.
    fn action(&self, now: Time, hold: &Hold) -> Option<RuleAction> {
        (now < self.until).then(|| hold.ladder[self.step(hold)].action)
    }

    /// The client broke the rule at `now`. If that begins a hold, its length. What a held client does meanwhile is not
    /// counted: the next step of the ladder is for a client that goes on after the hold.
    fn violate(&mut self, now: Time, hold: &Hold) -> Option<Span> {
        if now < self.until {
            return hold.renewed.then(|| self.renew(now, hold));
        }
        if self.violations == 0 || now.since(self.first_violation) > hold.within {
            self.violations = 0;
            self.first_violation = now;
        }
        self.violations += 1;
        if self.violations < hold.after {
            return None;
        }
        self.steps = self.steps_left(now, hold);
        self.climb(hold);
        self.violations = 0;
        let span = hold.ladder[self.step(hold)].span;
        (self.since, self.until) = (now, now + span);
        Some(span)
    }

    /// The client goes on: the step that holds it begins again, or the next, if this one has lasted its time. By how
    /// much later the hold ends.
    fn renew(&mut self, now: Time, hold: &Hold) -> Span {
        if now.since(self.since) >= hold.ladder[self.step(hold)].span {
            self.climb(hold);
            self.since = now;
        }
        let until = now + hold.ladder[self.step(hold)].span;
        let later = until.since(self.until);
        self.until = self.until.max(until);
        later
    }

    /// Up one step, if there is one more.
    fn climb(&mut self, hold: &Hold) {
        let top = u8::try_from(hold.ladder.len()).unwrap_or(u8::MAX);
        self.steps = self.steps.saturating_add(1).min(top);
    }

    /// The steps that are not forgotten yet.
    fn steps_left(&self, now: Time, hold: &Hold) -> u8 {
        let forgotten = now.since(self.until).as_micros() / hold.forget.as_micros().max(1);
        self.steps.saturating_sub(u8::try_from(forgotten).unwrap_or(u8::MAX))
    }

    /// Whether this record could be forgotten and no later answer would differ.
    fn is_blank(&self, now: Time, hold: &Hold) -> bool {
        self.steps_left(now, hold) == 0 && (self.violations == 0 || now.since(self.first_violation) > hold.within)
    }

    fn step(&self, hold: &Hold) -> usize {
        usize::from(self.steps.saturating_sub(1)).min(hold.ladder.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Stage;

    #[test]
    fn what_a_held_client_does_is_not_counted() {
        let step = |secs| HoldStep { span: Span::from_secs(secs), action: RuleAction::Drop };
        let ladder = vec![step(300), step(3_600)];
        let hold = Hold { ladder, after: 1, within: Span::DAY, forget: Span::DAY, at: Stage::Mail, renewed: false };
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut record = HoldRecord::default();
        assert_eq!(record.violate(at(0), &hold), Some(Span::from_secs(300)));
        assert_eq!((record.violate(at(100), &hold), record.until), (None, at(300)));
        assert_eq!(record.violate(at(300), &hold), Some(Span::from_secs(3_600)), "the second step, once it is free");
    }

    #[test]
    fn the_ladder_is_climbed_repeated_and_forgotten() {
        let step = |secs| HoldStep { span: Span::from_secs(secs), action: RuleAction::Drop };
        let hold = Hold {
            ladder: vec![step(300), step(3_600)],
            after: 2,
            within: Span::from_secs(60),
            forget: Span::DAY,
            at: Stage::Connect,
            renewed: false,
        };
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut record = HoldRecord::default();
        assert_eq!(record.violate(at(0), &hold), None);
        assert_eq!(record.violate(at(100), &hold), None, "the first is too long ago");
        assert_eq!(record.violate(at(101), &hold), Some(Span::from_secs(300)));
        assert!(record.action(at(400), &hold).is_some() && record.action(at(401), &hold).is_none());
        for (start, span) in [(500, 3_600), (5_000, 3_600)] {
            record.violate(at(start), &hold);
            assert_eq!(record.violate(at(start), &hold), Some(Span::from_secs(span)));
        }
        let later = 8_600 + 2 * 86_400;
        assert!(!record.is_blank(at(later - 86_400), &hold), "one of two steps is forgotten");
        assert!(record.is_blank(at(later), &hold));
        record.violate(at(later), &hold);
        assert_eq!(record.violate(at(later), &hold), Some(Span::from_secs(300)));
    }

    #[test]
    fn who_goes_on_at_a_hold_that_is_renewed_stays_out_and_climbs() {
        let step = |secs| HoldStep { span: Span::from_secs(secs), action: RuleAction::Drop };
        let ladder = vec![step(300), step(3_600)];
        let hold = Hold { ladder, after: 1, within: Span::DAY, forget: Span::DAY, at: Stage::Mail, renewed: true };
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut record = HoldRecord::default();
        record.violate(at(0), &hold);
        assert_eq!((record.violate(at(200), &hold), record.until), (Some(Span::from_secs(200)), at(500)));
        record.violate(at(400), &hold);
        assert_eq!(record.until, at(4_000), "the first step has lasted its five minutes");
        record.violate(at(3_900), &hold);
        assert_eq!(record.until, at(7_500));
    }

    #[test]
    fn quiet_takes_the_ladder_back_step_by_step() {
        let step = |secs| HoldStep { span: Span::from_secs(secs), action: RuleAction::Drop };
        let ladder = vec![step(60), step(600), step(6_000)];
        let hold = Hold { ladder, after: 1, within: Span::DAY, forget: Span::HOUR, at: Stage::Mail, renewed: false };
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut record = HoldRecord::default();
        let mut span_of = |now| record.violate(at(now), &hold).map(Span::as_secs_f64);
        assert_eq!([span_of(0), span_of(100), span_of(1_000)], [Some(60.0), Some(600.0), Some(6_000.0)]);
        assert_eq!(span_of(7_000 + 3_600), Some(6_000.0), "one step back, and up again");
        assert_eq!(span_of(16_600 + 2 * 3_600), Some(600.0), "two steps back, and up again");
    }
}
