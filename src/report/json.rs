//! The summary for other programs, as `summary.json` has it: the answer, the expectations, every figure with its
//! interval, the strategies against the best, and where the spread over seeds comes from.

use serde_json::{Map, Value, json};

use crate::metric::Metric;
use crate::record::Record;
use crate::stats::{Moment, Paired, Sign};

use super::answer::{answer, spread_of_best};
use super::comparisons::{Comparison, ComparisonResult, comparisons};
use super::ranking::ranking;
use super::spread;
use super::summary::{FigureSummary, Summary, SummaryRow};

/// The summary of a record.
pub fn summary_json(record: &Record) -> Value {
    json_of(record, &Summary::of(record))
}

/// The same, from a summary that is there already.
pub(super) fn json_of(record: &Record, summary: &Summary) -> Value {
    let rows: Vec<Value> = summary.rows.iter().map(|row| figures(record, row)).collect();
    let best = ranking(record, summary).first().map(|row| row.strategy);
    let against_best: Vec<Value> = comparisons(record, summary)
        .iter()
        .filter(|comparison| Some(comparison.than) == best)
        .map(|comparison| compared(record, comparison))
        .collect();
    json!({
        "format": Record::FORMAT,
        "scenario": record.scenario,
        "question": record.question,
        "answer": answer(record, summary),
        "partial": record.partial,
        "expected": record.expected,
        "rows": rows,
        "comparisons": against_best,
        "spread": { "answer": spread_of_best(record, summary), "rows": spreads(record, summary) },
    })
}

/// The figures of a strategy at a provider.
fn figures(record: &Record, row: &SummaryRow) -> Value {
    let metrics: Map<String, Value> =
        Metric::ALL.into_iter().map(|metric| (metric.name().to_owned(), figure(metric, &row.figure(metric)))).collect();
    let strategy = &record.strategies[row.strategy];
    json!({
        "strategy": strategy.name,
        "bound": strategy.bound,
        "provider": provider(record, row.provider),
        "seeds": row.figure(Metric::Injected).seeds,
        "metrics": metrics,
    })
}

fn figure(metric: Metric, figure: &FigureSummary) -> Value {
    let mut value = json!({
        "mean": figure.estimate.map(|estimate| estimate.mean),
        "low": figure.low(),
        "high": figure.high(),
        "seeds": figure.defined,
    });
    if metric.is_censored()
        && let Some(fields) = value.as_object_mut()
    {
        let interval = figure.median.and_then(|median| median.interval);
        fields.insert("censored".to_owned(), json!(figure.beyond()));
        fields.insert("median".to_owned(), moment(figure.median.map(|median| median.median)));
        fields.insert("median_low".to_owned(), moment(interval.map(|(low, _)| low)));
        fields.insert("median_high".to_owned(), moment(interval.map(|(_, high)| high)));
    }
    value
}

/// A time as a number; `"beyond"` if it lies beyond the trial, `null` if it is not known.
fn moment(moment: Option<Moment>) -> Value {
    match moment {
        Some(Moment::At(time)) => json!(time),
        Some(Moment::Beyond) => json!("beyond"),
        None => Value::Null,
    }
}

fn compared(record: &Record, comparison: &Comparison) -> Value {
    let name = |place: usize| &record.strategies[place].name;
    let outcome = match comparison.outcome {
        ComparisonResult::Difference(Paired { difference: by }) => {
            json!({ "seeds": by.n, "difference": by.mean, "low": by.low(), "high": by.high() })
        }
        ComparisonResult::Order(sign) => {
            let Sign { sooner, later, tied } = sign;
            let ends = sign.share().map(|(_, ends)| ends);
            json!({
                "seeds": sooner + later + tied,
                "sooner": sooner,
                "later": later,
                "sooner_share": sign.share().map(|(share, _)| share),
                "low": ends.map(|ends| ends.0),
                "high": ends.map(|ends| ends.1),
            })
        }
    };
    let mut value = json!({
        "provider": provider(record, comparison.provider),
        "strategy": name(comparison.strategy),
        "than": name(comparison.than),
        "metric": comparison.metric.name(),
        "shown": comparison.is_shown(),
        "verdict": comparison.verdict(record),
    });
    if let (Some(fields), Value::Object(outcome)) = (value.as_object_mut(), outcome) {
        fields.extend(outcome);
    }
    value
}

/// For each strategy and provider, the figures whose spread over seeds the run divided.
fn spreads(record: &Record, summary: &Summary) -> Vec<Value> {
    let ranked = ranking(record, summary);
    let places = std::iter::once(None).chain((0..record.providers.len()).map(Some));
    let pairs = places.flat_map(|place| ranked.iter().map(move |row| (place, row.strategy)));
    pairs
        .flat_map(|(place, strategy)| {
            spread::figures(record, strategy, place).into_iter().map(move |(metric, spread)| {
                json!({
                    "provider": provider(record, place),
                    "strategy": record.strategies[strategy].name,
                    "metric": metric.name(),
                    "deviation": spread.deviation,
                    "unknown_limits": spread.share,
                    "low": spread.interval.0,
                    "high": spread.interval.1,
                    "unknown_limits_alone": spread.alone,
                    "unknown_limits_in_all": spread.total,
                })
            })
        })
        .collect()
}

fn provider(record: &Record, place: Option<usize>) -> Option<&str> {
    place.map(|place| record.providers[place].name.as_str())
}
