//! Busy spells that come and go whatever the senders do, the same under every strategy of a seed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::bernoulli::{Bernoulli, all, share_in_words};
use super::check_kind::CheckKind;
use super::population::Population;
use crate::dist::Dist;
use crate::rng::{Seed, Stream};
use crate::spanned::{Checker, Spanned};
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

/// Busy spells that come and go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BusySpec {
    /// Mean time from the end of one spell to the start of the next.
    pub every: Spanned<Span>,
    /// Mean length of a spell.
    pub lasts: Spanned<Span>,
    /// Share of the attempts refused during a spell; all unless said otherwise.
    #[serde(default = "all")]
    pub refuse: Fraction,
}

impl BusySpells {
    /// What a profile's busy spells mean.
    pub(super) fn build(spec: &BusySpec, check: &mut Checker<'_>) -> Self {
        let (every, lasts) = (check.some_time(&spec.every), check.some_time(&spec.lasts));
        Self { every, lasts, refuse: spec.refuse }
    }
}

impl CheckKind for BusySpells {
    fn words(&self) -> String {
        let Self { every, lasts, refuse } = self;
        let share = share_in_words(*refuse);
        format!("{share} of what comes in a busy spell, one about every {every}, about {lasts} long")
    }

    fn reason(&self) -> Option<&'static str> {
        Some("busy spells")
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
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
    #[inline(never)]
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
