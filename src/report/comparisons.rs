//! Strategies against each other, under the same seeds: how much more or less, and whether the seeds show it.

use std::collections::BTreeMap;

use crate::harmless;
use crate::metric::Metric;
use crate::record::{Record, Trial};
use crate::stats::{Estimate, Moment, Paired, Sign};

use super::summary::moment;
use super::words::{difference, signed_difference};

/// The figures that strategies are compared by.
pub(super) const COMPARED: [Metric; 8] = [
    Metric::DeliveredShare,
    Metric::DeferralShare,
    Metric::TimeTo50,
    Metric::TimeTo90,
    Metric::TimeTo99,
    Metric::AttemptsPerDelivery,
    Metric::Bounced,
    Metric::HeldBack,
];

/// A strategy against another, at a provider or at all together, by one figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    /// The strategy's place in the record.
    pub(super) strategy: usize,
    /// The place of the one it is compared with, which ranks above it.
    pub(super) than: usize,
    /// The provider's place; `None` is all together.
    pub(super) provider: Option<usize>,
    pub(super) metric: Metric,
    pub(super) outcome: ComparisonResult,
}

/// What comes out of a comparison.
#[derive(Clone, Copy, Debug)]
pub(super) enum ComparisonResult {
    /// The strategy's figure less the other's.
    Difference(Paired),
    /// Which of the two gets there first, where a time did not come within every trial.
    Order(Sign),
}

/// Every ranked strategy against every one that ranks above it, at all providers together and at each.
pub(super) fn comparisons(record: &Record, ranked: &[usize]) -> Vec<Comparison> {
    let pairs: Vec<(usize, usize)> = (1..ranked.len()).flat_map(|low| (0..low).map(move |high| (high, low))).collect();
    let mut found = Vec::new();
    for provider in std::iter::once(None).chain((0..record.providers.len()).map(Some)) {
        for &(high, low) in &pairs {
            let compared =
                COMPARED.iter().filter_map(|metric| of(record, ranked[low], ranked[high], provider, *metric));
            found.extend(compared);
        }
    }
    found
}

/// A strategy against another by one figure; `None` if there is no seed under which both have it.
fn of(record: &Record, strategy: usize, than: usize, provider: Option<usize>, metric: Metric) -> Option<Comparison> {
    let pairs = pairs(record, strategy, than);
    let moments: Vec<(Moment, Moment)> = pairs
        .iter()
        .filter_map(|(than, own)| {
            Some((moment(metric, than, record, provider)?, moment(metric, own, record, provider)?))
        })
        .collect();
    let outcome = if moments.iter().any(|(than, own)| [*than, *own].contains(&Moment::Beyond)) {
        ComparisonResult::Order(Sign::of(&moments))
    } else {
        let value = |trial: &Trial| trial.figure(metric, record, provider);
        let values: Vec<(f64, f64)> =
            pairs.iter().filter_map(|(than, own)| Some((value(than)?, value(own)?))).collect();
        ComparisonResult::Difference(Paired::of(&values)?)
    };
    Some(Comparison { strategy, than, provider, metric, outcome })
}

/// The trials of both under the same seeds: of the other, and of the strategy.
fn pairs(record: &Record, strategy: usize, than: usize) -> Vec<(&Trial, &Trial)> {
    let trials = |place: usize| record.trials_of(&record.strategies[place].name);
    let own: BTreeMap<u64, &Trial> = trials(strategy).map(|trial| (trial.seed, trial)).collect();
    trials(than).filter_map(|trial| Some((trial, *own.get(&trial.seed)?))).collect()
}

impl Comparison {
    /// Whether the seeds show a difference: the interval leaves out "none".
    pub(super) fn is_shown(&self) -> bool {
        match self.outcome {
            ComparisonResult::Difference(paired) => paired.is_shown(),
            ComparisonResult::Order(sign) => sign.is_shown(),
        }
    }

    /// Whether both have the same under every seed.
    pub(super) fn is_equal(&self) -> bool {
        match self.outcome {
            ComparisonResult::Difference(Paired { difference: by }) => by.mean == 0.0 && by.half == Some(0.0),
            ComparisonResult::Order(sign) => sign.sooner + sign.later == 0,
        }
    }

    /// The ends of the interval of a difference, as far as such a difference can go.
    pub(super) fn interval_of(&self, by: &Estimate) -> Option<(f64, f64)> {
        self.metric.range().of_difference().interval(by.mean, by.half)
    }

    /// What the seeds show, in a sentence: `aimd is deferred 18.0 ±1.2 points less than fixed`.
    pub(super) fn verdict(&self, record: &Record) -> String {
        let name = |place: usize| harmless::line(&record.strategies[place].name);
        if let ComparisonResult::Order(Sign { sooner: 0, later: 0, .. }) = self.outcome {
            return format!("neither {} first under any seed", gets(self.metric));
        }
        if self.is_shown() {
            return format!("{} {} than {}", name(self.strategy), self.phrase(), name(self.than));
        }
        match self.outcome {
            ComparisonResult::Difference(Paired { difference }) if difference.half.is_none() => {
                "one seed shows no difference".to_owned()
            }
            _ if self.is_equal() => "the same under every seed".to_owned(),
            _ => format!("no difference shown ({})", self.cell()),
        }
    }

    /// What the strategy does more or less, with the interval: `is deferred 18.0 ±1.2 points less`.
    pub(super) fn phrase(&self) -> String {
        match self.outcome {
            ComparisonResult::Difference(Paired { difference: by }) => {
                let amount = difference(self.metric, &by);
                let DifferenceWords { verb, object, more, less } = words(self.metric);
                format!("{verb} {amount}{object} {}", if by.mean > 0.0 { more } else { less })
            }
            ComparisonResult::Order(sign) => format!("{} {}", gets(self.metric), order(sign)),
        }
    }

    /// As a cell of a table: `-18.0 ±1.2`, or `later in 9 of 10 seeds`.
    pub(super) fn cell(&self) -> String {
        match self.outcome {
            ComparisonResult::Difference(Paired { difference: by }) => {
                let amount = signed_difference(self.metric, &by);
                amount.strip_suffix(" points").unwrap_or(&amount).to_owned()
            }
            ComparisonResult::Order(sign) => order(sign),
        }
    }
}

/// In how many of the seeds that tell.
fn order(Sign { sooner, later, .. }: Sign) -> String {
    let (word, count) = if sooner > later { ("sooner", sooner) } else { ("later", later) };
    format!("{word} in {count} of {} seeds", sooner + later)
}

/// How a difference is said: `makes 0.3 attempts per delivery fewer`.
struct DifferenceWords {
    /// What the strategy does.
    verb: &'static str,
    /// Of what, behind the amount.
    object: &'static str,
    more: &'static str,
    less: &'static str,
}

const fn words(metric: Metric) -> DifferenceWords {
    let (more, less) = ("more", "fewer");
    match metric {
        Metric::DeliveredShare => DifferenceWords { verb: "delivers", object: "", more, less: "less" },
        Metric::DeferralShare => DifferenceWords { verb: "is deferred", object: "", more, less: "less" },
        Metric::AttemptsPerDelivery => DifferenceWords { verb: "makes", object: " attempts per delivery", more, less },
        Metric::Bounced => DifferenceWords { verb: "bounces", object: " recipients", more, less },
        Metric::HeldBack => DifferenceWords { verb: "holds back", object: " recipient-hours", more, less },
        _ => DifferenceWords { verb: gets(metric), object: "", more: "later", less: "sooner" },
    }
}

/// Getting to the time that the metric is about.
const fn gets(metric: Metric) -> &'static str {
    match metric {
        Metric::TimeTo50 => "reaches 50 %",
        Metric::TimeTo90 => "reaches 90 %",
        Metric::TimeTo99 => "reaches 99 %",
        _ => "reaches 100 %",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Analysis;
    use crate::report::sample;

    fn verdicts(record: &Record, metric: Metric) -> Vec<String> {
        let all = Analysis::of(record).comparisons;
        let together = all.iter().filter(|comparison| comparison.metric == metric && comparison.provider.is_none());
        together.map(|comparison| comparison.verdict(record)).collect()
    }

    #[test]
    fn verdicts_are_sentences() {
        let record = sample::small();
        assert_eq!(verdicts(&record, Metric::DeferralShare), ["fixed is deferred 35.2 ±9.7 points more than backoff"]);
        assert_eq!(verdicts(&record, Metric::Bounced), ["the same under every seed"]);
        assert_eq!(verdicts(&record, Metric::DeliveredShare), ["no difference shown (−1.0 ±4.4)"]);
        // Under one of three seeds fixed never gets there.
        assert_eq!(verdicts(&record, Metric::TimeTo99), ["no difference shown (sooner in 2 of 3 seeds)"]);
    }

    #[test]
    fn one_seed_shows_nothing() {
        let mut record = sample::small();
        record.trials.retain(|trial| trial.seed == 1);
        assert_eq!(verdicts(&record, Metric::DeferralShare), ["one seed shows no difference"]);
    }

    #[test]
    fn every_strategy_meets_those_that_rank_above_it() {
        let record = sample::large();
        // Four strategies without the bound: six pairs.
        let found = verdicts(&record, Metric::DeferralShare);
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(
            found[0].ends_with("than aimd") && found.iter().all(|verdict| !verdict.contains("oracle")),
            "{found:?}"
        );
    }

    /// Seeds are paired, not places.
    #[test]
    fn a_seed_that_one_of_them_lacks_is_left_out() {
        let mut record = sample::small();
        record.trials.retain(|trial| trial.seed != 1 || trial.strategy != "fixed");
        let ComparisonResult::Difference(paired) = of(&record, 0, 1, None, Metric::DeferralShare).unwrap().outcome
        else {
            panic!("no difference");
        };
        assert_eq!(paired.difference.n, 2);
    }
}
