//! The answer in one sentence: which strategy did best, and the numbers that say so.

use crate::harmless;
use crate::metric::Metric;
use crate::record::{Record, Totals};

use super::analysis::Analysis;
use super::comparisons::Comparison;
use super::spread::{self, SpreadSource, says_nothing};
use super::summary::SummaryRow;
use super::unknown_shares::UnknownSource;
use super::words::{duration, number, percent};

/// The answer of a run: who does best, how it fares, and what the second and the last do worse under the same seeds.
pub(super) fn answer(analysis: &Analysis<'_>) -> String {
    let record = analysis.record;
    let rivals = analysis.ranked_rows();
    let Some(best) = rivals.first().copied() else {
        return "No trial was finished: there is no answer.".to_owned();
    };
    if best.mean(Metric::Injected) == Some(0.0) {
        return format!("No mail was injected: there is no answer.{}", unknown_mail(record).unwrap_or_default());
    }
    let best_name = harmless::line(name(record, best));
    let does = if rivals.len() > 1 { " does best: it" } else { "" };
    let mut parts = vec![match best.mean(Metric::DeliveredShare) {
        Some(share) => format!("{best_name}{does} delivers {} %{}", percent(share), whole(best)),
        None => format!("{best_name} had nobody to deliver to"),
    }];
    if let Some(share) = best.mean(Metric::DeferralShare) {
        parts.push(format!(", {} % of its attempts are deferred", percent(share)));
    }
    parts.push(reached(best));
    parts.push(".".to_owned());
    parts.extend(unknown_mail(record));
    let oracle = record.oracle().map(|oracle| oracle.name.as_str());
    if let Some(share) = best.mean(Metric::BoundShare).filter(|_| Some(name(record, best)) != oracle) {
        let share = percent(share);
        parts.push(format!(
            " By the time the oracle has delivered 90 % of its mail, it has delivered {share} % as much."
        ));
    }
    parts.extend(rivals.get(1).filter(|_| rivals.len() > 2).map(|next| beside(analysis, "Second", next)));
    parts.extend(rivals.last().filter(|_| rivals.len() > 1).map(|last| beside(analysis, "Last", last)));
    parts.concat()
}

/// Where the spread of the best strategy's main figure comes from, in a sentence; `None` if there is nothing to tell.
pub(super) fn spread_of_best(analysis: &Analysis<'_>) -> Option<String> {
    let strategy = *analysis.ranked.first()?;
    let SpreadSource { metric, spread, .. } = main_spread(analysis)?;
    let own_name = &analysis.record.strategies[strategy].name;
    let name = harmless::line(own_name);
    let what = match metric {
        Metric::DeferralShare => "share of deferrals",
        Metric::TimeTo90 => "time to 90 %",
        _ => "share delivered",
    };
    let (low, high) = spread.interval;
    if says_nothing(spread.interval) {
        let seeds = analysis.record.trials_of(own_name).count();
        return Some(format!(
            "Whether the {what} of {name} differs from seed to seed by limits nobody outside knows or by chance, {seeds} seeds are too few to tell."
        ));
    }
    Some(format!(
        "Of the spread over seeds in the {what} of {name}, about {:.0} % ({:.0} to {:.0}) comes from limits nobody outside knows, the rest from chance.",
        spread.share * 100.0,
        low * 100.0,
        high * 100.0
    ))
}

/// The spread of the best strategy's main figure.
fn main_spread<'a>(analysis: &'a Analysis<'_>) -> Option<&'a SpreadSource> {
    let strategy = *analysis.ranked.first()?;
    MAIN.iter().find_map(|metric| analysis.spread(strategy, None, *metric))
}

/// The unknowns that are behind most of that spread, in a sentence; `None` if the run did not look for them, or there
/// is no spread to divide.
pub(super) fn main_unknowns(analysis: &Analysis<'_>) -> Option<String> {
    let SpreadSource { metric, spread, .. } =
        main_spread(analysis).filter(|main| !says_nothing(main.spread.interval))?;
    let mut sources: Vec<&UnknownSource> = analysis.unknowns_of(None, *metric).collect();
    sources.sort_by(|a, b| b.share.share.total_cmp(&a.share.share));
    let matter: Vec<&&UnknownSource> = sources.iter().filter(|source| source.share.share >= LEAST_TOLD).collect();
    if matter.is_empty() {
        return None;
    }
    if matter.iter().all(|source| says_nothing(source.share.interval)) && matter.len() > 1 {
        return Some(format!(
            "Which of {} unknown limits is behind it, these seeds are too few to tell.",
            sources.len()
        ));
    }
    let told = matter.iter().take(MOST_TOLD).map(|source| {
        let UnknownSource { unknown, share, .. } = source;
        let info = &analysis.record.unknowns[*unknown];
        let provider = analysis.record.providers.get(info.provider).map_or("", |provider| &provider.name);
        let share = spread::text(share.share, share.interval).replace('-', " to ");
        format!("{} of {} {share}", harmless::line(&info.name), harmless::line(provider))
    });
    let told: Vec<String> = told.collect();
    let rest = match matter.len().saturating_sub(MOST_TOLD) {
        0 => String::new(),
        rest => format!(", and {rest} more"),
    };
    Some(format!("Behind these {:.0} %: {}{rest}.", spread.share * 100.0, told.join(", ")))
}

/// So many unknowns are told in a sentence …
const MOST_TOLD: usize = 3;
/// … and none with a smaller share.
const LEAST_TOLD: f64 = 0.005;

/// What a sentence is about, the first of them that varies.
const MAIN: [Metric; 3] = [Metric::DeferralShare, Metric::TimeTo90, Metric::DeliveredShare];

/// The connections that never came to a recipient, in a sentence; `None` if there were none, as wherever a sender keeps
/// the record.
fn unknown_mail(record: &Record) -> Option<String> {
    let sum = |of: fn(&Totals) -> u64| -> u64 {
        record.trials.iter().flat_map(|trial| &trial.cells).map(|cell| of(&cell.totals)).sum()
    };
    let without = sum(|totals| totals.connections_without_recipient);
    let all = number(sum(|totals| totals.connections) as f64);
    (without > 0).then(|| {
        let without = number(without as f64);
        format!(" {without} of {all} connections never came to a recipient: what they would have sent is in no share.")
    })
}

/// What makes a run less than whole, if anything does.
pub(super) fn warning(record: &Record) -> Option<String> {
    let halted = record.halted.as_deref().map(|why| format!("HALTED BY MXLAB: {}.", harmless::line(why)));
    let partial = record.partial.then(|| {
        format!(
            "PARTIAL RUN: it was stopped before all trials were done; what follows rests on the {} that were.",
            number((record.trials.len() + record.crossed.len()) as f64)
        )
    });
    let warnings: Vec<String> = own_side(record).into_iter().chain(halted).chain(partial).collect();
    (!warnings.is_empty()).then(|| warnings.join("\n"))
}

/// What failed on mxlab's own side, if anything did.
pub(super) fn own_side(record: &Record) -> Option<String> {
    let failures = record.own_failures();
    (!failures.is_empty()).then(|| {
        format!(
            "MXLAB'S OWN SIDE FAILED: {failures}. Attempts that it held up or broke off are booked as nobody's, neither \
             refused nor failed nor lost; times and rates may not be what the providers and the strategies would have \
             had."
        )
    })
}

/// How the expectations came out, in a sentence; `None` if there were none.
pub(super) fn verdict(record: &Record) -> Option<String> {
    let all = record.expected.len();
    let missed = record.expected.iter().filter(|expected| !expected.met).count();
    match (all, missed) {
        (0, _) => None,
        (1, 0) => Some("The expectation was met.".to_owned()),
        (_, 0) => Some(format!("All {all} expectations were met.")),
        _ => Some(format!("{missed} of {all} expectations missed.")),
    }
}

fn name<'a>(record: &'a Record, row: &SummaryRow) -> &'a str {
    &record.strategies[row.strategy].name
}

fn whole(row: &SummaryRow) -> String {
    let recipients = row.mean(Metric::Injected).unwrap_or(0.0);
    let given_up = row.mean(Metric::DeliveredShare).is_some_and(|share| share < 0.9995);
    let of = if given_up { " of the recipients it could" } else { "" };
    format!("{of} ({} injected)", number(recipients))
}

fn reached(row: &SummaryRow) -> String {
    let figure = row.figure(Metric::TimeTo90);
    match figure.estimate {
        Some(estimate) => format!(", and 90 % have their mail after {}", duration(estimate.mean)),
        None if figure.defined > 0 => {
            format!(", and 90 % have their mail in only {} of {} seeds", figure.defined, figure.seeds)
        }
        None if figure.beyond() > 0 => ", and 90 % is never reached".to_owned(),
        None => String::new(),
    }
}

/// A strategy beside the best: what the seeds show it does more or less; under a single seed, its own figures.
fn beside(analysis: &Analysis<'_>, place: &str, row: &SummaryRow) -> String {
    let rival = harmless::line(name(analysis.record, row));
    if row.figure(Metric::Injected).seeds < 2 {
        let share =
            |metric| row.mean(metric).map_or_else(|| "none".to_owned(), |share| format!("{} %", percent(share)));
        let (delivered, deferred) = (share(Metric::DeliveredShare), share(Metric::DeferralShare));
        return format!(" {place} comes {rival}: {delivered} delivered, {deferred} deferred.");
    }
    let against = |metric| analysis.beside_best(row.strategy, None, metric);
    let is_shown = |comparison: &&Comparison| comparison.is_shown();
    let shown = |metric| against(metric).filter(is_shown).map(Comparison::phrase);
    let [delivered, deferred] = [Metric::DeliveredShare, Metric::DeferralShare].map(shown);
    // Who ranks lower by a mean that differs by chance may well be ahead in what differs for sure.
    let open = delivered.is_none() && against(Metric::DeliveredShare).is_some_and(|comparison| !comparison.is_equal());
    let sure: Vec<String> = delivered.into_iter().chain(deferred).collect();
    let sure = if sure.is_empty() { shown(Metric::TimeTo90).into_iter().collect() } else { sure };
    match (sure.is_empty(), open) {
        (true, _) => format!(" {place} comes {rival}, but these seeds show no difference."),
        (false, true) => {
            format!(
                " {place} comes {rival}: these seeds show no difference in what it delivers, but it {}.",
                sure.concat()
            )
        }
        (false, false) => format!(" {place} comes {rival}: it {}.", sure.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn connections_without_a_recipient_are_told_beside_the_shares_of_those_with_one() {
        let mut record = sample::small();
        assert!(!answer(&Analysis::of(&record)).contains("never came"));
        record.trials.truncate(1);
        for cell in &mut record.trials[0].cells {
            (cell.totals.connections, cell.totals.connections_without_recipient) = (1_000, 0);
        }
        record.trials[0].cells[0].totals.connections_without_recipient = 900;
        let all = number(1_000.0 * record.trials[0].cells.len() as f64);
        let told = answer(&Analysis::of(&record));
        assert!(told.contains(&format!(" 900 of {all} connections never came to a recipient")), "{told}");
        for cell in &mut record.trials[0].cells {
            cell.totals.injected = 0;
        }
        let told = answer(&Analysis::of(&record));
        assert!(told.starts_with("No mail was injected") && told.contains(" 900 of "), "{told}");
    }

    #[test]
    fn the_spread_of_the_best_is_said_where_the_run_divided_it() {
        let told = spread_of_best(&Analysis::of(&sample::large())).unwrap();
        assert!(told.contains("limits nobody outside knows"), "{told}");
        assert_eq!(spread_of_best(&Analysis::of(&sample::small())), None);
    }

    #[test]
    fn the_unknowns_behind_it_are_named() {
        let told = main_unknowns(&Analysis::of(&sample::large())).unwrap();
        assert!(told.starts_with("Behind these ") && told.contains("connections of yahoo"), "{told}");
        assert_eq!(main_unknowns(&Analysis::of(&sample::small())), None);
    }
}
