//! The summary for other programs, as `summary.json` has it: the answer, the expectations, every figure with its
//! interval, the strategies against the best, and where the spread over seeds comes from.

use serde_json::{Map, Value, json};

use crate::metric::Metric;
use crate::record::Record;
use crate::stats::{Moment, Paired, Sign};

use super::analysis::Analysis;
use super::answer::{answer, own_side, spread_of_best};
use super::comparisons::{Comparison, ComparisonResult};
use super::spread::SpreadSource;
use super::summary::{FigureSummary, SummaryRow};

/// The summary of a run.
pub fn summary_json(analysis: &Analysis<'_>) -> Value {
    let record = analysis.record;
    let rows: Vec<Value> = analysis.summary.rows.iter().map(|row| figures(record, row)).collect();
    let against_best: Vec<Value> = analysis.against_best().map(|comparison| compared(record, comparison)).collect();
    let mut summary = json!({
        "format": Record::FORMAT,
        "scenario": record.scenario,
        "question": record.question,
        "answer": answer(analysis),
        "partial": record.partial,
        "expected": record.expected,
        "rows": rows,
        "comparisons": against_best,
        "spread": { "answer": spread_of_best(analysis), "rows": spreads(analysis) },
    });
    if let (Some(warning), Some(fields)) = (own_side(record), summary.as_object_mut()) {
        fields.insert("own_side".to_owned(), json!({ "warning": warning, "failures": record.own_failures() }));
    }
    summary
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
            let share = sign.share();
            json!({
                "seeds": sooner + later + tied,
                "sooner": sooner,
                "later": later,
                "sooner_share": share.map(|share| share.share),
                "low": share.map(|share| share.low),
                "high": share.map(|share| share.high),
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

/// The figures whose spread over seeds the run divided.
fn spreads(analysis: &Analysis<'_>) -> Vec<Value> {
    let record = analysis.record;
    let row = |SpreadSource { strategy, provider: place, metric, spread }: &SpreadSource| {
        json!({
            "provider": provider(record, *place),
            "strategy": record.strategies[*strategy].name,
            "metric": metric.name(),
            "deviation": spread.deviation,
            "unknown_limits": spread.share,
            "low": spread.interval.0,
            "high": spread.interval.1,
            "unknown_limits_alone": spread.alone,
            "unknown_limits_in_all": spread.total,
        })
    };
    analysis.spreads.iter().map(row).collect()
}

fn provider(record: &Record, place: Option<usize>) -> Option<&str> {
    place.map(|place| record.providers[place].name.as_str())
}
