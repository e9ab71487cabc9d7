//! The page of a run, which shows everything.

use maud::{Markup, html};

use crate::metric::Metric;
use crate::record::{Record, ReplyCount, RunProvenance};

use super::analysis::Analysis;
use super::answer::{answer, spread_of_best, verdict, warning};
use super::drawing::Drawing;
use super::page::{self, Heading, origin, plots, together};
use super::replies::counted;
use super::seed_tables;
use super::summary::Summary;
use super::table::{COLUMNS, blocks, mean, range, text};
use super::words::{NOTHING, duration, number, printable};

/// The page, with its drawings.
pub(super) fn page(analysis: &Analysis<'_>, provenance: &RunProvenance, drawings: &[Drawing]) -> String {
    let Analysis { record, summary, .. } = analysis;
    let main = html! {
        @if let Some(warning) = warning(record) { p.warning role="alert" { (warning) } }
        p.answer { (together(&answer(analysis))) }
        @if let Some(sentence) = spread_of_best(analysis) { p.spread { (together(&sentence)) } }
        @if let Some(verdict) = verdict(record) {
            p.verdict.missed[record.expected.iter().any(|expected| !expected.met)] { (verdict) }
        }
        (figures_table(record, summary))
        (seed_tables::compared(analysis))
        (seed_tables::spreads(analysis))
        (expectations(record))
        (plots(drawings))
        (replies(record))
        (about(record))
    };
    let heading = Heading { scenario: &record.scenario, kind: "mxlab", question: &record.question };
    page::page(heading, &Markup::default(), &main, &origin(provenance, &trials(record)))
}

/// Reply texts shown for each provider; `replies.csv` has all.
const MOST_REPLIES: usize = 12;

fn figures_table(record: &Record, summary: &Summary) -> Markup {
    html! {
        section {
            h2 { "In numbers" }
            div.wide {
                table {
                    thead {
                        tr {
                            th { "strategy" }
                            @for column in &COLUMNS {
                                th.number title=(column.metric.about()) { (column.heading[0]) br; (column.heading[1]) }
                            }
                        }
                    }
                    @for provider in blocks(record) {
                        tbody {
                            @if record.providers.len() != 1 {
                                tr.block {
                                    th colspan=(COLUMNS.len() + 1) scope="rowgroup" {
                                        @match provider {
                                            Some(place) => (printable(&record.providers[place].title)),
                                            None => "all providers together",
                                        }
                                    }
                                }
                            }
                            @for row in summary.at(provider) {
                                @let strategy = &record.strategies[row.strategy];
                                tr.bound[strategy.bound] {
                                    th scope="row" title=(printable(&strategy.about)) {
                                        (printable(&strategy.name))
                                        @if strategy.bound { " (bound)" }
                                    }
                                    @for column in &COLUMNS { (figure(&text(row, column.metric))) }
                                }
                            }
                        }
                    }
                }
            }
            p.note {
                "Means over the seeds"
                @if summary.rows.iter().any(|row| row.figure(Metric::Injected).seeds > 1) { " ± half the 95 % interval (Student's t) where it does not round to nothing" }
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

fn expectations(record: &Record) -> Markup {
    html! {
        @if !record.expected.is_empty() {
            section {
                h2 { "Expectations" }
                div.wide {
                    table {
                        thead { tr { th { "" } th { "metric" } th { "strategy" } th { "provider" } th.number { "mean" } th { "expected" } } }
                        tbody {
                            @for expected in &record.expected {
                                tr.missed[!expected.met] {
                                    td { @if expected.met { "met" } @else { strong { "missed" } } }
                                    td { (printable(&expected.metric)) }
                                    td { (printable(&expected.strategy)) }
                                    td { (expected.provider.as_deref().map_or_else(|| "all".to_owned(), printable)) }
                                    td.number { (mean(expected)) }
                                    td { (range(expected)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn replies(record: &Record) -> Markup {
    let strategies: Vec<_> =
        record.strategies.iter().filter(|strategy| record.trials_of(&strategy.name).next().is_some()).collect();
    html! {
        section {
            h2 { "What the providers replied" }
            p.note { "Refused attempts, mean over the seeds, by reply; the most frequent of each provider. All of them are in replies.csv." }
            @for (place, provider) in record.providers.iter().enumerate() {
                @let told: Vec<Vec<ReplyCount>> =
                    strategies.iter().map(|strategy| counted(record, &strategy.name, place)).collect();
                @let texts = most_frequent(&told);
                h3 { (printable(&provider.title)) }
                @if texts.is_empty() { p { "Nothing was refused." } } @else {
                    div.wide {
                        table {
                            thead {
                                tr {
                                    th { "reply" } th { "stage" } th { "rule" }
                                    @for strategy in &strategies { th.number { (printable(&strategy.name)) } }
                                }
                            }
                            tbody {
                                @for reply in &texts {
                                    tr {
                                        td.reply { (printable(&reply.text)) }
                                        td { (printable(&reply.stage)) }
                                        td { (printable(&reply.rule)) }
                                        @for (strategy, told) in strategies.iter().zip(&told) {
                                            td.number { (share_of(record, &strategy.name, told, reply)) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The replies most frequent over all strategies.
fn most_frequent(told: &[Vec<ReplyCount>]) -> Vec<ReplyCount> {
    let mut texts: Vec<ReplyCount> = Vec::new();
    for reply in told.iter().flatten() {
        match texts.iter_mut().find(|known| same(known, reply)) {
            Some(known) => known.count += reply.count,
            None => texts.push(reply.clone()),
        }
    }
    texts.sort_by_key(|reply| std::cmp::Reverse(reply.count));
    texts.truncate(MOST_REPLIES);
    texts
}

fn same(a: &ReplyCount, b: &ReplyCount) -> bool {
    (&a.text, &a.stage, &a.rule) == (&b.text, &b.stage, &b.rule)
}

fn share_of(record: &Record, strategy: &str, told: &[ReplyCount], reply: &ReplyCount) -> String {
    let seeds = record.trials_of(strategy).count().max(1) as f64;
    let count: u64 = told.iter().filter(|other| same(other, reply)).map(|other| other.count).sum();
    if count == 0 { NOTHING.to_owned() } else { number(count as f64 / seeds) }
}

fn about(record: &Record) -> Markup {
    html! {
        section {
            h2 { "Strategies" }
            dl {
                @for strategy in &record.strategies {
                    dt { (printable(&strategy.name)) @if strategy.bound { " (upper bound)" } }
                    dd { (printable(&strategy.about)) }
                }
            }
        }
    }
}

fn trials(record: &Record) -> String {
    format!("{}, each of at most {}", record.trials.len(), duration(record.duration_us as f64 / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn drawn(record: &Record) -> String {
        let drawing = Drawing { name: "plot".to_owned(), caption: "A plot.".to_owned(), svg: "<svg></svg>".to_owned() };
        page(&Analysis::of(record), &sample::provenance(), &[drawing])
    }

    #[test]
    fn names_are_escaped() {
        let page = drawn(&sample::small());
        assert!(!page.contains("<script"));
        assert!(page.contains("&lt;script&gt;"));
        assert!(!page.contains("http://"));
    }

    #[test]
    fn the_answer_comes_first() {
        let page = drawn(&sample::small());
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
        assert!(place("does best") < place("<table"));
        assert!(place("<table") < place("<svg"));
        assert!(!page.contains("PARTIAL RUN"));
        let partial = drawn(&Record { partial: true, ..sample::small() });
        assert!(partial.find("PARTIAL RUN") < partial.find("does best"));
    }

    #[test]
    fn nothing_to_show_is_no_panic() {
        for record in sample::degenerate() {
            drawn(&record);
        }
    }
}
