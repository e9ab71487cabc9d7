//! The page of a sweep.

use maud::{Markup, html};

use super::answer::{answer, warning};
use super::table::{COLUMNS, marks, shown, value};
use crate::harmless;
use crate::record::{RunProvenance, SweepRecord};
use crate::report::drawing::Drawing;
use crate::report::page::{self, Heading, origin, plots, together};

/// The page, with its drawings.
pub(super) fn page(record: &SweepRecord, provenance: &RunProvenance, drawings: &[Drawing]) -> String {
    let note = html! { p.note { "A sweep over " code { (harmless::line(&record.over)) } } };
    let main = html! {
        @if let Some(warning) = warning(record) { p.warning role="alert" { (warning) } }
        @for line in answer(record) { p.answer { (together(&line)) } }
        (plots(drawings))
        (figures_table(record))
        (method(record))
    };
    let trials = format!("{} values, {} trials", record.values.len(), record.trials.len());
    let heading = Heading { scenario: &record.scenario, kind: "mxlab sweep", question: &record.question };
    page::page(heading, &note, &main, &origin(provenance, &trials))
}

fn figures_table(record: &SweepRecord) -> Markup {
    let several = record.strategies.len() > 1;
    html! {
        section {
            h2 { "In numbers" }
            div.wide {
                table {
                    thead {
                        tr {
                            @if several { th { "strategy" } }
                            th.number { "value" }
                            @for column in &COLUMNS { th.number { (column.heading[0]) br; (column.heading[1]) } }
                            th { "" }
                        }
                    }
                    tbody {
                        @for row in shown(record) {
                            tr.bound[record.strategies[row.strategy].bound] {
                                @if several { th scope="row" { (harmless::line(&record.strategies[row.strategy].name)) } }
                                td.number { (value(record, &row)) }
                                @for column in &COLUMNS { td.number { (row.text(column.figure)) } }
                                td { (marks(record, &row)) }
                            }
                        }
                    }
                }
            }
            p.note {
                "Means over the seeds ± half the 95 % interval (Student's t), or its ends where it would go beyond what the figure can be; times are medians over all seeds, where “never” is later than any time. "
                "Every value, provider and figure is in sweep.csv."
            }
        }
    }
}

fn method(record: &SweepRecord) -> Markup {
    html! {
        section {
            h2 { "How this is judged" }
            dl {
                dt { "safe" }
                dd {
                    "A value is safe under a seed if it and all values on its safe side have a " (harmless::line(&record.safe.to_string())) ". "
                    "Each seed is judged by itself: it draws what nobody outside the providers knows, and a sender lives under one such draw, not under their mean. "
                    "That so many seeds agree bounds the share of all seeds (Wilks, 1941); the interval of the median is by order statistics."
                }
                dt { "knee" }
                dd {
                    "Where goodput stands highest above the straight line from its beginning to its end, both scaled to 1, and comes back afterwards: "
                    "Kneedle (Satopää and others, 2011), of the mean over the seeds. Where each seed draws another limit, the knees of single seeds lie elsewhere; their median is given too."
                }
                dt { "goodput" }
                dd {
                    "90 % of the deliverable recipients, divided by the time until they had their mail; where that never happened, all that was delivered, "
                    "divided by the time until the last recipient was settled or the trial was over."
                }
                dt { "offered" }
                dd { "Goodput times the attempts that a delivery took in the whole trial: attempts an hour, retries included." }
            }
        }
    }
}
