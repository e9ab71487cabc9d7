//! What the metrics come to.
//!
//! Each is a number of one trial, at one provider or at all of them together. `None` means that it is not defined there
//! (a share of nothing, a time that was never reached); it is never counted as zero.

use super::model::{Cell, Record, Totals, Trial};
use crate::metric::Metric;

/// The metric called `metric` of a trial, at the provider of that name or at all together; `None` if it is not defined,
/// or there is no such metric or provider.
pub fn value(trial: &Trial, record: &Record, metric: &str, provider: Option<&str>) -> Option<f64> {
    let place = match provider {
        Some(name) => Some(record.providers.iter().position(|provider| provider.name == name)?),
        None => None,
    };
    trial.figure(metric.parse().ok()?, record, place)
}

impl Trial {
    /// The value of a metric, at the provider in that place of the record, or at all of them together.
    ///
    /// Together means: sums of counts, shares of sums, the whole trial's own times, the lowest reputation.
    pub fn figure(&self, metric: Metric, record: &Record, provider: Option<usize>) -> Option<f64> {
        let part = TrialPart::new(self, provider)?;
        let sum = |of| part.sum(of);
        let share = |of, whole| ratio(part.sum(of), part.sum(whole));
        let reached = |place: usize| part.reached_us[place].map(|micros| micros as f64 / 1e6);
        match metric {
            Metric::DeferralShare => share(|t| t.deferred, |t| t.attempts),
            Metric::FailedShare => share(|t| t.failed, |t| t.attempts),
            Metric::Injected => Some(sum(|t| t.injected)),
            Metric::Delivered => Some(sum(|t| t.delivered)),
            Metric::DeliveredShare => share(|t| t.delivered, |t| t.deliverable),
            Metric::Bounced => Some(sum(|t| t.bounced)),
            Metric::BouncedByLimit => Some(sum(|t| t.bounced_by_limit)),
            Metric::Expired => Some(sum(|t| t.expired)),
            Metric::Queued => Some(sum(|t| t.queued)),
            Metric::Attempts => Some(sum(|t| t.attempts)),
            Metric::AttemptsPerDelivery => share(|t| t.attempts, |t| t.delivered),
            Metric::Connections => Some(sum(|t| t.connections)),
            Metric::RefusedConnectionShare => share(|t| t.connections_refused, |t| t.connections),
            Metric::Transactions => Some(sum(|t| t.transactions)),
            Metric::PutOff => Some(sum(|t| t.put_off)),
            Metric::MeanWindow => share(|t| t.window.sum, |t| t.window.times),
            Metric::TimeTo50 => reached(0),
            Metric::TimeTo90 => reached(1),
            Metric::TimeTo99 => reached(2),
            Metric::TimeTo100 => reached(3),
            Metric::HeldBack => Some(sum(|t| t.held_back_us) / 3.6e9),
            Metric::HoldTime => Some(sum(|t| t.hold_us) / 1e6),
            Metric::BoundShare => bound_share(self, record, provider),
            Metric::ReputationEnd => {
                part.cells.iter().filter_map(|cell| *cell.series.reputation.last()?).reduce(f64::min)
            }
            Metric::Inboxed => Some(sum(|t| t.delivered - t.junked)),
            Metric::Complaints => Some(sum(|t| t.complaints)),
        }
    }
}

/// A trial at one provider, or at all of them together.
pub(super) struct TrialPart<'a> {
    pub(super) cells: &'a [Cell],
    /// When 50, 90, 99 and 100 % of the deliverable recipients had their mail.
    pub(super) reached_us: &'a [Option<u64>; 4],
}

impl<'a> TrialPart<'a> {
    /// The trial at the provider in that place of the record, if there is one, or at all of them.
    pub(super) fn new(trial: &'a Trial, provider: Option<usize>) -> Option<Self> {
        let Some(place) = provider else {
            return Some(Self { cells: &trial.cells, reached_us: &trial.reached_us });
        };
        let cell = trial.cells.get(place)?;
        Some(Self { cells: std::slice::from_ref(cell), reached_us: &cell.totals.reached_us })
    }

    /// The sum of one of the totals.
    pub(super) fn sum(&self, of: fn(&Totals) -> u64) -> f64 {
        self.cells.iter().map(|cell| of(&cell.totals)).sum::<u64>() as f64
    }
}

/// `part / whole`, unless there is no whole.
fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// How much of the oracle's bound a trial reached.
///
/// Let D be what the oracle delivered in all under the same seed, and b the first bucket of the time series at whose
/// end it had delivered at least 0.9 D. The value is what this trial had delivered at the end of b, divided by what
/// the oracle had then. `None` if there is no oracle under this seed or it delivered nothing.
fn bound_share(trial: &Trial, record: &Record, provider: Option<usize>) -> Option<f64> {
    let oracle = record.oracle()?;
    let bound = record.trials.iter().find(|other| other.strategy == oracle.name && other.seed == trial.seed)?;
    let length = bound.cells.iter().map(|cell| cell.series.delivered.len()).max()?;
    let delivered = |trial: &Trial, bucket: usize| -> u64 {
        let here = trial.cells.iter().enumerate().filter(|(place, _)| provider.is_none_or(|wanted| wanted == *place));
        here.map(|(_, cell)| cell.series.delivered.get(bucket).copied().unwrap_or(0)).sum()
    };
    let total: u64 = (0..length).map(|bucket| delivered(bound, bucket)).sum();
    let (mut ours, mut theirs) = (0, 0);
    for bucket in 0..length {
        ours += delivered(trial, bucket);
        theirs += delivered(bound, bucket);
        if theirs > 0 && theirs * 10 >= total * 9 {
            return ratio(ours as f64, theirs as f64);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{OwnFailures, ProviderInfo, Series, StrategyInfo};

    fn record() -> Record {
        let strategy = |name: &str, bound| StrategyInfo { name: name.into(), about: String::new(), bound };
        let provider = |name: &str| ProviderInfo { name: name.into(), title: name.into() };
        let cell = |attempts, deferred, delivered: [u64; 4]| Cell {
            totals: Totals { attempts, deferred, delivered: delivered.iter().sum(), ..Totals::default() },
            series: Series { delivered: delivered.to_vec(), ..Series::default() },
            time_to_delivery: String::new(),
            replies: vec![],
            rules: vec![],
        };
        let trial = |strategy: &str, cells| Trial {
            strategy: strategy.into(),
            seed: 7,
            unknowns: 7,
            hash: String::new(),
            events: 0,
            settled_us: None,
            reached_us: [Some(5_000_000), None, None, None],
            capped_us: 0,
            cells,
            own_failures: OwnFailures::default(),
        };
        let strategies = vec![strategy("fixed", false), strategy("oracle", true)];
        let providers = vec![provider("a"), provider("b")];
        Record {
            duration_us: 4_000_000,
            bucket_us: 1_000_000,
            trials: vec![
                trial("fixed", vec![cell(100, 25, [10, 10, 10, 10]), cell(0, 0, [0; 4])]),
                trial("oracle", vec![cell(40, 0, [30, 8, 2, 0]), cell(10, 0, [0, 0, 0, 10])]),
            ],
            ..Record::empty("s".into(), String::new(), strategies, providers)
        }
    }

    #[test]
    fn shares_of_nothing_are_not_zero() {
        let record = record();
        let fixed = &record.trials[0];
        assert_eq!(value(fixed, &record, "deferral-share", Some("a")), Some(0.25));
        assert_eq!(value(fixed, &record, "deferral-share", Some("b")), None);
        assert_eq!(value(fixed, &record, "deferral-share", None), Some(0.25));
        assert_eq!(value(fixed, &record, "attempts-per-delivery", None), Some(2.5));
        assert_eq!(value(fixed, &record, "no-such", None), None);
        assert_eq!(value(fixed, &record, "attempts", Some("no-such")), None);
    }

    #[test]
    fn times_together_are_the_trials_own() {
        let record = record();
        assert_eq!(value(&record.trials[0], &record, "time-to-50", None), Some(5.0));
        assert_eq!(value(&record.trials[0], &record, "time-to-90", None), None);
        assert_eq!(value(&record.trials[0], &record, "time-to-50", Some("a")), None);
    }

    #[test]
    fn the_bound_is_met_when_the_oracle_is_at_ninety_percent() {
        let record = record();
        // The oracle has 38 of 40 after the second bucket; the other has 20 by then.
        assert_eq!(value(&record.trials[0], &record, "bound-share", Some("a")), Some(20.0 / 38.0));
        assert_eq!(value(&record.trials[1], &record, "bound-share", None), Some(1.0));
        let alone = Record { strategies: record.strategies[..1].to_vec(), ..record.clone() };
        assert_eq!(value(&alone.trials[0], &alone, "bound-share", None), None);
    }
}
