//! What makes a value safe, as the command line writes it: `deferral-share<=0.01`, `time-to-90@charter<=30min`.

use crate::metric::{Criterion, METRICS, Metric, Unit};
use crate::spanned::nearest_or_all;
use crate::time::Span;

/// Why a text says nothing that a value could meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongCriterion(String);

/// Where nothing else is said: at most one attempt in a hundred is deferred, at all providers together.
pub fn default_criterion() -> Criterion {
    Criterion { metric: Metric::DeferralShare.name().to_owned(), provider: None, min: f64::NEG_INFINITY, max: 0.01 }
}

/// Reads `METRIC<=NUMBER` or `METRIC>=NUMBER`, with `@PROVIDER` after the metric where it is measured at one of the
/// `providers` alone. A number may be a percentage (`1%`) or, for a metric in seconds, a length of time (`30min`).
///
/// # Errors
///
/// Where it is no criterion, or names a metric or a provider that does not exist.
pub fn criterion(text: &str, providers: &[&str]) -> Result<Criterion, WrongCriterion> {
    let split = |sign: &str| text.split_once(sign).map(|(left, right)| (left.trim(), right.trim()));
    let (left, bound, most) = match (split("<="), split(">=")) {
        (Some((left, right)), None) => (left, right, true),
        (None, Some((left, right))) => (left, right, false),
        _ => {
            let help = "write METRIC<=NUMBER or METRIC>=NUMBER, such as deferral-share<=0.01";
            return Err(WrongCriterion(format!("`{text}` is no criterion; {help}")));
        }
    };
    let (name, provider) = left.split_once('@').map_or((left, None), |(name, at)| (name.trim(), Some(at.trim())));
    let metric: Metric = name.parse().map_err(|_| unknown("metric", name, METRICS))?;
    if metric == Metric::BoundShare {
        let what = "a sweep does not compare every trial with the oracle: choose another metric than bound-share";
        return Err(WrongCriterion(what.to_owned()));
    }
    if let Some(provider) = provider.filter(|provider| !providers.contains(provider)) {
        return Err(unknown("provider", provider, providers));
    }
    let number = match (bound.strip_suffix('%'), metric.unit()) {
        (Some(percent), _) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        (None, Unit::Seconds) => bound.parse().ok().or_else(|| bound.parse::<Span>().ok().map(Span::as_secs_f64)),
        _ => bound.parse().ok(),
    };
    let number = number.filter(|number| number.is_finite());
    let number =
        number.ok_or_else(|| WrongCriterion(format!("`{bound}` is no number for {name} ({})", metric.unit())))?;
    let (min, max) = if most { (f64::NEG_INFINITY, number) } else { (number, f64::INFINITY) };
    Ok(Criterion { metric: name.to_owned(), provider: provider.map(str::to_owned), min, max })
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> WrongCriterion {
    WrongCriterion(format!("there is no {kind} `{name}`; {}", nearest_or_all(name, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Criterion, String> {
        criterion(text, &["charter", "yahoo"]).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn bounds_are_read_in_the_units_of_the_metric() {
        assert_eq!(read("deferral-share<=0.01"), Ok(default_criterion()));
        assert_eq!(read("deferral-share <= 1%"), Ok(default_criterion()));
        let slow = read("time-to-90@charter<=30min").unwrap();
        assert_eq!((slow.provider.as_deref(), slow.max), (Some("charter"), 1_800.0));
        let share = read("delivered-share>=0.99").unwrap();
        assert_eq!((share.min, share.max), (0.99, f64::INFINITY));
    }

    #[test]
    fn what_is_no_criterion_is_said() {
        for (text, said) in [
            ("deferral-share", "write METRIC<=NUMBER"),
            ("deferal-share<=1", "did you mean `deferral-share`?"),
            ("deferral-share@chartre<=1", "did you mean `charter`?"),
            ("deferral-share@x<=1", "there is `charter` and `yahoo`"),
            ("deferral-share<=many", "`many` is no number for deferral-share (share, 0 to 1)"),
            ("bound-share>=0.5", "choose another metric"),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
    }
}
