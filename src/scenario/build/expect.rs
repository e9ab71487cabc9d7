//! Expectations: what the results must be.

use std::collections::BTreeSet;

use super::names::at_most;
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
    let known: BTreeSet<&str> = strategies.iter().map(String::as_str).collect();
    let mut expectations = Vec::new();
    for spec in at_most(EXPECTATIONS_MAX, "expectations", specs, check) {
        if !METRICS.contains(&spec.metric.value.as_str()) {
            check.unknown("metric", &spec.metric, METRICS);
        }
        if !known.contains(spec.strategy.as_str()) {
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

/// More than anyone expects.
const EXPECTATIONS_MAX: usize = 10_000;
