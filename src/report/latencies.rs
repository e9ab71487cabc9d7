//! How long everything took on real sockets: a table, a CSV file, and `HdrHistogram`'s own logs.

use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table};
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::spreadsheets::written;
use super::words::{shortened, slugs};
use super::write::{WriteError, put};
use crate::record::{Latencies, LatencyPhase, StrategyLatencies};
use comfy_table::presets::NOTHING as NO_LINES;

/// The percentiles that are shown.
const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// A row for each strategy and phase that took place: milliseconds of wall-clock time.
pub fn latency_table(latencies: &[StrategyLatencies]) -> String {
    let mut table = Table::new();
    table.load_style(NO_LINES);
    let heads = ["strategy", "phase", "count", "mean"].into_iter().chain(QUANTILES.map(|(name, _)| name));
    table.set_header(heads);
    for StrategyLatencies { strategy, latencies } in latencies {
        for phase in LatencyPhase::ALL {
            let histogram = latencies.of(phase);
            if histogram.is_empty() {
                continue;
            }
            let millis = |micros: f64| format!("{:.3}", micros / 1e3);
            let quantiles = QUANTILES.map(|(_, quantile)| millis(histogram.value_at_quantile(quantile) as f64));
            let head = [
                shortened(strategy, 28),
                phase.name().to_owned(),
                histogram.len().to_string(),
                millis(histogram.mean()),
            ];
            table.add_row(head.into_iter().chain(quantiles));
        }
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("latency on the wall, ms\n{table}")
}

/// Writes `latency.csv`, in microseconds, and a log for each strategy with an entry for each phase.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn write_latencies(latencies: &[StrategyLatencies], dir: &Path) -> Result<(), WriteError> {
    put(&dir.join("latency.csv"), &csv(latencies)?)?;
    let names = slugs(latencies.iter().map(|one| one.strategy.as_str()));
    for (one, name) in latencies.iter().zip(names) {
        put(&dir.join(format!("latency-{name}.hlog")), &log(&one.latencies))?;
    }
    Ok(())
}

fn csv(latencies: &[StrategyLatencies]) -> Result<Vec<u8>, csv::Error> {
    let heads = ["strategy", "phase", "count", "mean_us"].map(str::to_owned);
    let mut rows: Vec<Vec<String>> =
        vec![heads.into_iter().chain(QUANTILES.map(|(name, _)| format!("{name}_us"))).collect()];
    for StrategyLatencies { strategy, latencies } in latencies {
        for phase in LatencyPhase::ALL {
            let histogram = latencies.of(phase);
            let mean = format!("{:.1}", histogram.mean());
            let head = [strategy.clone(), phase.name().to_owned(), histogram.len().to_string(), mean];
            let quantiles = QUANTILES.map(|(_, quantile)| histogram.value_at_quantile(quantile).to_string());
            rows.push(head.into_iter().chain(quantiles).collect());
        }
    }
    written(rows)
}

fn log(of: &Latencies) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("[Latency on the wall, in microseconds; a line for each phase, all seeds together]")
        .add_comment("[Histogram log format version 1.3]");
    // Writing to memory fails only for counts beyond 2^63.
    let mut writer = builder.begin_log_with(&mut bytes, &mut serializer).expect("a histogram fits in memory");
    for phase in LatencyPhase::ALL {
        let length = Duration::from_micros(of.of(phase).max());
        let tag = Tag::new(phase.name());
        writer.write_histogram(of.of(phase), Duration::ZERO, length, tag).expect("a histogram fits in memory");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_place_is_in_the_table_and_everything_in_the_file() {
        let mut latencies = Latencies::default();
        (1..=1_000).for_each(|n| latencies.record(LatencyPhase::Mail, crate::time::Span::from_micros(n)));
        let latencies = [StrategyLatencies { strategy: "fixed".to_owned(), latencies }];
        let table = latency_table(&latencies);
        assert!(table.contains("mail") && !table.contains("banner"), "{table}");
        let text = String::from_utf8(csv(&latencies).unwrap()).unwrap();
        assert!(text.contains("\nfixed,mail,1000,500.5,500,900,990,999,1000\n"), "{text}");
        assert_eq!(text.lines().count(), 1 + LatencyPhase::ALL.len());
        assert!(String::from_utf8(log(&latencies[0].latencies)).unwrap().contains("Tag=mail"));
    }
}
