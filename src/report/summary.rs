//! Every figure of every strategy at every provider over the seeds, with its interval.

use crate::metric::Metric;
use crate::record::{Record, Trial};
use crate::stats::{Estimate, Median, Moment};

use super::words::{NOTHING, duration, time_range, with_interval};

/// All figures of a run.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    /// A row for each provider and strategy: all providers together first, strategies in the record's order.
    pub(super) rows: Vec<SummaryRow>,
}

/// The figures of one strategy at one provider.
#[derive(Clone, Debug)]
pub(super) struct SummaryRow {
    /// The strategy's place in the record.
    pub(super) strategy: usize,
    /// The provider's place in the record; `None` is all together.
    pub(super) provider: Option<usize>,
    /// The figures, in the order of [`Metric::ALL`].
    figures: Vec<FigureSummary>,
}

/// A figure over the seeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct FigureSummary {
    /// Mean and interval over the seeds in which it is defined; `None` if it is in none, and for a time that some seeds
    /// did not reach: the mean of those that did is no mean of all.
    pub(super) estimate: Option<Estimate>,
    /// The median of a time that may lie beyond the trial; `None` for every other figure.
    pub(super) median: Option<Median>,
    /// In how many seeds it has a value.
    pub(super) defined: usize,
    /// How many seeds there were.
    pub(super) seeds: usize,
    metric: Metric,
}

impl Summary {
    pub(super) fn of(record: &Record) -> Self {
        let providers = std::iter::once(None).chain((0..record.providers.len()).map(Some));
        let strategies = 0..record.strategies.len();
        let rows = providers.flat_map(|provider| {
            strategies.clone().map(move |strategy| SummaryRow {
                strategy,
                provider,
                figures: Metric::ALL.map(|metric| FigureSummary::of(record, strategy, provider, metric)).to_vec(),
            })
        });
        Self { rows: rows.collect() }
    }

    /// The rows of a provider, or of all together, in the order of the strategies.
    pub(super) fn at(&self, provider: Option<usize>) -> impl Iterator<Item = &SummaryRow> {
        self.rows.iter().filter(move |row| row.provider == provider)
    }
}

impl SummaryRow {
    pub(super) fn figure(&self, metric: Metric) -> FigureSummary {
        let place = Metric::ALL.iter().position(|other| *other == metric);
        let nothing = FigureSummary { estimate: None, median: None, defined: 0, seeds: 0, metric };
        place.and_then(|place| self.figures.get(place)).copied().unwrap_or(nothing)
    }

    pub(super) fn mean(&self, metric: Metric) -> Option<f64> {
        self.figure(metric).estimate.map(|estimate| estimate.mean)
    }
}

impl FigureSummary {
    fn of(record: &Record, strategy: usize, provider: Option<usize>, metric: Metric) -> Self {
        let trials: Vec<&Trial> = record.trials_of(&record.strategies[strategy].name).collect();
        let values: Vec<f64> = trials.iter().filter_map(|trial| trial.figure(metric, record, provider)).collect();
        let moments: Vec<Moment> = trials.iter().filter_map(|trial| moment(metric, trial, record, provider)).collect();
        let median = Median::of(&moments);
        let censored = median.is_some_and(|median| median.beyond > 0);
        let estimate = Estimate::of(&values).filter(|_| !censored);
        Self { estimate, median, defined: values.len(), seeds: trials.len(), metric }
    }

    /// The ends of the interval of the mean, as far as the figure can go.
    pub(super) fn interval(&self) -> Option<(f64, f64)> {
        let Estimate { mean, half, .. } = self.estimate?;
        self.metric.range().interval(mean, half)
    }

    /// In how many seeds it is a time that did not come within the trial.
    pub(super) fn beyond(&self) -> usize {
        self.median.map_or(0, |median| median.beyond)
    }

    /// As a cell of a table: mean and interval; of a time that some seeds did not reach, median and interval, and how
    /// many did not.
    pub(super) fn text(&self) -> String {
        if let Some(median) = self.median.filter(|median| median.beyond > 0) {
            return censored(&median);
        }
        let Some(estimate) = self.estimate else { return NOTHING.to_owned() };
        let all = self.defined == self.seeds;
        let text = with_interval(self.metric.unit(), self.metric.range(), estimate.mean, estimate.half);
        if all { text } else { format!("{text} in {}/{}", self.defined, self.seeds) }
    }
}

/// The time of a trial, or that it did not come; `None` if the metric is no such time or no recipient could be
/// delivered to.
pub(super) fn moment(metric: Metric, trial: &Trial, record: &Record, provider: Option<usize>) -> Option<Moment> {
    let possible = metric.is_censored() && trial.figure(Metric::DeliveredShare, record, provider).is_some();
    possible.then(|| Moment::from(trial.figure(metric, record, provider)))
}

/// The median of times of which some did not come: `med 70.0 (65.0-∞) min, 3/10 never`.
fn censored(median: &Median) -> String {
    let Median { n, beyond, median, interval } = *median;
    if beyond == n {
        return "never".to_owned();
    }
    match (median, interval) {
        (Moment::At(at), Some((low, high))) => {
            format!("med {}, {beyond}/{n} never", time_range(at, low.at(), high.at()))
        }
        (Moment::At(at), None) => format!("med {}, {beyond}/{n} never", duration(at)),
        (Moment::Beyond, Some((Moment::At(low), _))) => format!("med >{}, {beyond}/{n} never", duration(low)),
        (Moment::Beyond, _) => format!("never in {beyond}/{n}"),
    }
}
