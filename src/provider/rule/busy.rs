//! Busy spells that come and go whatever the senders do, the same under every strategy of a seed.

use super::bernoulli::Bernoulli;
use crate::dist::Dist;
use crate::rng::{Seed, Stream};
use crate::time::{Span, Time};
use crate::units::Fraction;

/// Busy spells that come and go by chance: exponential gaps and lengths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BusySpells {
    /// Mean time from the end of one spell to the start of the next.
    pub every: Span,
    /// Mean length of a spell.
    pub lasts: Span,
    /// Share of the attempts refused during a spell.
    pub refuse: Fraction,
}

/// Whether a spell is on, and what is refused in it.
#[derive(Clone, Debug)]
pub(in crate::provider) struct BusyState {
    draws: Stream,
    refusals: Bernoulli,
    busy: bool,
    /// When the present spell, or the present gap, ends; `None` before anything was drawn.
    until: Option<Time>,
}

impl BusyState {
    /// Spells that have not been looked at.
    pub(super) fn new(spells: Seed, refusals: Bernoulli) -> Self {
        Self { draws: spells.stream("weather", 0), refusals, busy: false, until: None }
    }

    /// Whether a command at `now` is let pass.
    pub(super) fn permits(&mut self, spells: &BusySpells, now: Time) -> bool {
        !self.is_busy(spells, now) || !self.refusals.draw(spells.refuse)
    }

    /// Whether a spell is on at `now`, which never goes back.
    fn is_busy(&mut self, spells: &BusySpells, now: Time) -> bool {
        let mut until = self.until.unwrap_or_else(|| Time::ZERO + self.lasts(spells.every));
        while until <= now {
            self.busy = !self.busy;
            let mean = if self.busy { spells.lasts } else { spells.every };
            until += self.lasts(mean).max(Span::TICK);
        }
        self.until = Some(until);
        self.busy
    }

    fn lasts(&mut self, mean: Span) -> Span {
        Dist::Exponential(mean).sample(&mut self.draws)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_spells_take_the_share_of_time_they_should_and_do_not_depend_on_who_looks() {
        let spells = BusySpells { every: Span::from_secs(90), lasts: Span::from_secs(10), refuse: Fraction::ALL };
        let state = || BusyState::new(Seed(3), Bernoulli::new(Seed(3), 0));
        let (mut often, mut seldom) = (state(), state());
        let mut busy = 0_u32;
        for second in 0..200_000_u64 {
            let now = Time::ZERO + Span::from_secs(second);
            let is = often.is_busy(&spells, now);
            busy += u32::from(is);
            if second % 997 == 0 {
                assert_eq!(seldom.is_busy(&spells, now), is);
            }
        }
        assert!((f64::from(busy) / 200_000.0 - 0.1).abs() < 0.01, "{busy}");
    }
}
