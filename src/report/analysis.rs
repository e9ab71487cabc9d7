//! What a run comes to, worked out once from its record and handed to everything that says it: table, page, JSON,
//! spreadsheets, answer.

use crate::metric::Metric;
use crate::record::Record;

use super::comparisons::{Comparison, comparisons};
use super::ranking::ranking;
use super::spread::{SpreadSource, spreads};
use super::summary::{Summary, SummaryRow};
use super::unknown_shares::{UnknownSource, unknown_shares};

/// A record with its figures over the seeds, its strategies ranked and compared, and where their spread comes from.
#[derive(Debug)]
pub struct Analysis<'r> {
    pub(super) record: &'r Record,
    pub(super) summary: Summary,
    /// Places of the strategies that finished a trial, best first; see [`ranking`].
    pub(super) ranked: Vec<usize>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) spreads: Vec<SpreadSource>,
    pub(super) unknowns: Vec<UnknownSource>,
}

impl<'r> Analysis<'r> {
    /// Analyses a record.
    pub fn of(record: &'r Record) -> Self {
        let summary = Summary::of(record);
        let ranked = ranking(record, &summary);
        let comparisons = comparisons(record, &ranked);
        let spreads = spreads(record, &ranked);
        let unknowns = unknown_shares(record);
        Self { record, summary, ranked, comparisons, spreads, unknowns }
    }

    /// The name of the strategy that did best; `None` if no trial was finished.
    pub fn best(&self) -> Option<&str> {
        self.ranked.first().map(|place| self.record.strategies[*place].name.as_str())
    }

    /// The ranked strategies over all providers together, best first.
    pub(super) fn ranked_rows(&self) -> Vec<&SummaryRow> {
        let row = |place: &usize| self.summary.at(None).find(|row| row.strategy == *place);
        self.ranked.iter().filter_map(row).collect()
    }

    /// The comparisons with the best strategy.
    pub(super) fn against_best(&self) -> impl Iterator<Item = &Comparison> {
        let best = self.ranked.first();
        self.comparisons.iter().filter(move |comparison| Some(&comparison.than) == best)
    }

    /// A strategy compared with the best by a figure.
    pub(super) fn beside_best(&self, strategy: usize, provider: Option<usize>, metric: Metric) -> Option<&Comparison> {
        self.against_best().find(|c| (c.strategy, c.provider, c.metric) == (strategy, provider, metric))
    }

    /// The share of every unknown in the spread of a figure.
    pub(super) fn unknowns_of(&self, at: Option<usize>, metric: Metric) -> impl Iterator<Item = &UnknownSource> {
        self.unknowns.iter().filter(move |source| (source.at, source.metric) == (at, metric))
    }

    /// Where the spread of a strategy's figure comes from.
    pub(super) fn spread(&self, strategy: usize, provider: Option<usize>, metric: Metric) -> Option<&SpreadSource> {
        self.spreads.iter().find(|s| (s.strategy, s.provider, s.metric) == (strategy, provider, metric))
    }
}
