//! The record of a sweep: the figures of every trial at every value, and what was found in them.
//!
//! Saved as `sweep.json`. Of a trial only its figures are kept, not its time series: a sweep has many of them.

use serde::{Deserialize, Serialize};

use super::figures::TrialPart;
use super::model::{ProviderInfo, Record, StrategyInfo, Trial};
use crate::metric::{Criterion, Measure, Metric, ValueRange};

/// Everything a report needs to know about a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepRecord {
    /// Version of this format.
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The question it answers.
    pub question: String,
    /// The path of the value that changes.
    pub over: String,
    /// What the values measure.
    pub measure: Measure,
    /// Whether the values want a logarithmic axis.
    pub logarithmic: bool,
    /// The values, in rising order where they can be ordered.
    pub values: Vec<SweepValue>,
    /// What makes a value safe.
    pub safe: Criterion,
    /// How many seeds there were.
    pub seeds: u32,
    /// Whether the sweep was stopped before all values were done; those that were not are left out.
    pub partial: bool,
    /// The strategies, in the scenario's order; the oracle's bound last if it was asked for.
    pub strategies: Vec<StrategyInfo>,
    /// Of each strategy, whether the value that changes concerns it; one that it does not is the same everywhere.
    pub concerned: Vec<bool>,
    /// The providers, in the scenario's order.
    pub providers: Vec<ProviderInfo>,
    /// The names of the figures, in the order in which a trial has them.
    pub figures: Vec<String>,
    /// The trials, ordered by value, then by strategy, then by seed.
    pub trials: Vec<SweepTrial>,
    /// What was found: for each strategy concerned, all providers together first, then each if there are several.
    pub found: Vec<SweepFinding>,
}

/// One of the values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepValue {
    /// As the scenario would write it, without quotes.
    pub text: String,
    /// Where it stands on an axis: a number, seconds, bytes; or its place in the list.
    pub x: f64,
}

/// One value, one strategy, one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepTrial {
    /// The value, by its place.
    pub value: usize,
    /// The strategy, by its place.
    pub strategy: usize,
    /// The seed of chance.
    pub seed: u64,
    /// Hash of everything that happened, 16 hexadecimal digits.
    pub hash: String,
    /// The figures at all providers together, then at each if there are several; `null` is not defined.
    pub cells: Vec<Vec<Option<f64>>>,
}

/// What was found for one strategy at one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepFinding {
    /// The strategy, by its place.
    pub strategy: usize,
    /// The provider, by its place; `None` is all of them together.
    pub provider: Option<usize>,
    /// Beyond which value goodput rises little; `None` if there is none.
    pub knee: Option<Knee>,
    /// Up to which value it is safe; `None` if the values have no order.
    pub safe: Option<SafeRange>,
}

/// Where goodput stops rising as it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// The value, by its place: of the curve of means over the seeds.
    pub value: usize,
    /// In how many seeds the curve of that seed alone has a knee.
    pub seeds: usize,
    /// The median of these seeds' own knees, by the place of its value; the lower one of two. Where each seed draws
    /// another limit, the mean of their curves bends before that of most.
    pub median: Option<usize>,
    /// A 95 % interval of that median, by places of values; `None` if they are too few.
    pub interval: Option<(usize, usize)>,
}

/// Up to which value it is safe. A value counts only if it and all values on its safe side meet the criterion.
///
/// What is counted in `ranks` are values from the safe end on: 0 if even the first is not safe, all of them if the
/// limit lies beyond the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SafeRange {
    /// Whether the low values are the safe ones, so that the question is for the highest.
    pub low_is_safe: bool,
    /// For each seed, how many values are safe, in rising order.
    pub ranks: Vec<usize>,
    /// How many are safe under every seed.
    pub every: usize,
    /// With 95 % confidence, `every` is safe under at least this share of all seeds there could be (Wilks, 1941).
    pub coverage: f64,
    /// How many are safe in the median over the seeds; the lower one of two.
    pub median: usize,
    /// A 95 % interval of that median by order statistics; `None` below 6 seeds.
    pub interval: Option<(usize, usize)>,
}

/// A figure of a trial of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepFigure {
    /// Delivery attempts an hour, retries included, while it worked.
    OfferedPerHour,
    /// Recipients delivered to an hour, while it worked.
    GoodputPerHour,
    /// A metric of the trial.
    Of(Metric),
}

impl SweepFigure {
    /// All figures, in the order in which a trial has them.
    pub fn all() -> impl Iterator<Item = Self> {
        // The share of the bound needs the oracle's own trial beside it.
        let metrics = Metric::ALL.into_iter().filter(|metric| *metric != Metric::BoundShare).map(Self::Of);
        [Self::OfferedPerHour, Self::GoodputPerHour].into_iter().chain(metrics)
    }

    /// The name under which files and tables show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OfferedPerHour => "offered-per-hour",
            Self::GoodputPerHour => "goodput-per-hour",
            Self::Of(metric) => metric.name(),
        }
    }

    /// The values that it can have.
    pub const fn range(self) -> ValueRange {
        match self {
            Self::OfferedPerHour | Self::GoodputPerHour => ValueRange::AMOUNT,
            Self::Of(metric) => metric.range(),
        }
    }

    /// Its value in a trial that is a part of `record`, at the provider in that place, or at all together.
    ///
    /// Goodput is over the time that the trial worked: 90 % of the deliverable recipients, divided by the time until
    /// they had their mail; where that never happened, all that was delivered, divided by the time until the last
    /// recipient was settled, or to the end of the trial. So a few stragglers that wait hours for their retry do not
    /// decide what the others went at. What is offered is goodput times the attempts that a delivery took in the whole
    /// trial.
    pub fn of(self, trial: &Trial, record: &Record, provider: Option<usize>) -> Option<f64> {
        match self {
            Self::Of(metric) => trial.figure(metric, record, provider),
            Self::OfferedPerHour => HourlyRates::of(trial, record, provider).map(|rates| rates.offered),
            Self::GoodputPerHour => HourlyRates::of(trial, record, provider).map(|rates| rates.goodput),
        }
    }
}

impl SweepRecord {
    /// The places of figures: all providers together, then each if there are several.
    pub fn places(&self) -> Vec<Option<usize>> {
        let each = if self.providers.len() > 1 { self.providers.len() } else { 0 };
        std::iter::once(None).chain((0..each).map(Some)).collect()
    }

    /// A figure of every trial of a strategy at a value and a provider, by seed. Where there is one provider only, it
    /// is all of them.
    pub fn figures_of(
        &self,
        figure: SweepFigure,
        value: usize,
        strategy: usize,
        provider: Option<usize>,
    ) -> Vec<Option<f64>> {
        let place = self.figures.iter().position(|name| name == figure.name());
        let cell = if self.providers.len() > 1 { provider.map_or(0, |provider| provider + 1) } else { 0 };
        let key = |trial: &SweepTrial| (trial.value, trial.strategy);
        let first = self.trials.partition_point(|trial| key(trial) < (value, strategy));
        let here = self.trials[first..].iter().take_while(|trial| key(trial) == (value, strategy));
        here.map(|trial| place.and_then(|place| *trial.cells.get(cell)?.get(place)?)).collect()
    }

    /// What was found for a strategy at a provider.
    pub fn found_for(&self, strategy: usize, provider: Option<usize>) -> Option<&SweepFinding> {
        let provider = provider.filter(|_| self.providers.len() > 1);
        self.found.iter().find(|found| found.strategy == strategy && found.provider == provider)
    }

    /// The provider at which safety is judged.
    pub fn judged_at(&self) -> Option<usize> {
        let name = self.safe.provider.as_ref()?;
        self.providers.iter().position(|provider| provider.name == *name)
    }

    /// A record of a run with the same strategies and providers, and no trials: what a trial's figures are read
    /// against.
    pub fn frame(&self, duration_us: u64) -> Record {
        let (scenario, question) = (self.scenario.clone(), self.question.clone());
        let frame = Record::empty(scenario, question, self.strategies.clone(), self.providers.clone());
        Record { duration_us, bucket_us: duration_us, partial: self.partial, ..frame }
    }
}

/// Attempts and deliveries an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
struct HourlyRates {
    offered: f64,
    goodput: f64,
}

impl HourlyRates {
    /// `None` if the trial worked no time at all.
    fn of(trial: &Trial, record: &Record, provider: Option<usize>) -> Option<Self> {
        let part = TrialPart::new(trial, provider)?;
        let (attempts, delivered) = (part.sum(|totals| totals.attempts), part.sum(|totals| totals.delivered));
        let hours = |micros: u64| (micros > 0).then(|| micros as f64 / 3.6e9);
        match part.reached_us[NINETY] {
            Some(reached) if delivered > 0.0 => {
                let goodput = 0.9 * part.sum(|totals| totals.deliverable) / hours(reached)?;
                Some(Self { offered: goodput * attempts / delivered, goodput })
            }
            _ => {
                let worked = hours(trial.settled_us.unwrap_or(record.duration_us))?;
                Some(Self { offered: attempts / worked, goodput: delivered / worked })
            }
        }
    }
}

/// The place of 90 % among the marks of what was reached.
const NINETY: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cell, OwnFailures, Series, Totals};

    fn trial(reached: Option<u64>, settled: Option<u64>) -> Trial {
        let reached_us = [None, reached, None, None];
        let totals = Totals { attempts: 150, delivered: 95, deliverable: 100, reached_us, ..Totals::default() };
        let cell =
            Cell { totals, series: Series::default(), time_to_delivery: String::new(), replies: vec![], rules: vec![] };
        Trial {
            strategy: "fixed".into(),
            seed: 1,
            unknowns: 1,
            hash: String::new(),
            events: 0,
            settled_us: settled,
            reached_us,
            capped_us: 0,
            cells: vec![cell],
            own_failures: OwnFailures::default(),
        }
    }

    fn record() -> Record {
        let empty = Record::empty(String::new(), String::new(), vec![], vec![]);
        Record { duration_us: 5 * 3_600_000_000, bucket_us: 3_600_000_000, ..empty }
    }

    #[test]
    fn rates_are_over_the_time_it_worked() {
        let hours = |hours: u64| Some(hours * 3_600_000_000);
        let rates = |reached, settled| {
            let rates = HourlyRates::of(&trial(reached, settled), &record(), Some(0)).unwrap();
            (rates.offered, rates.goodput)
        };
        // 90 of 100 in two hours; a delivery took 150 / 95 attempts.
        assert_eq!(rates(hours(2), hours(4)), (45.0 * 150.0 / 95.0, 45.0));
        assert_eq!(rates(None, hours(4)), (37.5, 23.75));
        assert_eq!(rates(None, None), (30.0, 19.0));
        assert_eq!(HourlyRates::of(&trial(Some(0), None), &record(), None), None);
    }
}
