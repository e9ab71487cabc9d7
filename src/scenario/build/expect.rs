//! Expectations: what the results must be.

use super::providers::Providers;
use crate::metric::METRICS;
use crate::scenario::model::Expectation;
use crate::scenario::spec::ExpectSpec;
use crate::spanned::{Checker, Spanned};

/// The expectations of a scenario.
pub(super) fn build(
    specs: &[Spanned<ExpectSpec>],
    strategies: &[String],
    providers: &Providers,
    check: &mut Checker<'_>,
) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for spec in specs {
        if !METRICS.contains(&spec.metric.value.as_str()) {
            check.unknown("metric", &spec.metric, METRICS);
        }
        if !strategies.contains(&spec.strategy.value) {
            let known: Vec<&str> = strategies.iter().map(String::as_str).collect();
            check.unknown("strategy", &spec.strategy, &known);
        }
        if let Some(name) = &spec.provider {
            providers.find(name, check);
        }
        let mut bound = |written: &Option<Spanned<f64>>, open| match written {
            Some(bound) => check.number(bound, "write a number", |_| true).unwrap_or(open),
            None => open,
        };
        // Open ends are the largest numbers, not infinity: JSON has no word for that.
        let (min, max) = (bound(&spec.min, f64::NEG_INFINITY), bound(&spec.max, f64::INFINITY));
        match (&spec.min, &spec.max) {
            (None, None) => check.wrong_do(&spec.span, "this expects nothing", "write `min`, `max` or both"),
            (Some(_), Some(place)) if min > max => {
                check.wrong(&place.span, format!("nothing is at least {min} and at most {max}"));
            }
            _ => {}
        }
        expectations.push(Expectation {
            metric: spec.metric.value.clone(),
            strategy: spec.strategy.value.clone(),
            provider: spec.provider.as_ref().map(|name| name.value.clone()),
            min,
            max,
        });
    }
    expectations
}
