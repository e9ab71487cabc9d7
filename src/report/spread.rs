//! Where the spread over seeds comes from: limits unknown outside the providers, or chance.

use std::collections::BTreeMap;

use crate::metric::Metric;
use crate::record::{Record, Trial};
use crate::stats::Spread;

use super::comparisons::COMPARED;

/// The spread of a strategy's figure at the provider in that place, or at all together, divided between unknown limits
/// and chance. `None` if the run did not tell them apart, if nothing varies, or if the figure is not defined in every
/// trial: where a time did not come within the trial, its variance is not known either.
fn of(record: &Record, strategy: usize, provider: Option<usize>, metric: Metric) -> Option<Spread> {
    let name = &record.strategies[strategy].name;
    let own: Vec<&Trial> = record.trials_of(name).collect();
    let crossed: BTreeMap<u64, &Trial> =
        record.crossed.iter().filter(|trial| trial.strategy == *name).map(|trial| (trial.seed, trial)).collect();
    // A ring: each seed once with its own unknown limits, once with those of the next. A run cut short has none.
    let next = own.iter().cycle().skip(1);
    let whole = own.iter().zip(next).all(|(one, next)| crossed.get(&one.seed).is_some_and(|t| t.unknowns == next.seed));
    if !whole {
        return None;
    }
    let value = |trial: &Trial| trial.figure(metric, record, provider);
    let owns: Option<Vec<f64>> = own.iter().map(|trial| value(trial)).collect();
    let crosseds: Option<Vec<f64>> = own.iter().map(|trial| value(crossed.get(&trial.seed)?)).collect();
    Spread::of(&owns?, &crosseds?)
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
pub(super) fn text(spread: &Spread) -> String {
    let (low, high) = spread.interval;
    if high - low > TOO_WIDE {
        return format!("? ({:.0}-{:.0})", low * 100.0, high * 100.0);
    }
    format!("{:.0} % ({:.0}-{:.0})", spread.share * 100.0, low * 100.0, high * 100.0)
}

/// An interval of a share that is wider than this says next to nothing.
pub(super) const TOO_WIDE: f64 = 0.75;

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
