//! Arrivals: when messages are to go out, and how many. All of it must lie within the trial.

use std::collections::BTreeMap;
use std::ops::Range;

use super::files::NamedFiles;
use super::providers::Providers;
use crate::scenario::model::Source;
use crate::scenario::spec::{ArrivalsSpec, PoissonStageSpec};
use crate::spanned::{Checker, Spanned};
use crate::time::{Span, Time};
use crate::units::DomainId;
use crate::workload::{Arrivals, Mail, PoissonStage, TraceRow, read_trace};

/// What all streams of a scenario are bound by.
pub(super) struct Bounds<'a> {
    /// The providers that the mail is for.
    pub(super) providers: &'a Providers,
    /// The sources that may carry it.
    pub(super) sources: &'a [Source],
    /// How long a trial lasts: nothing may arrive later.
    pub(super) duration: Span,
    /// The time of day at which a trial starts.
    pub(super) day_starts: Span,
}

/// When messages are to go out.
pub(super) fn build(
    spec: &Spanned<ArrivalsSpec>,
    bounds: &Bounds<'_>,
    files: &mut NamedFiles<'_>,
    check: &mut Checker<'_>,
) -> Arrivals {
    let duration = bounds.duration;
    match &spec.value {
        ArrivalsSpec::AtOnce { recipients, at } => {
            if let Some(at) = at.as_ref().filter(|at| at.value >= duration) {
                too_late(&at.span, at.value, duration, check);
            }
            let recipients = check.count(recipients, 1..=Mail::RECIPIENTS_MAX);
            Arrivals::AtOnce { recipients, at: moment(at.as_ref().map_or(Span::ZERO, |at| at.value)) }
        }
        ArrivalsSpec::Poisson { per_hour, from, until } => {
            let begins = from.as_ref().map_or(Span::ZERO, |from| from.value);
            let ends = until.as_ref().map_or(duration, |until| until.value);
            if let Some(until) = until.as_ref().filter(|until| until.value > duration) {
                too_late(&until.span, until.value, duration, check);
            } else if begins >= ends {
                let at = from.as_ref().or(until.as_ref()).map_or(&spec.span, |at| &at.span);
                check.wrong(at, format!("nothing is sent from {begins} until {ends}"));
            }
            let per_second = check.positive(per_hour) / 3_600.0;
            Arrivals::Poisson { stages: vec![PoissonStage { from: moment(begins), until: moment(ends), per_second }] }
        }
        ArrivalsSpec::Stages(stages) => Arrivals::Poisson { stages: consecutive(stages, duration, check) },
        ArrivalsSpec::Diurnal { recipients, over, hours } => {
            if let Some(over) = over.as_ref().filter(|over| over.value > duration) {
                too_late(&over.span, over.value, duration, check);
            }
            Arrivals::Diurnal {
                recipients: check.count(recipients, 1..=Mail::RECIPIENTS_MAX),
                over: over.as_ref().map_or(duration, |over| check.some_time(over)),
                hours: hours.as_ref().map_or(BUSINESS_DAY, |hours| curve(hours, check)),
                day_starts: bounds.day_starts,
            }
        }
        ArrivalsSpec::Trace(name) => trace(name, bounds, files, check),
    }
}

fn consecutive(specs: &Spanned<Vec<PoissonStageSpec>>, duration: Span, check: &mut Checker<'_>) -> Vec<PoissonStage> {
    let mut stages = Vec::new();
    let mut from = Time::ZERO;
    for spec in &specs.value {
        let until = from + check.some_time(&spec.lasts);
        if until > moment(duration) && from <= moment(duration) {
            too_late(&spec.lasts.span, until.since(Time::ZERO), duration, check);
        }
        stages.push(PoissonStage { from, until, per_second: check.not_negative(&spec.per_hour) / 3_600.0 });
        from = until;
    }
    if stages.iter().all(|stage| stage.per_second == 0.0) {
        check.wrong_do(&specs.span, "these stages send nothing", "write a stage with a rate above 0");
    }
    stages
}

fn curve(written: &Spanned<Vec<Spanned<f64>>>, check: &mut Checker<'_>) -> [f64; 24] {
    let mut hours = [0.0; 24];
    for (hour, weight) in hours.iter_mut().zip(&written.value) {
        *hour = check.not_negative(weight);
    }
    if written.len() != 24 {
        check.wrong(&written.span, format!("a day has 24 hours, but here are {} weights", written.len()));
    } else if hours.iter().all(|hour| *hour == 0.0) {
        check.wrong_do(&written.span, "all hours have weight 0: nothing is sent", "write a weight above 0");
    }
    hours
}

fn trace(name: &Spanned<String>, bounds: &Bounds<'_>, files: &mut NamedFiles<'_>, check: &mut Checker<'_>) -> Arrivals {
    let none = |path| Arrivals::Trace { path, rows: [].into() };
    let Some((path, document)) = files.read(name, check) else { return none(name.value.clone().into()) };
    // The domains of a provider that is wrong are not known: what the trace says of them would be a false alarm.
    if bounds.providers.policies.iter().any(Option::is_none) {
        return none(path);
    }
    let domains = bounds.providers.domains.iter().enumerate();
    let known: BTreeMap<&str, DomainId> =
        domains.map(|(place, domain)| (domain.name.as_str(), DomainId::from_index(place))).collect();
    match read_trace(&document, &|domain| known.get(domain).copied()) {
        Ok(rows) => {
            let last = rows.iter().map(|row: &TraceRow| row.at).max().unwrap_or(Time::ZERO);
            if rows.is_empty() {
                check.wrong(&name.span, "this trace has no messages");
            } else if last >= moment(bounds.duration) {
                too_late(&name.span, last.since(Time::ZERO), bounds.duration, check);
            }
            Arrivals::Trace { path, rows: rows.into() }
        }
        Err(diagnostic) => {
            check.add([diagnostic]);
            none(path)
        }
    }
}

fn too_late(place: &Range<usize>, at: Span, duration: Span, check: &mut Checker<'_>) {
    let message = format!("mail is sent as late as {at}, but the trial lasts {duration}");
    check.wrong_do(place, message, "send it earlier, or write a longer `duration`");
}

fn moment(span: Span) -> Time {
    Time::ZERO + span
}

/// Our assumption of a day of mail that people and their systems write: quiet nights, most between nine and five.
const BUSINESS_DAY: [f64; 24] = [
    2.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 10.0, 9.0, 8.0, 8.0, 9.0, 9.0, 8.0, 7.0, 5.0, 4.0, 4.0, 4.0,
    3.0, 2.0,
];
