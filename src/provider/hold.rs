//! Holds: a client that keeps on breaking a rule is shut out for a while, longer each time, until it is forgotten.

use super::policy::{Hold, RuleAction};
use crate::time::{Span, Time};

/// What a rule remembers of one client's violations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HoldRecord {
    violations: u32,
    first_violation: Time,
    /// Steps of the ladder taken so far.
    steps: u8,
    until: Time,
}

impl HoldRecord {
    /// What a held client is told; `None` if it is not held at `now`.
    pub(super) fn action(&self, now: Time, hold: &Hold) -> Option<RuleAction> {
        (now < self.until).then(|| hold.ladder[self.step(hold)].action)
    }

    /// When the present hold ends; not after `now` if there is none.
    pub(super) fn until(&self) -> Time {
        self.until
    }

    /// The client broke the rule at `now`. If that begins a hold, its length. What a held client does meanwhile is not
    /// counted: the next step of the ladder is for a client that goes on after the hold.
    pub(super) fn violate(&mut self, now: Time, hold: &Hold) -> Option<Span> {
        if now < self.until {
            return None;
        }
        if self.violations == 0 || now.since(self.first_violation) > hold.within {
            self.violations = 0;
            self.first_violation = now;
        }
        self.violations += 1;
        if self.violations < hold.after {
            return None;
        }
        if self.steps > 0 && now.since(self.until) >= hold.forget {
            self.steps = 0;
        }
        self.steps = self.steps.saturating_add(1);
        self.violations = 0;
        let span = hold.ladder[self.step(hold)].span;
        self.until = now + span;
        Some(span)
    }

    /// Whether this record could be forgotten without anyone noticing.
    pub(super) fn is_blank(&self, now: Time, hold: &Hold) -> bool {
        now.since(self.until) >= hold.forget && (self.violations == 0 || now.since(self.first_violation) > hold.within)
    }

    fn step(&self, hold: &Hold) -> usize {
        usize::from(self.steps.saturating_sub(1)).min(hold.ladder.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::HoldStep;
    use super::*;
    use crate::smtp::Stage;

    #[test]
    fn what_a_held_client_does_is_not_counted() {
        let step = |secs| HoldStep { span: Span::from_secs(secs), action: RuleAction::Drop };
        let ladder = vec![step(300), step(3_600)];
        let hold = Hold { ladder, after: 1, within: Span::DAY, forget: Span::DAY, at: Stage::Mail };
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut record = HoldRecord::default();
        assert_eq!(record.violate(at(0), &hold), Some(Span::from_secs(300)));
        assert_eq!((record.violate(at(100), &hold), record.until()), (None, at(300)));
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
        let later = 8_600 + 86_400;
        assert!(record.is_blank(at(later), &hold));
        record.violate(at(later), &hold);
        assert_eq!(record.violate(at(later), &hold), Some(Span::from_secs(300)));
    }
}
