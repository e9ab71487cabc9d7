//! The page of a run, which shows everything.

use maud::{Markup, html};

use crate::harmless;
use crate::record::{Record, ReplyCount, RunProvenance};

use super::analysis::Analysis;
use super::answer::{answer, main_unknowns, spread_of_best, verdict, warning};
use super::connection_cap;
use super::drawing::Drawing;
use super::page::{self, Heading, origin, plots, together};
use super::replies::counted;
use super::seed_tables;
use super::table::{mean, range};
use super::words::{NOTHING, duration, number};

/// The page, with its drawings.
pub(super) fn page(analysis: &Analysis<'_>, provenance: &RunProvenance, drawings: &[Drawing]) -> String {
    let record = analysis.record;
    let main = html! {
        @if let Some(warning) = warning(record) { p.warning role="alert" { (warning) } }
        p.answer { (together(&answer(analysis))) }
        @if let Some(sentence) = connection_cap::sentence(record) { p.spread { (together(&sentence)) } }
        @if let Some(sentence) = spread_of_best(analysis) { p.spread { (together(&sentence)) } }
        @if let Some(sentence) = main_unknowns(analysis) { p.spread { (together(&sentence)) } }
        @if let Some(verdict) = verdict(record) {
            p.verdict.missed[record.expected.iter().any(|expected| !expected.met)] { (verdict) }
        }
        (seed_tables::figures(analysis))
        (seed_tables::compared(analysis))
        (seed_tables::spreads(analysis))
        (seed_tables::unknowns(analysis))
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
                                    td { (harmless::line(&expected.metric)) }
                                    td { (harmless::line(&expected.strategy)) }
                                    td { (expected.provider.as_deref().map_or_else(|| "all".to_owned(), harmless::line)) }
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
                h3 { (harmless::line(&provider.title)) }
                @if texts.is_empty() { p { "Nothing was refused." } } @else {
                    div.wide {
                        table {
                            thead {
                                tr {
                                    th { "reply" } th { "stage" } th { "rule" }
                                    @for strategy in &strategies { th.number { (harmless::line(&strategy.name)) } }
                                }
                            }
                            tbody {
                                @for reply in &texts {
                                    tr {
                                        td.reply { (harmless::line(&reply.text)) }
                                        td { (harmless::line(&reply.stage)) }
                                        td { (harmless::line(&reply.rule)) }
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
                    dt { (harmless::line(&strategy.name)) @if strategy.bound { " (upper bound)" } }
                    dd { (harmless::line(&strategy.about)) }
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
