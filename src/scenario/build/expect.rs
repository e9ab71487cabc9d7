//! Expectations: what the results must be.

use super::providers::Providers;
use super::range;
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
        let bounds = (&spec.min, &spec.max);
        let (min, max) = range::build(bounds, &spec.span, "this expects nothing", check);
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
