//! The figures a record answers for, by the names people write in `[[expect]]`.
//!
//! Each is a number of one trial, at one provider or at all of them together. `None` means that it is not defined there
//! (a share of nothing, a time that was never reached); it is never counted as zero.

use std::fmt;
use std::str::FromStr;

use super::{Record, Totals, Trial};

/// The names of all metrics.
pub const METRICS: &[&str] = &{
    let mut names = [""; Metric::ALL.len()];
    let mut n = 0;
    while n < names.len() {
        names[n] = Metric::ALL[n].name();
        n += 1;
    }
    names
};

/// The metric called `metric` of a trial, at the provider of that name or at all together; `None` if it is not defined,
/// or there is no such metric or provider.
pub fn value(trial: &Trial, record: &Record, metric: &str, provider: Option<&str>) -> Option<f64> {
    let place = match provider {
        Some(name) => Some(record.providers.iter().position(|provider| provider.name == name)?),
        None => None,
    };
    metric.parse::<Metric>().ok()?.of(trial, record, place)
}

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A share of a whole, from 0 to 1.
    Fraction,
    /// A number of things for each of others.
    Ratio,
    /// Seconds.
    Seconds,
    /// Recipients times hours.
    RecipientHours,
    /// From 0 (bad) to 1 (good).
    Reputation,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "count",
            Self::Fraction => "share, 0 to 1",
            Self::Ratio => "ratio",
            Self::Seconds => "seconds",
            Self::RecipientHours => "recipient-hours",
            Self::Reputation => "reputation, 0 to 1",
        })
    }
}

macro_rules! metrics {
    ($($variant:ident $name:literal $unit:ident $about:literal;)*) => {
        /// A figure of a trial.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $about] $variant,)*
        }

        impl Metric {
            /// All of them, in the order they are shown.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name people write.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it says, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// What it is measured in.
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit,)* }
            }
        }
    };
}

metrics! {
    DeferralShare "deferral-share" Fraction "Share of attempts that the provider deferred.";
    FailedShare "failed-share" Fraction "Share of attempts that failed without a reply.";
    Injected "injected" Count "Recipients that entered the queue.";
    Delivered "delivered" Count "Recipients that got their mail.";
    DeliveredShare "delivered-share" Fraction "Share of the deliverable recipients (with a mailbox that takes mail) that got their mail.";
    Bounced "bounced" Count "Recipients given up because of a reply.";
    BouncedByLimit "bounced-by-limit" Count "Recipients given up because of a permanent reply to what was in truth a temporary limit.";
    Expired "expired" Count "Recipients given up because of their age.";
    Queued "queued" Count "Recipients still queued at the end.";
    Attempts "attempts" Count "Delivery attempts; each counts every recipient it carried.";
    AttemptsPerDelivery "attempts-per-delivery" Ratio "Attempts for each recipient that got its mail.";
    Connections "connections" Count "Connections tried.";
    RefusedConnectionShare "refused-connection-share" Fraction "Share of connections refused at connect or EHLO.";
    Transactions "transactions" Count "Transactions begun.";
    Suspended "suspended" Count "How often recipients were put off without being tried, because the sender took their site for dead.";
    MeanWindow "mean-window" Ratio "Mean of the sender's window of concurrency, seen after every delivery.";
    TimeTo50 "time-to-50" Seconds "Time until 50 % of the deliverable recipients had their mail.";
    TimeTo90 "time-to-90" Seconds "Time until 90 % of the deliverable recipients had their mail.";
    TimeTo99 "time-to-99" Seconds "Time until 99 % of the deliverable recipients had their mail.";
    TimeTo100 "time-to-100" Seconds "Time until all deliverable recipients had their mail.";
    HeldBack "held-back" RecipientHours "How long mail was ready to go and the sender itself held it back, summed over recipients.";
    HoldTime "hold-time" Seconds "How long clients were under a hold of the provider, summed over clients.";
    BoundShare "bound-share" Fraction "What was delivered by the time the oracle had delivered 90 % of its own total, as a share of what the oracle had.";
    ReputationEnd "reputation-end" Reputation "Lowest reputation of any source at the end.";
    Complaints "complaints" Count "Complaints that reached the provider.";
}

impl Metric {
    /// Whether it is a time that may never come: a mean over the seeds that reached it says nothing about the others.
    pub const fn is_censored(self) -> bool {
        matches!(self, Self::TimeTo50 | Self::TimeTo90 | Self::TimeTo99 | Self::TimeTo100)
    }

    /// Its value in a trial, at the provider in that place of the record, or at all of them together.
    ///
    /// Together means: sums of counts, shares of sums, the whole trial's own times, the lowest reputation.
    pub fn of(self, trial: &Trial, record: &Record, provider: Option<usize>) -> Option<f64> {
        let cells = match provider {
            Some(place) => std::slice::from_ref(trial.cells.get(place)?),
            None => trial.cells.as_slice(),
        };
        let sum = |part: fn(&Totals) -> u64| cells.iter().map(|cell| part(&cell.totals)).sum::<u64>() as f64;
        let share = |part, whole| ratio(sum(part), sum(whole));
        let reached = |place: usize| {
            let reached_us = provider.map_or(&trial.reached_us, |_| &cells[0].totals.reached_us);
            reached_us[place].map(|micros| micros as f64 / 1e6)
        };
        match self {
            Self::DeferralShare => share(|t| t.deferred, |t| t.attempts),
            Self::FailedShare => share(|t| t.failed, |t| t.attempts),
            Self::Injected => Some(sum(|t| t.injected)),
            Self::Delivered => Some(sum(|t| t.delivered)),
            Self::DeliveredShare => share(|t| t.delivered, |t| t.deliverable),
            Self::Bounced => Some(sum(|t| t.bounced)),
            Self::BouncedByLimit => Some(sum(|t| t.bounced_by_limit)),
            Self::Expired => Some(sum(|t| t.expired)),
            Self::Queued => Some(sum(|t| t.queued)),
            Self::Attempts => Some(sum(|t| t.attempts)),
            Self::AttemptsPerDelivery => share(|t| t.attempts, |t| t.delivered),
            Self::Connections => Some(sum(|t| t.connections)),
            Self::RefusedConnectionShare => share(|t| t.connections_refused, |t| t.connections),
            Self::Transactions => Some(sum(|t| t.transactions)),
            Self::Suspended => Some(sum(|t| t.suspended)),
            Self::MeanWindow => share(|t| t.window.sum, |t| t.window.times),
            Self::TimeTo50 => reached(0),
            Self::TimeTo90 => reached(1),
            Self::TimeTo99 => reached(2),
            Self::TimeTo100 => reached(3),
            Self::HeldBack => Some(sum(|t| t.held_back_us) / 3.6e9),
            Self::HoldTime => Some(sum(|t| t.hold_us) / 1e6),
            Self::BoundShare => bound_share(trial, record, provider),
            Self::ReputationEnd => {
                cells.iter().filter_map(|cell| cell.series.reputation.last().copied()).reduce(f64::min)
            }
            Self::Complaints => Some(sum(|t| t.complaints)),
        }
    }
}

/// There is no metric of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric `{0}`")]
pub struct UnknownMetric(pub String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        Self::ALL.into_iter().find(|metric| metric.name() == name).ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
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
    use crate::record::{Cell, ProviderInfo, Series, StrategyInfo};

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
            cells,
        };
        Record {
            format: Record::FORMAT,
            scenario: "s".into(),
            question: String::new(),
            duration_us: 4_000_000,
            bucket_us: 1_000_000,
            partial: false,
            strategies: vec![strategy("fixed", false), strategy("oracle", true)],
            providers: vec![provider("a"), provider("b")],
            expected: vec![],
            trials: vec![
                trial("fixed", vec![cell(100, 25, [10, 10, 10, 10]), cell(0, 0, [0; 4])]),
                trial("oracle", vec![cell(40, 0, [30, 8, 2, 0]), cell(10, 0, [0, 0, 0, 10])]),
            ],
            crossed: vec![],
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

    #[test]
    fn names_lead_back_to_their_metric() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
            assert!(metric.about().ends_with('.'), "{metric}");
        }
        assert_eq!(METRICS.len(), Metric::ALL.len());
        assert!("defferal-share".parse::<Metric>().is_err());
    }
}
