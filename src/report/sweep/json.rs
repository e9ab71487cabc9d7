//! A sweep for other programs, as `summary.json` and standard output have it: the answer, what was found, and the rows
//! of `sweep.csv`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{answer, limit};
use super::rows::{SweepRow, is_censored, rows};
use crate::record::{Record, SweepFigure, SweepFinding, SweepRecord};
use crate::report::json::SchemaVersion;

/// What a sweep comes to.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SweepSummary<'a> {
    schema: SchemaVersion,
    /// The version of the format of the results folder.
    format: u32,
    /// The scenario's name.
    scenario: &'a str,
    /// The question that it asks.
    question: &'a str,
    /// The path of the value that changes.
    over: &'a str,
    /// When a value is safe: a metric, `<=` or `>=`, a number, and maybe `@` and a provider.
    safe: String,
    /// Whether it was stopped before all trials were done.
    partial: bool,
    /// The answer, for people.
    answer: String,
    /// What was found of each strategy.
    found: Vec<FindingJson<'a>>,
    /// A row for each value, strategy and provider.
    rows: Vec<SweepRowJson<'a>>,
}

impl<'a> SweepSummary<'a> {
    /// The summary of a sweep.
    pub fn of(record: &'a SweepRecord) -> Self {
        Self::with_rows(record, &rows(record))
    }

    /// The same, of rows that are put together already.
    pub(super) fn with_rows(record: &'a SweepRecord, rows: &[SweepRow]) -> Self {
        Self {
            schema: SchemaVersion,
            format: Record::FORMAT,
            scenario: &record.scenario,
            question: &record.question,
            over: &record.over,
            safe: record.safe.to_string(),
            partial: record.partial,
            answer: answer(record).join(" "),
            found: record.found.iter().map(|found| FindingJson::of(record, found)).collect(),
            rows: rows.iter().map(|row| SweepRowJson::of(record, row)).collect(),
        }
    }
}

/// What was found of a strategy at a provider.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingJson<'a> {
    strategy: &'a str,
    /// The provider; null is all of them together.
    provider: Option<&'a str>,
    /// The value beyond which more is offered and no more delivered.
    knee: Option<KneeJson<'a>>,
    /// How far values are safe.
    safe: Option<SafeJson>,
}

/// Where goodput has its knee.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct KneeJson<'a> {
    /// The value, by the means over the seeds.
    value: Option<&'a str>,
    /// Seeds that have a knee of their own.
    seeds: usize,
    /// The median of their knees, and its interval.
    median: Option<&'a str>,
    median_interval: Option<[Option<&'a str>; 2]>,
}

/// How far values are safe.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct SafeJson {
    /// The side on which values are safe: `low` or `high`.
    side: &'static str,
    /// The last value that is safe under every seed.
    every_seed: String,
    /// How sure the interval is, 0 to 1.
    coverage: f64,
    /// The median over the seeds of the last safe value, and its interval.
    median: String,
    median_interval: Option<[String; 2]>,
}

impl<'a> FindingJson<'a> {
    fn of(record: &'a SweepRecord, found: &SweepFinding) -> Self {
        let text = |place: usize| record.values.get(place).map(|value| value.text.as_str());
        let knee = found.knee.as_ref().map(|knee| KneeJson {
            value: text(knee.value),
            seeds: knee.seeds,
            median: knee.median.and_then(text),
            median_interval: knee.interval.map(|(low, high)| [text(low), text(high)]),
        });
        let safe = found.safe.as_ref().map(|safe| {
            let limit = |rank| limit(record, safe, rank);
            SafeJson {
                side: if safe.low_is_safe { "low" } else { "high" },
                every_seed: limit(safe.every),
                coverage: safe.coverage,
                median: limit(safe.median),
                median_interval: safe.interval.map(|(low, high)| [limit(low), limit(high)]),
            }
        });
        Self {
            strategy: &record.strategies[found.strategy].name,
            provider: found.provider.map(|place| record.providers[place].name.as_str()),
            knee,
            safe,
        }
    }
}

/// The figures of a value, strategy and provider.
#[derive(Debug, Serialize, JsonSchema)]
struct SweepRowJson<'a> {
    /// The value, as it is written.
    value: &'a str,
    strategy: &'a str,
    /// The provider; null is all of them together.
    provider: Option<&'a str>,
    /// Each figure by its name.
    figures: BTreeMap<&'static str, SweepFigureJson>,
}

/// A figure over the seeds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum SweepFigureJson {
    /// A time that may lie beyond the trial.
    Time {
        /// Its median over the seeds.
        median: Option<f64>,
        /// Seeds under which it never came.
        never: usize,
    },
    /// Anything else.
    Estimate {
        /// The mean over the seeds.
        mean: Option<f64>,
        /// The ends of its 95 % interval.
        low: Option<f64>,
        high: Option<f64>,
        /// Seeds under which it is defined.
        seeds: usize,
    },
}

impl<'a> SweepRowJson<'a> {
    fn of(record: &'a SweepRecord, row: &SweepRow) -> Self {
        Self {
            value: &record.values[row.value].text,
            strategy: &record.strategies[row.strategy].name,
            provider: row.provider.map(|place| record.providers[place].name.as_str()),
            figures: SweepFigure::all().map(|figure| (figure.name(), SweepFigureJson::of(row, figure))).collect(),
        }
    }
}

impl SweepFigureJson {
    fn of(row: &SweepRow, figure: SweepFigure) -> Self {
        let sample = row.sample(figure);
        let estimate = sample.estimate;
        if is_censored(figure) {
            return Self::Time { median: sample.median, never: sample.never() };
        }
        let (low, high) = row.interval(figure).unzip();
        Self::Estimate {
            mean: estimate.map(|estimate| estimate.mean),
            low,
            high,
            seeds: estimate.map_or(0, |estimate| estimate.n),
        }
    }
}
