//! A line of limiters that wait for something another has, a connection or a slot of the process: for each that is
//! given back one of them goes in, first come, first served. Who comes later waits behind the line.

use std::collections::VecDeque;

use crate::units::LimiterId;

/// Who waits, the longest first.
#[derive(Debug)]
pub(super) struct WaitingLine {
    line: VecDeque<LimiterId>,
    stands_in_line: Vec<bool>,
}

impl WaitingLine {
    pub(super) fn new(limiters: usize) -> Self {
        Self { line: VecDeque::new(), stands_in_line: vec![false; limiters] }
    }

    /// The limiter waits, at the end of the line; where it stands there already, at its place.
    pub(super) fn join(&mut self, limiter: LimiterId) {
        if !std::mem::replace(&mut self.stands_in_line[limiter.index()], true) {
            self.line.push_back(limiter);
        }
    }

    /// The limiter that has waited longest.
    pub(super) fn first(&self) -> Option<LimiterId> {
        self.line.front().copied()
    }

    /// The limiter that has waited longest waits no more.
    pub(super) fn leave(&mut self) -> Option<LimiterId> {
        let first = self.line.pop_front()?;
        self.stands_in_line[first.index()] = false;
        Some(first)
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
        for limiter in [2, 0, 2, 1, 0] {
            line.join(LimiterId(limiter));
        }
        assert_eq!(line.first(), Some(LimiterId(2)));
        assert_eq!(line.leave(), Some(LimiterId(2)));
        line.join(LimiterId(2));
        let rest: Vec<u32> = std::iter::from_fn(|| line.leave()).map(|limiter| limiter.0).collect();
        assert_eq!(rest, [0, 1, 2]);
        assert!(line.is_empty());
    }
}
