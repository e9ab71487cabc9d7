//! Where the spread over seeds comes from: limits unknown outside the providers, or chance.

use std::collections::BTreeMap;

use crate::metric::Metric;
use crate::record::{Record, Trial};
use crate::stats::Spread;

use super::comparisons::COMPARED;

/// The trials of a strategy in a ring: each seed once with its own unknown limits, once with those of the next.
pub(super) struct RingTrials<'r> {
    record: &'r Record,
    pub(super) own: Vec<&'r Trial>,
    crossed: Vec<&'r Trial>,
}

impl<'r> RingTrials<'r> {
    /// `None` if the run did not tell unknown limits from chance, or was cut short.
    pub(super) fn of(record: &'r Record, strategy: &str) -> Option<Self> {
        let own: Vec<&Trial> = record.trials_of(strategy).collect();
        let crossed: BTreeMap<u64, &Trial> =
            record.crossed.iter().filter(|trial| trial.strategy == strategy).map(|trial| (trial.seed, trial)).collect();
        let next = own.iter().cycle().skip(1);
        let crossed = |(own, next): (&&Trial, &&Trial)| {
            crossed.get(&own.seed).copied().filter(|trial| trial.unknowns == next.seed)
        };
        let crossed: Option<Vec<&Trial>> = own.iter().zip(next).map(crossed).collect();
        Some(Self { record, crossed: crossed?, own })
    }

    /// A figure of all of them, at the provider in that place, or at all together. `None` if it is not defined in every
    /// trial: where a time did not come within the trial, its variance is not known either.
    pub(super) fn figures(&self, provider: Option<usize>, metric: Metric) -> Option<[Vec<f64>; 2]> {
        let all = |trials: &[&Trial]| trials.iter().map(|trial| trial.figure(metric, self.record, provider)).collect();
        let (own, crossed): (Option<Vec<f64>>, Option<Vec<f64>>) = (all(&self.own), all(&self.crossed));
        Some([own?, crossed?])
    }
}

/// The spread of a strategy's figure at the provider in that place, or at all together, divided between unknown limits
/// and chance. `None` if the run did not tell them apart, if nothing varies, or if the figure is not defined in every
/// trial.
fn of(record: &Record, strategy: usize, provider: Option<usize>, metric: Metric) -> Option<Spread> {
    let [own, crossed] = RingTrials::of(record, &record.strategies[strategy].name)?.figures(provider, metric)?;
    Spread::of(&own, &crossed)
}

/// The spread of a figure with something to divide.
#[derive(Clone, Debug)]
pub(super) struct SpreadSource {
    /// The strategy, by its place in the record.
    pub(super) strategy: usize,
    /// The provider's place; `None` is all together.
    pub(super) provider: Option<usize>,
    pub(super) metric: Metric,
    pub(super) spread: Spread,
}

/// Every compared figure of the ranked strategies with something to divide, at all providers together and at each.
pub(super) fn spreads(record: &Record, ranked: &[usize]) -> Vec<SpreadSource> {
    let mut found = Vec::new();
    for provider in std::iter::once(None).chain((0..record.providers.len()).map(Some)) {
        for &strategy in ranked {
            let divided = |metric| Some((metric, of(record, strategy, provider, metric)?));
            let divided = COMPARED.into_iter().filter_map(divided);
            found.extend(divided.map(|(metric, spread)| SpreadSource { strategy, provider, metric, spread }));
        }
    }
    found
}

/// The share of a spread that unknown limits are behind, with its interval: `83 % (62-95)`; `? (2-98)` where the
/// interval says next to nothing.
pub(super) fn text(share: f64, interval: (f64, f64)) -> String {
    let (low, high) = (interval.0 * 100.0, interval.1 * 100.0);
    if says_nothing(interval) {
        return format!("? ({low:.0}-{high:.0})");
    }
    format!("{:.0} % ({low:.0}-{high:.0})", share * 100.0)
}

/// Whether an interval of a share is so wide that it says next to nothing.
pub(super) fn says_nothing((low, high): (f64, f64)) -> bool {
    high - low > TOO_WIDE
}

const TOO_WIDE: f64 = 0.75;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// The sample's provider is as harsh as the seed of the unknowns says; noise moves the times.
    #[test]
    fn harshness_is_unknown_and_times_are_chance() {
        let record = sample::large();
        let deferred = of(&record, 0, Some(1), Metric::DeferralShare).unwrap();
        assert!(deferred.interval.0 > 0.5, "{deferred:?}");
        let time = of(&record, 0, Some(1), Metric::TimeTo50).unwrap();
        assert!(time.interval.1 < 0.5, "{time:?}");
    }

    #[test]
    fn a_broken_ring_tells_nothing() {
        assert!(of(&sample::small(), 0, None, Metric::DeferralShare).is_none(), "it has no crossed trials");
        let mut cut = sample::large();
        cut.crossed.pop();
        let last = cut.strategies.len() - 2;
        assert!(of(&cut, last, None, Metric::DeferralShare).is_none());
        assert!(of(&cut, 0, None, Metric::DeferralShare).is_some());
        assert!(of(&cut, 0, Some(0), Metric::TimeTo99).is_none(), "under one seed it was never reached");
    }
}
