//! Which unknown matters: how much of the spread over seeds in a strategy's main figures each is behind.

use crate::metric::Metric;
use crate::record::{MovedTrial, Record, Trial, UnknownInfo};
use crate::stats::{Move, UnknownShare};

use super::spread::RingTrials;

/// The figures that are divided between the unknowns.
pub(super) const DIVIDED: [Metric; 5] =
    [Metric::DeliveredShare, Metric::BouncedByLimit, Metric::DeferralShare, Metric::TimeTo90, Metric::TimeTo99];

/// The share of an unknown in the spread of a figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnknownSource {
    /// The unknown, by its place in the record.
    pub(super) unknown: usize,
    /// Where the figure is measured: a provider's place; `None` is all together.
    pub(super) at: Option<usize>,
    pub(super) metric: Metric,
    pub(super) share: UnknownShare,
}

/// The strategy whose trials tell; `None` if the run did not look, or found that nothing unknown mattered.
pub(super) fn strategy(record: &Record) -> Option<&str> {
    let mut moved = record.unknowns.iter().flat_map(|unknown| &unknown.moved);
    moved.next().map(|moved| moved.trial.strategy.as_str())
}

/// The share of every unknown in every divided figure: at all providers together, and at its own.
pub(super) fn unknown_shares(record: &Record) -> Vec<UnknownSource> {
    let Some(ring) = strategy(record).and_then(|strategy| RingTrials::of(record, strategy)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for at in std::iter::once(None).chain((0..record.providers.len()).map(Some)) {
        for metric in DIVIDED {
            let shares = of(record, &ring, at, metric).unwrap_or_default();
            let source = |(unknown, share)| UnknownSource { unknown, at, metric, share };
            // Where it is measured elsewhere, an unknown is listed if it matters there all the same.
            let is_listed = |source: &UnknownSource| {
                at.is_none_or(|at| at == record.unknowns[source.unknown].provider) || source.share.share > 0.0
            };
            found.extend(shares.into_iter().enumerate().map(source).filter(is_listed));
        }
    }
    found
}

/// The share of every unknown in one figure, in the record's order; `None` if there is nothing to divide, or the figure
/// is not defined in every trial.
fn of(record: &Record, ring: &RingTrials<'_>, at: Option<usize>, metric: Metric) -> Option<Vec<UnknownShare>> {
    let [own, crossed] = ring.figures(at, metric)?;
    let value = |trial: &Trial| trial.figure(metric, record, at);
    let moves = |unknown: &UnknownInfo| -> Option<Vec<Move>> {
        let of_place = |(place, moved): (usize, &MovedTrial)| {
            let next = ring.own[(place + 1) % ring.own.len()].seed;
            let own_seed = ring.own.get(place)?.seed;
            let fits = (moved.trial.seed, moved.trial.unknowns) == (own_seed, next);
            let figure = value(&moved.trial)? - own.get(place)?;
            fits.then_some(Move { figure, draw: moved.to - moved.from })
        };
        unknown.moved.iter().enumerate().map(of_place).collect()
    };
    let moves: Option<Vec<Vec<Move>>> = record.unknowns.iter().map(moves).collect();
    UnknownShare::of(&own, &crossed, &moves?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_alone_is_unknown_is_behind_all_of_it() {
        let record = sample::large();
        let place = record.unknowns[0].provider;
        let found = unknown_shares(&record);
        let share = |unknown, at, metric| {
            let of = |source: &&UnknownSource| (source.unknown, source.at, source.metric) == (unknown, at, metric);
            found.iter().find(of).map(|source| source.share)
        };
        let deferred = share(0, Some(place), Metric::DeferralShare).unwrap();
        assert!(deferred.share > 0.5 && deferred.interval.0 > 0.3, "{deferred:?}");
        let none = share(1, Some(place), Metric::DeferralShare).unwrap();
        assert_eq!((none.share, none.interval), (0.0, (0.0, 0.0)), "its rule refused nothing");
        assert!(share(0, Some(0), Metric::DeferralShare).is_none(), "it changes nothing at another provider");
    }

    #[test]
    fn trials_in_another_order_tell_nothing() {
        let mut record = sample::large();
        record.unknowns[0].moved.swap(0, 1);
        assert!(unknown_shares(&record).is_empty());
        assert!(unknown_shares(&sample::small()).is_empty());
    }
}
