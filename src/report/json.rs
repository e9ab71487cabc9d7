//! The summary for other programs, as `summary.json` and standard output have it: the answer, the expectations, every
//! figure with its interval, the strategies against the best, and where the spread over seeds comes from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::metric::Metric;
use crate::record::{ExpectationResult, OwnFailures, Record};
use crate::stats::{Moment, Paired, Sign};
use crate::time::{Span, Time};

use super::analysis::Analysis;
use super::answer::{answer, main_unknowns, own_side, spread_of_best};
use super::comparisons::{Comparison, ComparisonResult};
use super::connection_cap::{CappedStrategy, capped};
use super::peer_faults::{BreakOff, break_offs, starttls_refused};
use super::spread::SpreadSource;
use super::summary::{FigureSummary, SummaryRow};
use super::unknown_shares::{self, UnknownSource};

/// The version of the schema of summaries and events. It grows when something is renamed, removed or means something
/// else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion;

impl SchemaVersion {
    const NUMBER: u32 = 1;
}

impl Serialize for SchemaVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(Self::NUMBER)
    }
}

impl JsonSchema for SchemaVersion {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SchemaVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "The version of this schema.", "const": Self::NUMBER })
    }
}

/// What a run comes to. Of `serve` it is the last line, with all clients together as one strategy.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunSummary<'a> {
    schema: SchemaVersion,
    /// Seconds since the start by the providers' clock; of a run since the start of its longest trial, until its last
    /// recipient was settled or the trial's time was over.
    at: f64,
    /// Of `serve`: events that were not written because their reader was too slow.
    #[serde(skip_serializing_if = "Option::is_none")]
    events_lost: Option<u64>,
    /// The version of the format of the results folder.
    format: u32,
    /// The scenario's name.
    scenario: &'a str,
    /// The question that it asks.
    question: &'a str,
    /// The answer, for people.
    answer: String,
    /// Whether it was stopped before all trials were done.
    partial: bool,
    /// Why mxlab itself stopped it, if it did. What was recorded until then may be nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    halted: Option<&'a str>,
    /// The scenario's expectations, and what came out.
    expected: &'a [ExpectationResult],
    /// A row for each strategy and provider, and for each strategy at all providers together.
    rows: Vec<RowJson<'a>>,
    /// Each strategy against the best.
    comparisons: Vec<ComparisonJson<'a>>,
    /// Where the spread over seeds comes from.
    spread: SpreadJson<'a>,
    /// Which unknown is behind how much of it, if the run looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknowns: Option<Box<UnknownsJson<'a>>>,
    /// Strategies whose mail waited as all connections were open that a sender opens at a time, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capped: Vec<CappedStrategy<'a>>,
    /// What servers did against the protocol, or TLS that they could not speak, if any did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broken_off: Vec<BreakOff<'a>>,
    /// Sessions that went on in clear text, as STARTTLS was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    starttls_refused: Option<u64>,
    /// What mxlab's own side was short of, if anything: then the figures are not only the providers'.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_side: Option<OwnSideJson>,
}

/// Failures of mxlab's own side.
#[derive(Debug, Serialize, JsonSchema)]
struct OwnSideJson {
    /// What they mean for the results, for people.
    warning: String,
    /// How often it failed, by what it was short of.
    failures: OwnFailures,
}

impl<'a> RunSummary<'a> {
    /// The summary of a run.
    pub fn of(analysis: &'a Analysis<'a>) -> Self {
        let record = analysis.record;
        Self {
            schema: SchemaVersion,
            at: Span::from_micros(record.lasted_us()).as_secs_f64(),
            events_lost: None,
            format: Record::FORMAT,
            scenario: &record.scenario,
            question: &record.question,
            answer: answer(analysis),
            partial: record.partial,
            halted: record.halted.as_deref(),
            expected: &record.expected,
            rows: analysis.summary.rows.iter().map(|row| RowJson::of(record, row)).collect(),
            comparisons: analysis.against_best().map(|comparison| ComparisonJson::of(record, comparison)).collect(),
            spread: SpreadJson { answer: spread_of_best(analysis), rows: spreads(analysis) },
            unknowns: unknowns(analysis).map(Box::new),
            capped: capped(record),
            broken_off: break_offs(record),
            starttls_refused: Some(starttls_refused(record)).filter(|count| *count > 0),
            own_side: own_side(record).map(|warning| OwnSideJson { warning, failures: record.own_failures() }),
        }
    }
}

impl RunSummary<'_> {
    /// The same as the last event of `serve`, at this time, with the number of events that were lost.
    #[must_use]
    pub fn behind_events(self, at: Time, lost: u64) -> Self {
        Self { at: at.as_secs_f64(), events_lost: Some(lost), ..self }
    }
}

/// The figures of a strategy at a provider.
#[derive(Debug, Serialize, JsonSchema)]
struct RowJson<'a> {
    strategy: &'a str,
    /// Whether it is the upper bound and no strategy that anybody could follow.
    bound: bool,
    /// The provider; null is all of them together.
    provider: Option<&'a str>,
    /// How many seeds there are.
    seeds: usize,
    /// Each figure by its name, in the units of `mxlab`'s metrics: seconds, shares between 0 and 1, counts.
    metrics: BTreeMap<&'static str, FigureJson>,
}

impl<'a> RowJson<'a> {
    fn of(record: &'a Record, row: &SummaryRow) -> Self {
        let strategy = &record.strategies[row.strategy];
        Self {
            strategy: &strategy.name,
            bound: strategy.bound,
            provider: provider(record, row.provider),
            seeds: row.figure(Metric::Injected).seeds,
            metrics: Metric::ALL
                .into_iter()
                .map(|metric| (metric.name(), FigureJson::of(metric, &row.figure(metric))))
                .collect(),
        }
    }
}

/// A figure over the seeds.
#[derive(Debug, Serialize, JsonSchema)]
struct FigureJson {
    /// The mean; null if no seed defines it, or a time did not come under every seed.
    mean: Option<f64>,
    /// The ends of its 95 % interval.
    low: Option<f64>,
    high: Option<f64>,
    /// Seeds under which it is defined.
    seeds: usize,
    #[serde(flatten)]
    censored: Option<CensoredFigureJson>,
}

/// Of a time that may lie beyond the trial.
#[derive(Debug, Serialize, JsonSchema)]
struct CensoredFigureJson {
    /// Seeds under which it does.
    censored: usize,
    /// The median over the seeds, and the ends of its 95 % interval.
    median: MomentJson,
    median_low: MomentJson,
    median_high: MomentJson,
}

impl FigureJson {
    fn of(metric: Metric, figure: &FigureSummary) -> Self {
        let interval = figure.median.and_then(|median| median.interval);
        let censored = || CensoredFigureJson {
            censored: figure.beyond(),
            median: MomentJson(figure.median.map(|median| median.median)),
            median_low: MomentJson(interval.map(|(low, _)| low)),
            median_high: MomentJson(interval.map(|(_, high)| high)),
        };
        let (low, high) = figure.interval().unzip();
        Self {
            mean: figure.estimate.map(|estimate| estimate.mean),
            low,
            high,
            seeds: figure.defined,
            censored: metric.is_censored().then(censored),
        }
    }
}

/// A time as a number; `"beyond"` if it lies beyond the trial, `null` if it is not known.
#[derive(Clone, Copy, Debug)]
struct MomentJson(Option<Moment>);

impl Serialize for MomentJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(Moment::At(time)) => serializer.serialize_f64(time),
            Some(Moment::Beyond) => serializer.serialize_str("beyond"),
            None => serializer.serialize_none(),
        }
    }
}

impl JsonSchema for MomentJson {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Seconds; \"beyond\" if it lies beyond the trial, null if it is not known.",
            "anyOf": [{ "type": "number" }, { "const": "beyond" }, { "type": "null" }],
        })
    }
}

/// A figure of a strategy against the best one under the same seeds.
#[derive(Debug, Serialize, JsonSchema)]
struct ComparisonJson<'a> {
    /// The provider; null is all of them together.
    provider: Option<&'a str>,
    strategy: &'a str,
    /// The strategy that ranks above it.
    than: &'a str,
    metric: &'static str,
    /// Whether the seeds show a difference.
    shown: bool,
    /// The outcome in words.
    verdict: String,
    #[serde(flatten)]
    outcome: OutcomeJson,
}

/// What a comparison came to: what `strategy` has more than `than`, or where a time did not come within every trial,
/// in how many seeds it came sooner.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum OutcomeJson {
    Difference {
        seeds: usize,
        /// The mean difference.
        difference: f64,
        /// The ends of its 95 % interval.
        low: Option<f64>,
        high: Option<f64>,
    },
    Order {
        seeds: usize,
        /// Seeds in which `strategy` got there sooner, and later.
        sooner: usize,
        later: usize,
        /// The share of sooner among the two.
        sooner_share: Option<f64>,
        /// The ends of its exact 95 % interval.
        low: Option<f64>,
        high: Option<f64>,
    },
}

impl<'a> ComparisonJson<'a> {
    fn of(record: &'a Record, comparison: &Comparison) -> Self {
        let name = |place: usize| record.strategies[place].name.as_str();
        let outcome = match comparison.outcome {
            ComparisonResult::Difference(Paired { difference: by }) => {
                let (low, high) = comparison.interval_of(&by).unzip();
                OutcomeJson::Difference { seeds: by.n, difference: by.mean, low, high }
            }
            ComparisonResult::Order(sign) => {
                let Sign { sooner, later, tied } = sign;
                let share = sign.share();
                OutcomeJson::Order {
                    seeds: sooner + later + tied,
                    sooner,
                    later,
                    sooner_share: share.map(|share| share.share),
                    low: share.map(|share| share.low),
                    high: share.map(|share| share.high),
                }
            }
        };
        Self {
            provider: provider(record, comparison.provider),
            strategy: name(comparison.strategy),
            than: name(comparison.than),
            metric: comparison.metric.name(),
            shown: comparison.is_shown(),
            verdict: comparison.verdict(record),
            outcome,
        }
    }
}

/// Where the spread over seeds comes from.
#[derive(Debug, Serialize, JsonSchema)]
struct SpreadJson<'a> {
    /// Of the best strategy, in a sentence.
    answer: Option<String>,
    rows: Vec<SpreadRowJson<'a>>,
}

/// A figure whose spread over seeds the run divided.
#[derive(Debug, Serialize, JsonSchema)]
struct SpreadRowJson<'a> {
    /// The provider; null is all of them together.
    provider: Option<&'a str>,
    strategy: &'a str,
    metric: &'static str,
    /// Its standard deviation over the seeds.
    deviation: f64,
    /// The share of its variance that comes from the providers' unknown limits.
    unknown_limits: f64,
    /// The ends of the interval of that share.
    low: f64,
    high: f64,
    /// The share of the unknown limits without, and with, what they do together with chance.
    unknown_limits_alone: f64,
    unknown_limits_in_all: f64,
}

/// The figures whose spread over seeds the run divided.
fn spreads<'a>(analysis: &Analysis<'a>) -> Vec<SpreadRowJson<'a>> {
    let record = analysis.record;
    let row = |SpreadSource { strategy, provider: place, metric, spread }: &SpreadSource| SpreadRowJson {
        provider: provider(record, *place),
        strategy: &record.strategies[*strategy].name,
        metric: metric.name(),
        deviation: spread.deviation,
        unknown_limits: spread.share,
        low: spread.interval.0,
        high: spread.interval.1,
        unknown_limits_alone: spread.alone,
        unknown_limits_in_all: spread.total,
    };
    analysis.spreads.iter().map(row).collect()
}

/// Which unknown is behind how much of the spread over seeds.
#[derive(Debug, Serialize, JsonSchema)]
struct UnknownsJson<'a> {
    /// The unknowns that are behind most of the spread of the best strategy, in a sentence.
    answer: Option<String>,
    /// The strategy whose trials tell.
    strategy: &'a str,
    rows: Vec<UnknownRowJson<'a>>,
}

/// The share of an unknown in the spread of a figure.
#[derive(Debug, Serialize, JsonSchema)]
struct UnknownRowJson<'a> {
    /// The provider whose it is.
    provider: Option<&'a str>,
    /// The name of its rule, or `allowance`.
    unknown: &'a str,
    /// What is known of it.
    range: &'a str,
    /// Where the figure is measured; null is all providers together.
    at: Option<&'a str>,
    metric: &'static str,
    /// The share of the variance that it is behind; those of all unknowns together are `unknown_limits` of the spread.
    share: f64,
    /// The ends of its interval.
    low: f64,
    high: f64,
}

/// Which unknown is behind how much, if the run looked.
fn unknowns<'a>(analysis: &'a Analysis<'a>) -> Option<UnknownsJson<'a>> {
    let record = analysis.record;
    let row = |source: &UnknownSource| {
        let UnknownSource { unknown, at, metric, share } = *source;
        let info = &record.unknowns[unknown];
        let (low, high) = share.interval;
        UnknownRowJson {
            provider: provider(record, Some(info.provider)),
            unknown: &info.name,
            range: &info.range,
            at: provider(record, at),
            metric: metric.name(),
            share: share.share,
            low,
            high,
        }
    };
    Some(UnknownsJson {
        strategy: unknown_shares::strategy(record)?,
        answer: main_unknowns(analysis),
        rows: analysis.unknowns.iter().map(row).collect(),
    })
}

fn provider(record: &Record, place: Option<usize>) -> Option<&str> {
    place.map(|place| record.providers[place].name.as_str())
}
