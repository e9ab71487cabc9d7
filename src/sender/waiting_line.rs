//! A line of limiters that wait for something another has, a connection or a slot of the process: for each that is
//! given back one of them goes in, first come, first served. Who comes later waits behind the line.

use std::collections::VecDeque;

use crate::time::{Span, Time};
use crate::units::LimiterId;

/// Who waits, the longest first.
#[derive(Debug)]
pub(super) struct WaitingLine {
    line: VecDeque<LimiterId>,
    stands_in_line: Vec<bool>,
    /// Since when there is a line; `None` while there is none.
    since: Option<Time>,
    /// How long there was one, until it was last gone.
    stood: Span,
}

impl WaitingLine {
    pub(super) fn new(limiters: usize) -> Self {
        Self { line: VecDeque::new(), stands_in_line: vec![false; limiters], since: None, stood: Span::ZERO }
    }

    /// The limiter waits, at the end of the line; where it stands there already, at its place.
    pub(super) fn join(&mut self, now: Time, limiter: LimiterId) {
        self.since.get_or_insert(now);
        if !std::mem::replace(&mut self.stands_in_line[limiter.index()], true) {
            self.line.push_back(limiter);
        }
    }

    /// The limiter that has waited longest.
    pub(super) fn first(&self) -> Option<LimiterId> {
        self.line.front().copied()
    }

    /// The limiter that has waited longest waits no more.
    pub(super) fn leave(&mut self, now: Time) -> Option<LimiterId> {
        let first = self.line.pop_front()?;
        self.stands_in_line[first.index()] = false;
        if let Some(since) = self.since.take_if(|_| self.line.is_empty()) {
            self.stood += now.since(since);
        }
        Some(first)
    }

    /// How long there was a line until now.
    pub(super) fn stood(&self, now: Time) -> Span {
        self.stood + self.since.map_or(Span::ZERO, |since| now.since(since))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limiter_stands_in_line_once_and_leaves_in_its_turn() {
        let mut line = WaitingLine::new(3);
        let now = Time::ZERO;
        for limiter in [2, 0, 2, 1, 0] {
            line.join(now, LimiterId(limiter));
        }
        assert_eq!(line.first(), Some(LimiterId(2)));
        assert_eq!(line.leave(now), Some(LimiterId(2)));
        line.join(now, LimiterId(2));
        let rest: Vec<u32> = std::iter::from_fn(|| line.leave(now)).map(|limiter| limiter.0).collect();
        assert_eq!(rest, [0, 1, 2]);
        assert!(line.is_empty());
    }

    #[test]
    fn the_line_stood_while_anybody_was_in_it() {
        let mut line = WaitingLine::new(2);
        let at = Time::from_micros;
        line.join(at(10), LimiterId(0));
        line.join(at(12), LimiterId(1));
        line.leave(at(15));
        assert_eq!(line.stood(at(17)), Span::from_micros(7));
        line.leave(at(20));
        assert_eq!(line.stood(at(100)), Span::from_micros(10));
        line.join(at(100), LimiterId(1));
        assert_eq!(line.stood(at(101)), Span::from_micros(11));
    }
}
