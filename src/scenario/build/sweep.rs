//! The table `[sweep]`: what `mxlab sweep` goes through. Whether every value makes a scenario is seen when they are
//! built.

use super::providers::Providers;
use super::range;
use crate::metric::{Criterion, METRICS, Metric};
use crate::scenario::spec::{SafeSpec, SweepSpec, ValuesSpec};
use crate::scenario::sweep::{Place, Sweep, Values, default_criterion};
use crate::spanned::{Checker, Spanned, Tree};

/// The sweep of a scenario, if nothing is wrong with it.
pub(super) fn build(
    spec: &Spanned<SweepSpec>,
    scenario: &Tree<'_>,
    providers: &Providers,
    check: &mut Checker<'_>,
) -> Option<Sweep> {
    let over = match Place::find(&spec.over, scenario) {
        Ok(place) => Some(place),
        Err(wrong) => {
            let help = wrong.help.unwrap_or_else(|| "name one of its values by its path".to_owned());
            check.wrong_do(&spec.over.span, wrong.message, help);
            None
        }
    };
    let values = match &spec.values.value {
        ValuesSpec::Text(text) => Values::read(text),
        ValuesSpec::List(list) => Values::of(list.clone()),
    };
    let values = match values {
        Ok(values) => Some(values),
        Err(wrong) => {
            check.wrong(&spec.values.span, wrong.to_string());
            None
        }
    };
    let safe = spec.safe.as_ref().map_or_else(default_criterion, |safe| criterion(safe, providers, check));
    Some(Sweep { over: over?, values: values?, safe })
}

fn criterion(spec: &Spanned<SafeSpec>, providers: &Providers, check: &mut Checker<'_>) -> Criterion {
    let metric = spec.metric.as_ref().map_or(Metric::DeferralShare, |written| {
        written.parse().unwrap_or_else(|_| {
            check.unknown("metric", written, METRICS);
            Metric::DeferralShare
        })
    });
    if metric == Metric::BoundShare
        && let Some(written) = &spec.metric
    {
        check.wrong(&written.span, "a sweep does not compare every trial with the oracle: choose another metric");
    }
    if let Some(name) = &spec.provider {
        providers.find(name, check);
    }
    let (min, max) = range::build((&spec.min, &spec.max), &spec.span, "any value would be safe", check);
    Criterion {
        metric: metric.name().to_owned(),
        provider: spec.provider.as_ref().map(|name| name.value.clone()),
        min,
        max,
    }
}
