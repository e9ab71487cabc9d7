//! The metrics that people name in `[[expect]]`, `[sweep]` and `--safe`: their names, units and descriptions, and
//! what is asked of one.
//!
//! What a metric comes to in a trial is worked out in [`record`](crate::record).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::units::percent;

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

/// The values between which a figure lies, whatever happens. An interval about a mean may reach beyond them, and is
/// cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange {
    /// No value is lower.
    pub least: f64,
    /// No value is higher.
    pub most: f64,
}

impl ValueRange {
    /// Of a share of a whole.
    pub const SHARE: Self = Self { least: 0.0, most: 1.0 };
    /// Of what is counted or measured, and of its ratios.
    pub const AMOUNT: Self = Self { least: 0.0, most: f64::INFINITY };

    /// Of anything.
    pub const ANY: Self = Self { least: f64::NEG_INFINITY, most: f64::INFINITY };

    /// The range of the difference between two such values.
    #[must_use]
    pub fn of_difference(self) -> Self {
        let most = self.most - self.least;
        Self { least: -most, most }
    }

    /// The ends of an interval about a mean, as far as such values go; `half` is half its width. The mean is inside,
    /// also where an old record has one beyond.
    pub fn interval(self, mean: f64, half: Option<f64>) -> Option<(f64, f64)> {
        half.map(|half| ((mean - half).max(self.least).min(mean), (mean + half).min(self.most).max(mean)))
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
    Inboxed "inboxed" Count "Recipients that got their mail into the inbox, by a model of placement; all of them where the provider has none.";
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
    PutOff "suspended" Count "How often recipients were put off without being tried, because the sender took their site for dead.";
    MeanWindow "mean-window" Ratio "Mean of the sender's window of concurrency, seen after every delivery; not defined where it has none.";
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
    /// The values that it can have.
    pub const fn range(self) -> ValueRange {
        match self.unit() {
            // Reputation can cost the oracle more than it costs a patient strategy: the bound is no whole.
            Unit::Fraction if !matches!(self, Self::BoundShare) => ValueRange::SHARE,
            Unit::Reputation => ValueRange::SHARE,
            Unit::Fraction | Unit::Count | Unit::Ratio | Unit::Seconds | Unit::RecipientHours => ValueRange::AMOUNT,
        }
    }

    /// Whether it is a time that may never come: a mean over the seeds that reached it says nothing about the others.
    pub const fn is_censored(self) -> bool {
        matches!(self, Self::TimeTo50 | Self::TimeTo90 | Self::TimeTo99 | Self::TimeTo100)
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

/// What values measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Numbers.
    Number,
    /// Lengths of time.
    Seconds,
    /// Sizes.
    Bytes,
    /// Nothing that has an order: names, flags, or numbers among texts.
    Name,
}

/// What makes a value safe: a figure lies in a range. A figure that is not defined lies in none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// Which figure: the name of a metric.
    pub metric: String,
    /// Where it is measured; `None` is all providers together.
    pub provider: Option<String>,
    /// At least; `null` in the file is no lower end.
    #[serde(deserialize_with = "or_lowest")]
    pub min: f64,
    /// At most; `null` in the file is no upper end.
    #[serde(deserialize_with = "or_highest")]
    pub max: f64,
}

impl Criterion {
    /// Whether this value of the figure will do.
    pub fn meets(&self, figure: Option<f64>) -> bool {
        figure.is_some_and(|figure| (self.min..=self.max).contains(&figure))
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.metric.parse::<Metric>();
        let number = |value: f64| match metric.as_ref().map(|metric| metric.unit()) {
            Ok(Unit::Fraction) => percent(value),
            Ok(Unit::Seconds) => format!("{value} s"),
            Ok(Unit::Count | Unit::Ratio | Unit::RecipientHours | Unit::Reputation) | Err(_) => value.to_string(),
        };
        f.write_str(&self.metric)?;
        if let Some(provider) = &self.provider {
            write!(f, " at {provider}")?;
        }
        match (self.min.is_finite(), self.max.is_finite()) {
            (true, true) => write!(f, " from {} to {}", number(self.min), number(self.max)),
            (true, false) => write!(f, " of {} or more", number(self.min)),
            _ => write!(f, " of {} or less", number(self.max)),
        }
    }
}

/// JSON knows no infinity and writes `null`.
pub(crate) fn or_lowest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NEG_INFINITY))
}

/// JSON knows no infinity and writes `null`.
pub(crate) fn or_highest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_metric() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
            assert!(metric.about().ends_with('.'), "{metric}");
        }
        assert_eq!(METRICS.len(), Metric::ALL.len());
        assert!("defferal-share".parse::<Metric>().is_err());
    }

    #[test]
    fn an_interval_goes_as_far_as_its_values_can() {
        let share = Metric::DeferralShare.range();
        assert_eq!(share.interval(0.75, Some(0.5)), Some((0.25, 1.0)));
        assert_eq!(share.of_difference().interval(-0.5, Some(0.75)), Some((-1.0, 0.25)));
        assert_eq!(Metric::BoundShare.range().interval(0.75, Some(1.5)), Some((0.0, 2.25)));
        assert_eq!(Metric::Queued.range().interval(1.0, Some(4.0)), Some((0.0, 5.0)));
        assert_eq!(Metric::Queued.range().of_difference().interval(1.0, Some(4.0)), Some((-3.0, 5.0)));
        assert_eq!((share.interval(0.5, None), share.interval(1.5, Some(0.25))), (None, Some((1.25, 1.5))));
        assert_eq!(Metric::ReputationEnd.range(), ValueRange::SHARE);
    }

    #[test]
    fn a_criterion_speaks_the_units_of_its_metric() {
        let mut criterion =
            Criterion { metric: "deferral-share".into(), provider: None, min: f64::NEG_INFINITY, max: 0.01 };
        assert_eq!(criterion.to_string(), "deferral-share of 1 % or less");
        assert!(criterion.meets(Some(0.01)) && !criterion.meets(Some(0.011)) && !criterion.meets(None));
        criterion = Criterion { metric: "time-to-90".into(), provider: Some("a".into()), min: 1.0, max: 2.0 };
        assert_eq!(criterion.to_string(), "time-to-90 at a from 1 s to 2 s");
        let written = serde_json::to_string(&Criterion { min: f64::NEG_INFINITY, ..criterion.clone() }).unwrap();
        assert!(serde_json::from_str::<Criterion>(&written).unwrap().min.is_infinite());
    }
}
