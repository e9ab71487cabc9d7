//! Which strategy did best, which comes next, and which last.

use std::cmp::Ordering;

use crate::metric::Metric;
use crate::record::Record;

use super::summary::{Summary, SummaryRow};

/// The places of the strategies that finished a trial, best first; the bound takes no part unless nothing else ran.
///
/// Best is who delivers the largest share; among those equal to a tenth of a percent, who is deferred least; among
/// those equal again, who reaches 90 % first. These are means: whether the seeds show a difference is another question,
/// see `comparisons`.
pub(super) fn ranking(record: &Record, summary: &Summary) -> Vec<usize> {
    let oracle = record.oracle().map(|oracle| oracle.name.as_str());
    let ran = |row: &&SummaryRow| row.figure(Metric::Delivered).defined > 0;
    let rival = |row: &&SummaryRow| Some(record.strategies[row.strategy].name.as_str()) != oracle;
    let mut rows: Vec<&SummaryRow> = summary.at(None).filter(ran).filter(rival).collect();
    if rows.is_empty() {
        rows = summary.at(None).filter(ran).collect();
    }
    rows.sort_by(|a, b| compare(a, b));
    rows.into_iter().map(|row| row.strategy).collect()
}

fn compare(a: &SummaryRow, b: &SummaryRow) -> Ordering {
    let tenths = |row: &SummaryRow, metric| (row.mean(metric).unwrap_or(0.0) * 1_000.0).round();
    let time = |row: &SummaryRow| row.mean(Metric::TimeTo90).unwrap_or(f64::INFINITY);
    tenths(b, Metric::DeliveredShare)
        .total_cmp(&tenths(a, Metric::DeliveredShare))
        .then(tenths(a, Metric::DeferralShare).total_cmp(&tenths(b, Metric::DeferralShare)))
        .then(time(a).total_cmp(&time(b)))
}
