//! Every figure at every value, as a mean over the seeds with its interval; times as a median, as some never come.

use crate::metric::{Metric, Unit, ValueRange};
use crate::record::{SweepFigure, SweepRecord};
use crate::report::words::{NOTHING, duration, number, with_interval};
use crate::stats::{Estimate, lower_median};

/// The figures of one strategy at one value and provider.
#[derive(Clone, Debug)]
pub(in crate::report) struct SweepRow {
    /// The value, by its place.
    pub(in crate::report) value: usize,
    /// The strategy, by its place.
    pub(in crate::report) strategy: usize,
    /// The provider, by its place; `None` is all together.
    pub(in crate::report) provider: Option<usize>,
    figures: Vec<(SweepFigure, SeedSample)>,
}

/// A figure over the seeds.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct SeedSample {
    /// How many seeds there are.
    pub(in crate::report) seeds: usize,
    /// Mean and interval over the seeds in which it is defined; `None` if it is in none.
    pub(in crate::report) estimate: Option<Estimate>,
    /// The median over all seeds, where "never" is later than any time; the lower one of two. `None` is never.
    pub(in crate::report) median: Option<f64>,
}

/// All rows: by value, then by strategy, then by provider.
pub(in crate::report) fn rows(record: &SweepRecord) -> Vec<SweepRow> {
    let places = record.places();
    let mut rows = Vec::new();
    for value in 0..record.values.len() {
        for strategy in 0..record.strategies.len() {
            rows.extend(places.iter().map(|provider| row(record, value, strategy, *provider)));
        }
    }
    rows
}

fn row(record: &SweepRecord, value: usize, strategy: usize, provider: Option<usize>) -> SweepRow {
    let figures = SweepFigure::all().map(|figure| {
        let mut all = record.figures_of(figure, value, strategy, provider);
        let defined: Vec<f64> = all.iter().copied().flatten().collect();
        all.sort_by(|a, b| a.unwrap_or(f64::INFINITY).total_cmp(&b.unwrap_or(f64::INFINITY)));
        let median = lower_median(&all).flatten();
        (figure, SeedSample { seeds: all.len(), estimate: Estimate::of(&defined), median })
    });
    SweepRow { value, strategy, provider, figures: figures.collect() }
}

impl SweepRow {
    pub(in crate::report) fn sample(&self, figure: SweepFigure) -> SeedSample {
        let found = self.figures.iter().find(|(known, _)| *known == figure);
        found.map_or(SeedSample { seeds: 0, estimate: None, median: None }, |(_, sample)| *sample)
    }

    /// The ends of the interval of a figure's mean, as far as the figure can go.
    pub(in crate::report) fn interval(&self, figure: SweepFigure) -> Option<(f64, f64)> {
        let Estimate { mean, half, .. } = self.sample(figure).estimate?;
        figure.range().interval(mean, half)
    }

    /// A figure as a cell of a table.
    pub(in crate::report) fn text(&self, figure: SweepFigure) -> String {
        let sample = self.sample(figure);
        match figure {
            SweepFigure::Of(metric) if metric.is_censored() => sample.time(),
            SweepFigure::Of(metric) => sample.mean_of(metric.unit(), figure.range()),
            SweepFigure::OfferedPerHour | SweepFigure::GoodputPerHour => sample.mean_of(Unit::Count, figure.range()),
        }
    }
}

impl SeedSample {
    /// In how many seeds it is not defined: a time that never came.
    pub(in crate::report) fn never(&self) -> usize {
        self.seeds - self.estimate.map_or(0, |estimate| estimate.n)
    }

    fn mean_of(&self, unit: Unit, range: ValueRange) -> String {
        self.estimate.map_or_else(|| NOTHING.to_owned(), |one| with_interval(unit, range, one.mean, one.half))
    }

    /// The median; that some never came is said, and never averaged away.
    fn time(&self) -> String {
        let median = self.median.map_or_else(|| "never".to_owned(), duration);
        match self.never() {
            0 => median,
            never if never == self.seeds => median,
            never => format!("{median} ({} never)", number(never as f64)),
        }
    }
}

/// Whether a figure is a time that may never come.
pub(in crate::report) fn is_censored(figure: SweepFigure) -> bool {
    matches!(figure, SweepFigure::Of(metric) if Metric::is_censored(metric))
}
