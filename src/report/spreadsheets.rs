//! The results as tables for other programs: `summary.csv`, `curve.csv`, `replies.csv`.
//!
//! Times are in seconds, shares between 0 and 1, an empty field is "not defined". Means are over the seeds.

use crate::record::{Metric, Record};

use super::curve::{Curve, Point};
use super::replies;
use super::summary::{Row, Summary};
use super::words::exact;

/// What stands for all providers together where a provider's name would.
pub(super) const ALL: &str = "all";

/// A row for each strategy and provider; each metric with both ends of its 95 % interval and, for times that may
/// never be reached, the number of seeds that reached them.
pub(super) fn summary(record: &Record, summary: &Summary) -> Result<Vec<u8>, csv::Error> {
    let mut header: Vec<String> = ["strategy", "provider", "seeds"].map(str::to_owned).to_vec();
    for metric in Metric::ALL {
        let name = metric.name().replace('-', "_");
        header.extend([name.clone(), format!("{name}_low"), format!("{name}_high")]);
        if metric.is_censored() {
            header.push(format!("{name}_seeds"));
        }
    }
    let mut rows: Vec<&Row> = summary.rows.iter().collect();
    rows.sort_by_key(|row| row.strategy);
    let rows = rows.into_iter().map(|row| {
        let seeds = row.figure(Metric::Injected).seeds.to_string();
        let mut fields =
            vec![record.strategies[row.strategy].name.clone(), provider_name(record, row.provider).to_owned(), seeds];
        for metric in Metric::ALL {
            let figure = row.figure(metric);
            let estimate = figure.estimate;
            fields.push(optional(estimate.map(|estimate| estimate.mean)));
            fields.push(optional(estimate.and_then(|estimate| estimate.low())));
            fields.push(optional(estimate.and_then(|estimate| estimate.high())));
            if metric.is_censored() {
                fields.push(figure.defined().to_string());
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

/// A row for each strategy, provider and reply; `count` is attempts, all seeds together.
pub(super) fn replies(record: &Record) -> Result<Vec<u8>, csv::Error> {
    let mut rows =
        vec![["strategy", "provider", "stage", "rule", "reply", "count", "seeds"].map(str::to_owned).to_vec()];
    for strategy in &record.strategies {
        let seeds = record.trials_of(&strategy.name).count().to_string();
        for (place, provider) in record.providers.iter().enumerate() {
            for reply in replies::counted(record, &strategy.name, place) {
                let names = [&strategy.name, &provider.name, &reply.stage, &reply.rule, &reply.text];
                let mut fields = names.map(String::clone).to_vec();
                fields.extend([reply.count.to_string(), seeds.clone()]);
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
        optional(point.share()),
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

fn provider_name(record: &Record, provider: Option<usize>) -> &str {
    provider.map_or(ALL, |place| &record.providers[place].name)
}

pub(super) fn optional(value: Option<f64>) -> String {
    value.map(exact).unwrap_or_default()
}

pub(super) fn written(rows: impl IntoIterator<Item = Vec<String>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}
