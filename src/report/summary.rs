//! Every figure of every strategy at every provider, as a mean over the seeds with its interval.

use crate::record::{Metric, Record};
use crate::stats::Estimate;

use super::words::{NOTHING, with_interval};

/// All figures of a run.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    /// A row for each provider and strategy: all providers together first, strategies in the record's order.
    pub(super) rows: Vec<Row>,
}

/// The figures of one strategy at one provider.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The strategy's place in the record.
    pub(super) strategy: usize,
    /// The provider's place in the record; `None` is all together.
    pub(super) provider: Option<usize>,
    /// The figures, in the order of [`Metric::ALL`].
    figures: Vec<Figure>,
}

/// A figure over the seeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    /// Mean and interval over the seeds in which it is defined; `None` if it is in none.
    pub(super) estimate: Option<Estimate>,
    /// How many seeds there were.
    pub(super) seeds: usize,
    metric: Metric,
}

impl Summary {
    pub(super) fn of(record: &Record) -> Self {
        let providers = std::iter::once(None).chain((0..record.providers.len()).map(Some));
        let strategies = 0..record.strategies.len();
        let rows = providers.flat_map(|provider| {
            strategies.clone().map(move |strategy| Row {
                strategy,
                provider,
                figures: Metric::ALL.map(|metric| Figure::of(record, strategy, provider, metric)).to_vec(),
            })
        });
        Self { rows: rows.collect() }
    }

    /// The rows of a provider, or of all together, in the order of the strategies.
    pub(super) fn at(&self, provider: Option<usize>) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.provider == provider)
    }
}

impl Row {
    pub(super) fn figure(&self, metric: Metric) -> Figure {
        let place = Metric::ALL.iter().position(|other| *other == metric);
        let nothing = Figure { estimate: None, seeds: 0, metric };
        place.and_then(|place| self.figures.get(place)).copied().unwrap_or(nothing)
    }

    pub(super) fn mean(&self, metric: Metric) -> Option<f64> {
        self.figure(metric).estimate.map(|estimate| estimate.mean)
    }
}

impl Figure {
    fn of(record: &Record, strategy: usize, provider: Option<usize>, metric: Metric) -> Self {
        let all: Vec<Option<f64>> = record
            .trials_of(&record.strategies[strategy].name)
            .map(|trial| metric.of(trial, record, provider))
            .collect();
        let defined: Vec<f64> = all.iter().copied().flatten().collect();
        Self { estimate: Estimate::of(&defined), seeds: all.len(), metric }
    }

    /// In how many seeds it is defined.
    pub(super) fn defined(&self) -> usize {
        self.estimate.map_or(0, |estimate| estimate.n)
    }

    /// As a cell of a table. A time that only some seeds reached says so, and gives no interval: the mean of these is
    /// no mean of all.
    pub(super) fn text(&self) -> String {
        let Some(estimate) = self.estimate else {
            let never = self.metric.is_censored() && self.seeds > 0;
            return if never { "never" } else { NOTHING }.to_owned();
        };
        let all = self.defined() == self.seeds;
        let text = with_interval(self.metric.unit(), estimate.mean, estimate.half.filter(|_| all));
        if all { text } else { format!("{text} in {}/{}", self.defined(), self.seeds) }
    }
}
