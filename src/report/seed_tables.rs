//! The tables of the page of a run, each over all seeds: the figures, every strategy against the best, and where the
//! spread over seeds comes from, and which unknown is behind it.

use maud::{Markup, html};

use crate::harmless;
use crate::metric::Metric;
use crate::record::Record;

use super::analysis::Analysis;
use super::comparisons::COMPARED;
use super::spread;
use super::table::{COLUMNS, blocks, text};
use super::unknown_shares::{self, DIVIDED};
use super::words::NOTHING;

/// Every figure of every strategy at every provider.
pub(super) fn figures(analysis: &Analysis<'_>) -> Markup {
    let Analysis { record, summary, .. } = analysis;
    let columns = COLUMNS.map(|column| GridColumn { metric: column.metric, heading: column.heading });
    let rows = |provider: Option<usize>| {
        html! {
            @for row in summary.at(provider) {
                @let strategy = &record.strategies[row.strategy];
                tr.bound[strategy.bound] {
                    th scope="row" title=(harmless::line(&strategy.about)) {
                        (harmless::line(&strategy.name))
                        @if strategy.bound { " (bound)" }
                    }
                    @for column in &COLUMNS { (figure(&text(row, column.metric))) }
                }
            }
        }
    };
    html! {
        section {
            h2 { "In numbers" }
            (grid(record, &columns, &rows))
            p.note {
                "Means over the seeds"
                @if summary.rows.iter().any(|row| row.figure(Metric::Injected).seeds > 1) { " ± half the 95 % interval (Student's t) where it does not round to nothing, or its ends where it would go beyond what the figure can be" }
                ". A time that some seeds never reached has no mean: “med 70.0 (65.0-∞) min, 3/10 never” is the median, its 95 % interval by order statistics, whose end ∞ is beyond the trial, and in how many seeds it was never reached; an interval needs six seeds. "
                "“of the bound” is what was delivered by the time the oracle had delivered 90 % of its own total, as a share of what it had. "
                "Every other metric is in summary.csv."
            }
        }
    }
}

/// A figure in a table; a median has how many never got there on a second line, so that the table fits the page.
fn figure(text: &str) -> Markup {
    html! {
        td.number {
            @for (n, part) in text.split(", ").enumerate() { @if n > 0 { br; } (part) }
        }
    }
}

/// Every strategy less the best, under the same seeds; nothing if there are no two, or only one seed.
pub(super) fn compared(analysis: &Analysis<'_>) -> Markup {
    let Analysis { record, summary, ranked, .. } = analysis;
    let seeds = summary.rows.iter().map(|row| row.figure(Metric::Injected).seeds).max().unwrap_or(0);
    let Some((best, others)) = ranked.split_first().filter(|(_, others)| !others.is_empty() && seeds > 1) else {
        return Markup::default();
    };
    let name = harmless::line(&record.strategies[*best].name);
    let cell = |provider: Option<usize>, strategy: usize, metric: Metric| {
        html! {
            @if let Some(comparison) = analysis.beside_best(strategy, provider, metric) {
                @let shown = comparison.is_shown();
                td.number.shown[shown].unshown[!shown] title=(comparison.verdict(record)) { (comparison.cell()) }
            } @else { td.number { (NOTHING) } }
        }
    };
    html! {
        section {
            h2 { "Compared with " (name) }
            (compared_grid(record, others, "points", &cell))
            p.note {
                "What each strategy has more (+) or less (\u{2212}) than " (name) " under the same seeds, ± half the 95 % interval of the difference (Student's t, paired), or its ends where it would go beyond what a difference can be; shares in points. "
                "Bold is a difference that the seeds show; where the interval covers 0 they show none. "
                "Where a time did not come within every trial, it is counted in how many seeds the strategy got there sooner or later: bold if the exact sign test gives chance at most 5 %. "
                "Each cell stands for itself: of twenty comparisons without any difference, one would be bold. "
                "Every other pair is in comparisons.csv."
            }
        }
    }
}

/// How much of the spread over seeds comes from unknown limits; nothing if the run did not tell.
pub(super) fn spreads(analysis: &Analysis<'_>) -> Markup {
    let Analysis { record, ranked, spreads, .. } = analysis;
    let told = |provider: &Option<usize>| spreads.iter().any(|source| source.provider == *provider);
    if !blocks(record).iter().any(told) {
        return Markup::default();
    }
    let cell = |provider: Option<usize>, strategy: usize, metric: Metric| {
        let spread = analysis.spread(strategy, provider, metric).map(|source| source.spread);
        html! { td.number { (share_text(spread.map(|spread| (spread.share, spread.interval)))) } }
    };
    html! {
        section {
            h2 { "Where the spread over seeds comes from" }
            (compared_grid(record, ranked, "%", &cell))
            p.note {
                "Share of the variance over seeds that comes from limits nobody outside the providers knows, with its 95 % interval; the rest is chance: mail, network, weather. "
                "What both do together is shared between them. "
                "Told by running every seed a second time, with the unknown limits of the next (pick-freeze, Jansen's estimator; jackknife over seeds, rather too wide than too narrow). "
                "“?” is where the interval says next to nothing, “" (NOTHING) "” a figure that does not vary, or a time that some trial did not reach. "
                "Chance is another in every campaign; the unknown limits stay the same from one campaign to the next, and only knowing more about a provider makes their part smaller."
            }
        }
    }
}

/// How much of that each unknown is behind; nothing if the run did not look.
pub(super) fn unknowns(analysis: &Analysis<'_>) -> Markup {
    let record = analysis.record;
    let Some(strategy) = unknown_shares::strategy(record) else { return Markup::default() };
    let share = |unknown: usize, metric: Metric| {
        let found = analysis.unknowns_of(None, metric).find(|source| source.unknown == unknown);
        found.map(|source| source.share)
    };
    let largest = |unknown: usize| {
        DIVIDED.iter().filter_map(|metric| share(unknown, *metric)).map(|share| share.share).fold(0.0, f64::max)
    };
    let mut rows: Vec<usize> = (0..record.unknowns.len()).filter(|unknown| largest(*unknown) > 0.0).collect();
    rows.sort_by(|a, b| largest(*b).total_cmp(&largest(*a)));
    let columns = DIVIDED.map(|metric| GridColumn { metric, heading: heading(metric, "%") });
    html! {
        section {
            h2 { "Which unknown matters to " (harmless::line(strategy)) }
            div.wide {
                table {
                    thead {
                        tr {
                            th { "provider" } th { "unknown" } th { "known of it" }
                            @for column in &columns {
                                th.number title=(column.metric.about()) { (column.heading[0]) br; (column.heading[1]) }
                            }
                        }
                    }
                    tbody {
                        @for unknown in rows.iter().copied().take(MOST_UNKNOWNS) {
                            @let info = &record.unknowns[unknown];
                            tr {
                                td { (provider_name(record, info.provider)) }
                                th scope="row" { (harmless::line(&info.name)) }
                                td { (harmless::line(&info.range)) }
                                @for metric in DIVIDED {
                                    @let share = share(unknown, metric).map(|share| (share.share, share.interval));
                                    td.number { (share_text(share)) }
                                }
                            }
                        }
                    }
                }
            }
            p.note {
                "Share of the variance over seeds, all providers together, that each unknown is behind, with its 95 % interval; together they are the share of unknown limits above. "
                "Told by running seeds again with one unknown of the next seed and all else as it was; an unknown whose rule refused nothing is not tried. "
                "What several do together is divided in proportion to what each does. "
                (record.unknowns.len() - rows.len().min(MOST_UNKNOWNS)) " of " (record.unknowns.len()) " unknowns are not listed"
                @if rows.len() <= MOST_UNKNOWNS { ", as they changed nothing" }
                ". What each provider's figures owe to them is in unknowns.csv."
            }
        }
    }
}

/// A share of the spread with its interval, where there is one.
fn share_text(share: Option<(f64, (f64, f64))>) -> String {
    share.map_or_else(|| NOTHING.to_owned(), |(share, interval)| spread::text(share, interval))
}

fn provider_name(record: &Record, place: usize) -> String {
    record.providers.get(place).map_or_else(String::new, |provider| harmless::line(&provider.name))
}

/// The page lists so many; `unknowns.csv` has all.
const MOST_UNKNOWNS: usize = 20;

/// A table of the compared figures: a row for each strategy, a block for each provider. `share` is what shares are in.
fn compared_grid(
    record: &Record,
    strategies: &[usize],
    share: &'static str,
    cell: &dyn Fn(Option<usize>, usize, Metric) -> Markup,
) -> Markup {
    let columns = COMPARED.map(|metric| GridColumn { metric, heading: heading(metric, share) });
    let rows = |provider: Option<usize>| {
        html! {
            @for strategy in strategies {
                tr {
                    th scope="row" { (harmless::line(&record.strategies[*strategy].name)) }
                    @for metric in COMPARED { (cell(provider, *strategy, metric)) }
                }
            }
        }
    };
    grid(record, &columns, &rows)
}

/// A column of figures: its two lines of heading.
struct GridColumn {
    metric: Metric,
    heading: [&'static str; 2],
}

/// A table of figures with a block of `rows` for each provider.
fn grid(record: &Record, columns: &[GridColumn], rows: &dyn Fn(Option<usize>) -> Markup) -> Markup {
    html! {
        div.wide {
            table {
                thead {
                    tr {
                        th { "strategy" }
                        @for column in columns {
                            th.number title=(column.metric.about()) { (column.heading[0]) br; (column.heading[1]) }
                        }
                    }
                }
                @for provider in blocks(record) {
                    tbody {
                        @if record.providers.len() != 1 {
                            tr.block {
                                th colspan=(columns.len() + 1) scope="rowgroup" {
                                    @match provider {
                                        Some(place) => (harmless::line(&record.providers[place].title)),
                                        None => "all providers together",
                                    }
                                }
                            }
                        }
                        (rows(provider))
                    }
                }
            }
        }
    }
}

/// The two lines above a figure: those of the table of figures where it is there too, but for what shares are in.
fn heading(metric: Metric, share: &'static str) -> [&'static str; 2] {
    match metric {
        Metric::DeliveredShare => return ["delivered", share],
        Metric::DeferralShare => return ["deferred", share],
        Metric::BouncedByLimit => return ["lost", "to limits"],
        _ => {}
    }
    let column = COLUMNS.iter().find(|column| column.metric == metric);
    column.map_or(["held back", "recipient-hours"], |column| column.heading)
}
