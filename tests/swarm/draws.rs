//! Choices that follow from a seed, one after the other.

use mxlab::rng::Seed;

/// Draws of one scenario.
pub(crate) struct Draws {
    seed: Seed,
    drawn: u64,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed: Seed(seed).named("swarm"), drawn: 0 }
    }

    /// Below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.drawn += 1;
        self.seed.draw(self.drawn, 0) % n
    }

    /// From `low` to `high`, both included.
    pub(crate) fn from(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Whether something happens that happens in so many of a hundred scenarios.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(crate) fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        let last = of.len() as u64;
        of[usize::try_from(self.below(last)).unwrap()]
    }
}
