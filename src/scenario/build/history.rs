//! What lies behind sources and sender domains when the trial begins.

use super::names::Unique;
use crate::provider::History;
use crate::scenario::spec::SenderDomainSpec;
use crate::spanned::{Checker, Count, Spanned};
use crate::time::Span;
use crate::units::Fraction;

/// Recipients a day behind a reputation of which nothing more is said: an established sender of middle size.
const REGULAR_VOLUME: u32 = 10_000;

/// What lies behind a source or a sender domain.
pub(super) fn build(
    reputation: Option<&Spanned<Fraction>>,
    daily_volume: Option<&Spanned<Count>>,
    age: Option<&Spanned<Span>>,
    check: &mut Checker<'_>,
) -> History {
    let volume = daily_volume.map(|volume| check.count(volume, 0..=u32::MAX));
    let reputation = reputation.map(|reputation| reputation.value);
    if let (None, None | Some(0), Some(age)) = (reputation, volume, age) {
        let help = "add `daily-volume`, what it sent a day, or leave the age out";
        check.wrong_do(&age.span, "an age without mail is no history", help);
    }
    History {
        reputation,
        daily_volume: volume.unwrap_or(if reputation.is_some() { REGULAR_VOLUME } else { 0 }),
        age: age.map(|age| check.some_time(age)),
    }
}

/// What the scenario says of its sender domains; `None` of those it says nothing of.
pub(super) fn of_domains(
    specs: &[Spanned<SenderDomainSpec>],
    domains: &[String],
    check: &mut Checker<'_>,
) -> Vec<Option<History>> {
    let mut histories = vec![None; domains.len()];
    let mut names = Unique::new("sender domain");
    for spec in specs {
        names.add(&spec.name, "say once what lies behind it", check);
        let history = build(spec.reputation.as_ref(), spec.daily_volume.as_ref(), spec.age.as_ref(), check);
        if let Some(place) = domains.iter().position(|domain| domain.eq_ignore_ascii_case(&spec.name)) {
            histories[place] = Some(history);
        } else {
            let known: Vec<&str> = domains.iter().map(String::as_str).take(8).collect();
            check.unknown("sender domain", &spec.name, &known);
        }
    }
    histories
}
