//! The results as tables for other programs: `summary.csv`, `comparisons.csv`, `unknowns.csv`, `curve.csv`,
//! `replies.csv`.
//!
//! Times are in seconds, shares between 0 and 1, an empty field is "not defined", `inf` a time beyond the trial. Means
//! are over the seeds; `_low` and `_high` are the ends of 95 % intervals. A text that a spreadsheet would run, such as
//! `=HYPERLINK(…)`, stands behind an apostrophe.

use crate::harmless;
use crate::metric::{Metric, ValueRange};
use crate::record::Record;
use crate::stats::{Moment, Paired, Sign};

use super::comparisons::{Comparison, ComparisonResult};
use super::curve::{Curve, Point};
use super::replies;
use super::summary::{Summary, SummaryRow};
use super::unknown_shares::{self, UnknownSource};
use super::words::exact;

/// What stands for all providers together where a provider's name would.
pub(super) const ALL: &str = "all";

/// A row for each strategy and provider; each metric with both ends of its interval. Times that may lie beyond the
/// trial have a mean only if every seed reached them, and besides a median with its interval, the number of seeds that
/// reached them, and of those that did not.
pub(super) fn summary(record: &Record, summary: &Summary) -> Result<Vec<u8>, csv::Error> {
    let mut header: Vec<String> = ["strategy", "provider", "seeds"].map(str::to_owned).to_vec();
    for metric in Metric::ALL {
        let name = metric.name().replace('-', "_");
        header.extend([name.clone(), format!("{name}_low"), format!("{name}_high")]);
        if metric.is_censored() {
            header.extend(
                ["median", "median_low", "median_high", "seeds", "censored"].map(|part| format!("{name}_{part}")),
            );
        }
    }
    let mut rows: Vec<&SummaryRow> = summary.rows.iter().collect();
    rows.sort_by_key(|row| row.strategy);
    let rows = rows.into_iter().map(|row| {
        let seeds = row.figure(Metric::Injected).seeds.to_string();
        let mut fields =
            vec![record.strategies[row.strategy].name.clone(), provider_name(record, row.provider).to_owned(), seeds];
        for metric in Metric::ALL {
            let figure = row.figure(metric);
            let (low, high) = figure.interval().unzip();
            fields.extend([row.mean(metric), low, high].map(optional));
            if metric.is_censored() {
                let interval = figure.median.and_then(|median| median.interval);
                let median = figure.median.map(|median| median.median);
                fields.extend([median, interval.map(|(low, _)| low), interval.map(|(_, high)| high)].map(moment));
                fields.extend([figure.defined, figure.beyond()].map(|count| count.to_string()));
            }
        }
        fields
    });
    written(std::iter::once(header).chain(rows))
}

/// A row for each strategy, provider and bucket. `time_s` is the bucket's start; `delivered`, `bounced` and `expired`
/// count from the start of the trial to the bucket's end; what is at a moment is at its end.
pub(super) fn curve(record: &Record) -> Result<Vec<u8>, csv::Error> {
    let header = [
        "strategy",
        "provider",
        "time_s",
        "attempts",
        "deferred",
        "deferral_share",
        "deferral_share_low",
        "deferral_share_high",
        "deferral_share_min",
        "deferral_share_max",
        "delivered",
        "bounced",
        "expired",
        "connections",
        "connections_refused",
        "open_connections",
        "open_limit",
        "held_back",
        "waiting",
        "reputation",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for strategy in &record.strategies {
        for provider in std::iter::once(None).chain((0..record.providers.len()).map(Some)) {
            let curve = Curve::of(record, &strategy.name, provider, 1);
            let names = [strategy.name.as_str(), provider_name(record, provider)];
            let points = curve.points.iter().enumerate();
            rows.extend(points.map(|(n, point)| curve_row(names, n as f64 * curve.width, point)));
        }
    }
    written(rows)
}

/// A row for each strategy, provider and reply; `count` is attempts, all seeds together, `mean` those of a seed.
pub(super) fn replies(record: &Record) -> Result<Vec<u8>, csv::Error> {
    let mut rows = vec![
        ["strategy", "provider", "stage", "rule", "reply", "count", "seeds", "mean", "low", "high"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for strategy in &record.strategies {
        let seeds = record.trials_of(&strategy.name).count().to_string();
        for (place, provider) in record.providers.iter().enumerate() {
            for reply in replies::counted(record, &strategy.name, place) {
                let names = [&strategy.name, &provider.name, &reply.stage, &reply.rule, &reply.text];
                let mut fields = names.map(String::clone).to_vec();
                fields.extend([reply.count.to_string(), seeds.clone()]);
                let estimate = replies::per_seed(record, &strategy.name, place, &reply);
                let interval = estimate.and_then(|one| ValueRange::AMOUNT.interval(one.mean, one.half));
                let (low, high) = interval.unzip();
                fields.extend([estimate.map(|estimate| estimate.mean), low, high].map(optional));
                rows.push(fields);
            }
        }
    }
    written(rows)
}

fn curve_row(names: [&str; 2], time: f64, point: &Point) -> Vec<String> {
    let mut fields = names.map(str::to_owned).to_vec();
    fields.extend([time, point.attempts, point.deferred].map(exact));
    fields.extend([
        optional(point.share.map(|share| share.mean)),
        optional(point.share_interval().map(|(low, _)| low)),
        optional(point.share_interval().map(|(_, high)| high)),
        optional(point.share_range.map(|(least, _)| least)),
        optional(point.share_range.map(|(_, most)| most)),
    ]);
    let counts = [point.delivered.mean, point.bounced, point.expired, point.connections, point.connections_refused];
    fields.extend(counts.map(exact));
    fields.extend([optional(point.open.map(|open| open.mean)), optional(point.open_limit)]);
    fields.extend([point.held_back, point.waiting].map(exact));
    fields.push(optional(point.reputation.map(|reputation| reputation.mean)));
    fields
}

/// A row for each provider, pair of strategies and figure: what `strategy` has more than `than`, which ranks above it,
/// under the same seeds. Where a time did not come within every trial, in how many seeds `strategy` got there sooner,
/// in how many later, and the share of sooner with its exact interval.
pub(super) fn compared(record: &Record, comparisons: &[Comparison]) -> Result<Vec<u8>, csv::Error> {
    let header = [
        "provider",
        "strategy",
        "than",
        "metric",
        "unit",
        "seeds",
        "difference",
        "difference_low",
        "difference_high",
        "sooner",
        "later",
        "sooner_share",
        "sooner_share_low",
        "sooner_share_high",
        "shown",
        "verdict",
    ];
    let rows = comparisons.iter().map(|comparison| comparison_row(record, comparison));
    written(std::iter::once(header.map(str::to_owned).to_vec()).chain(rows))
}

fn comparison_row(record: &Record, comparison: &Comparison) -> Vec<String> {
    let name = |place: usize| record.strategies[place].name.clone();
    let metric = comparison.metric;
    let mut fields = vec![
        provider_name(record, comparison.provider).to_owned(),
        name(comparison.strategy),
        name(comparison.than),
        metric.name().to_owned(),
        metric.unit().to_string(),
    ];
    match comparison.outcome {
        ComparisonResult::Difference(Paired { difference: by }) => {
            fields.push(by.n.to_string());
            let (low, high) = comparison.interval_of(&by).unzip();
            fields.extend([Some(by.mean), low, high].map(optional));
            fields.extend([const { String::new() }; 5]);
        }
        ComparisonResult::Order(sign) => {
            let Sign { sooner, later, tied } = sign;
            fields.push((sooner + later + tied).to_string());
            fields.extend([const { String::new() }; 3]);
            fields.extend([sooner, later].map(|count| count.to_string()));
            let share = sign.share();
            let numbers = share.map_or([None; 3], |one| [one.share, one.low, one.high].map(Some));
            fields.extend(numbers.map(optional));
        }
    }
    fields.extend([comparison.is_shown().to_string(), comparison.verdict(record)]);
    fields
}

/// A row for each unknown, place and figure: the share of the variance over seeds that it is behind. `at` is where the
/// figure is measured, `moved` under how many seeds the unknown was moved: 0 where its rule refused nothing.
pub(super) fn unknowns(record: &Record, sources: &[UnknownSource]) -> Result<Vec<u8>, csv::Error> {
    let header =
        ["provider", "unknown", "range", "strategy", "at", "metric", "moved", "share", "share_low", "share_high"];
    let strategy = unknown_shares::strategy(record).unwrap_or_default();
    let rows = sources.iter().map(|UnknownSource { unknown, at, metric, share }| {
        let info = &record.unknowns[*unknown];
        let names = [provider_name(record, Some(info.provider)), &info.name, &info.range, strategy];
        let mut fields = names.map(str::to_owned).to_vec();
        fields.extend([provider_name(record, *at).to_owned(), metric.name().to_owned(), info.moved.len().to_string()]);
        fields.extend([share.share, share.interval.0, share.interval.1].map(exact));
        fields
    });
    written(std::iter::once(header.map(str::to_owned).to_vec()).chain(rows))
}

fn moment(moment: Option<Moment>) -> String {
    match moment {
        Some(Moment::Beyond) => "inf".to_owned(),
        Some(Moment::At(time)) => exact(time),
        None => String::new(),
    }
}

fn provider_name(record: &Record, provider: Option<usize>) -> &str {
    provider.map_or(ALL, |place| &record.providers[place].name)
}

pub(super) fn optional(value: Option<f64>) -> String {
    value.map(exact).unwrap_or_default()
}

/// The rows as CSV; fields that a spreadsheet would run are made harmless.
pub(super) fn written(rows: impl IntoIterator<Item = Vec<String>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|field| harmless::cell(field).into_owned()))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}
