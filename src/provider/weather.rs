//! Busy spells that come and go whatever the senders do, the same under every strategy of a seed.

use super::policy::BusySpells;
use crate::dist::Dist;
use crate::rng::{Seed, Stream};
use crate::time::Time;

/// Where a provider's weather stands.
#[derive(Clone, Debug)]
pub(super) struct BusyState {
    draws: Stream,
    busy: bool,
    /// When the present spell, or the present gap, ends. Nothing was drawn yet where it is the start.
    until: Time,
    begun: bool,
}

impl BusyState {
    /// Busy spells that have not been looked at.
    pub(super) fn new(seed: Seed) -> Self {
        Self { draws: seed.stream("weather", 0), busy: false, until: Time::ZERO, begun: false }
    }

    /// Whether a spell is on at `now`, which never goes back.
    pub(super) fn busy(&mut self, now: Time, weather: &BusySpells) -> bool {
        if !self.begun {
            self.begun = true;
            self.until = Time::ZERO + Dist::Exponential(weather.every).sample(&mut self.draws);
        }
        while self.until <= now {
            self.busy = !self.busy;
            let mean = if self.busy { weather.lasts } else { weather.every };
            self.until += Dist::Exponential(mean).sample(&mut self.draws).max(crate::time::Span::TICK);
        }
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use crate::units::Fraction;

    #[test]
    fn spells_take_the_share_of_time_they_should_and_do_not_depend_on_who_looks() {
        let weather = BusySpells { every: Span::from_secs(90), lasts: Span::from_secs(10), refuse: Fraction::ALL };
        let mut often = BusyState::new(Seed(3));
        let mut seldom = BusyState::new(Seed(3));
        let mut busy = 0_u32;
        for second in 0..200_000_u64 {
            let now = Time::ZERO + Span::from_secs(second);
            let is = often.busy(now, &weather);
            busy += u32::from(is);
            if second % 997 == 0 {
                assert_eq!(seldom.busy(now, &weather), is);
            }
        }
        assert!((f64::from(busy) / 200_000.0 - 0.1).abs() < 0.01, "{busy}");
    }
}
