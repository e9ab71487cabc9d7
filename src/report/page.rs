//! What the pages of a run and of a sweep share: the frame around what they say, drawings, and where results come from.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::harmless;
use crate::record::RunProvenance;

use super::drawing::Drawing;

/// What a page is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heading<'a> {
    /// The scenario's name.
    pub(super) scenario: &'a str,
    /// What kind of page it is, behind the name in the window's title.
    pub(super) kind: &'a str,
    /// The question that the scenario asks; may be empty.
    pub(super) question: &'a str,
}

/// A page: one file, no network, no script, light or dark as the reader likes it, and nothing in it that cannot be
/// seen. `note` stands below the question, `footer` at the end.
pub(super) fn page(heading: Heading<'_>, note: &Markup, main: &Markup, footer: &Markup) -> String {
    let title = harmless::line(heading.scenario);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – " (heading.kind) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    @if !heading.question.is_empty() { p.question { (harmless::line(heading.question)) } }
                    (note)
                }
                main { (main) }
                (footer)
            }
        }
    };
    harmless::text(&page.into_string()).into_owned()
}

const STYLE: &str = include_str!("page.css");

/// A sentence whose numbers are not torn from their units at the end of a line.
pub(super) fn together(sentence: &str) -> String {
    sentence.replace(" %", "\u{a0}%")
}

/// The drawings with their captions.
pub(super) fn plots(drawings: &[Drawing]) -> Markup {
    html! {
        @for drawing in drawings {
            figure id=(drawing.name) {
                (PreEscaped(&drawing.svg))
                figcaption { (drawing.caption) }
            }
        }
    }
}

/// Where results come from; `trials` says how many there were.
pub(super) fn origin(provenance: &RunProvenance, trials: &str) -> Markup {
    let machine = &provenance.machine;
    html! {
        footer {
            h2 { "Where this comes from" }
            dl {
                dt { "command" } dd { code { (harmless::line(&provenance.command)) } }
                dt { "scenario" }
                dd {
                    (harmless::line(&provenance.scenario)) ", hash " code { (harmless::line(&provenance.scenario_hash)) }
                }
                dt { "seeds" } dd { (provenance.seeds) ", from " (provenance.seed) }
                dt { "trials" } dd { (trials) }
                dt { "version" } dd { "mxlab " (harmless::line(&provenance.version)) ", format " (provenance.format) }
                dt { "machine" }
                dd { (harmless::line(&machine.os)) ", " (harmless::line(&machine.arch)) ", " (machine.cores) " cores" }
            }
            p.note { "The same scenario, seeds and version give the same bytes. A simulation: providers do not publish all they do; what is assumed is in their profiles." }
        }
    }
}
