//! What the terminal shows: the answer, one table, where the spread comes from, and how the expectations came
//! out.

use comfy_table::presets::NOTHING as NO_LINES;
use comfy_table::{Cell, CellAlignment, Table};

use crate::harmless::{self, TerminalText};
use crate::metric::{Metric, ValueRange};
use crate::record::{ExpectationResult, Record};

use super::analysis::Analysis;
use super::answer::{answer, main_unknowns, spread_of_best, verdict, warning};
use super::connection_cap;
use super::peer_faults;
use super::summary::{Summary, SummaryRow};
use super::words::{NOTHING, exact, shortened, with_half};

/// How the terminal wants it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableStyle {
    /// Columns of the terminal; `None` is as wide as it needs to be.
    pub width: Option<u16>,
    /// Whether it shows bold and colours.
    pub styled: bool,
}

/// The answer of a run, its table, and its expectations. Every line of the table stands for itself, so that it can be
/// searched; where the terminal is narrow, the columns that matter least are left out.
pub fn table(analysis: &Analysis<'_>, look: TableStyle) -> TerminalText {
    let Analysis { record, summary, .. } = analysis;
    let empty = TerminalText::default;
    let mut lines = Vec::new();
    if let Some(warning) = warning(record) {
        lines.extend([look.paint(RED, &warning), empty()]);
    }
    lines.extend([look.paint(BOLD, &answer(analysis)), empty(), fitting(record, summary, look.width).into()]);
    let faults = peer_faults::sentences(record);
    lines.extend((!faults.is_empty()).then(empty).into_iter().chain(faults.into_iter().map(Into::into)));
    lines.extend(connection_cap::sentence(record).into_iter().flat_map(|sentence| [empty(), sentence.into()]));
    lines.extend(spread_of_best(analysis).into_iter().flat_map(|sentence| [empty(), sentence.into()]));
    lines.extend(main_unknowns(analysis).map(Into::into));
    if let Some(verdict) = verdict(record) {
        let colour = if record.expected.iter().all(|expected| expected.met) { GREEN } else { RED };
        lines.extend([empty(), look.paint(colour, &verdict)]);
        lines.extend(record.expected.iter().map(|expected| format!("  {}", expectation(expected)).into()));
    }
    lines.push(empty());
    TerminalText::joined(&lines, "\n")
}

/// An expectation as one line: `MISSED deferral-share of fixed at charter: 0.51 ±0.02, expected 0.3 to 0.4`.
pub(super) fn expectation(expected: &ExpectationResult) -> String {
    format!(
        "{} {} of {} at {}: {}, expected {}",
        if expected.met { "met   " } else { "MISSED" },
        harmless::line(&expected.metric),
        harmless::line(&expected.strategy),
        expected.provider.as_deref().map_or("all providers".to_owned(), harmless::line),
        mean(expected),
        range(expected)
    )
}

/// A column of the table: its two lines of heading and what stands in it.
pub(super) struct SummaryColumn {
    pub(super) heading: [&'static str; 2],
    pub(super) metric: Metric,
    /// The lower, the sooner it is left out.
    keep: u8,
}

/// The columns of figures, from left to right.
pub(super) const COLUMNS: [SummaryColumn; 11] = [
    SummaryColumn { heading: ["delivered", "%"], metric: Metric::DeliveredShare, keep: 11 },
    SummaryColumn { heading: ["deferred", "% of attempts"], metric: Metric::DeferralShare, keep: 10 },
    SummaryColumn { heading: ["bounced", ""], metric: Metric::Bounced, keep: 6 },
    SummaryColumn { heading: ["expired", ""], metric: Metric::Expired, keep: 5 },
    SummaryColumn { heading: ["queued", ""], metric: Metric::Queued, keep: 4 },
    SummaryColumn { heading: ["time to", "50 %"], metric: Metric::TimeTo50, keep: 1 },
    SummaryColumn { heading: ["time to", "90 %"], metric: Metric::TimeTo90, keep: 9 },
    SummaryColumn { heading: ["time to", "99 %"], metric: Metric::TimeTo99, keep: 8 },
    SummaryColumn { heading: ["attempts", "per delivery"], metric: Metric::AttemptsPerDelivery, keep: 3 },
    SummaryColumn { heading: ["connections", "refused %"], metric: Metric::RefusedConnectionShare, keep: 2 },
    SummaryColumn { heading: ["of the", "bound %"], metric: Metric::BoundShare, keep: 7 },
];

/// The blocks of the table: all providers together if there are several, then each.
pub(super) fn blocks(record: &Record) -> Vec<Option<usize>> {
    let together = (record.providers.len() != 1).then_some(None);
    together.into_iter().chain((0..record.providers.len()).map(Some)).collect()
}

impl TableStyle {
    pub(super) fn paint(self, colour: &'static str, text: &str) -> TerminalText {
        if self.styled { TerminalText::painted(colour, text) } else { text.into() }
    }
}

fn fitting(record: &Record, summary: &Summary, width: Option<u16>) -> String {
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for keep in 1..=COLUMNS.len() {
        text = drawn(record, summary, u8::try_from(keep).unwrap_or(u8::MAX));
        if width.is_none_or(|width| widest(&text) <= usize::from(width)) {
            break;
        }
    }
    text
}

fn drawn(record: &Record, summary: &Summary, keep: u8) -> String {
    let columns: Vec<&SummaryColumn> = COLUMNS.iter().filter(|column| column.keep >= keep).collect();
    let several = record.providers.len() != 1;
    let mut table = Table::new();
    table.load_style(NO_LINES);
    let labels = if several { &["provider", "strategy"][..] } else { &["strategy"] };
    let mut header: Vec<Cell> = labels.iter().map(Cell::new).collect();
    header.extend(columns.iter().map(|column| right(column.heading.join("\n"))));
    table.set_header(header);
    for (n, provider) in blocks(record).into_iter().enumerate() {
        if n > 0 {
            table.add_row([""]);
        }
        for row in summary.at(provider) {
            let mut cells = Vec::new();
            if several {
                cells.push(Cell::new(provider.map_or("all".to_owned(), |n| shortened(&record.providers[n].name, 24))));
            }
            cells.push(Cell::new(strategy(record, row)));
            cells.extend(columns.iter().map(|column| right(text(row, column.metric))));
            table.add_row(cells);
        }
    }
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A strategy's name in a table; the bound says what it is.
pub(super) fn strategy(record: &Record, row: &SummaryRow) -> String {
    let strategy = &record.strategies[row.strategy];
    let name = shortened(&strategy.name, 28);
    if strategy.bound { format!("({name})") } else { name }
}

/// A figure in a table; a strategy none of whose trials was finished has none.
pub(super) fn text(row: &SummaryRow, metric: Metric) -> String {
    let figure = row.figure(metric);
    if figure.seeds == 0 { NOTHING.to_owned() } else { figure.text() }
}

pub(super) fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// The mean that an expectation is about, with its interval.
pub(super) fn mean(expected: &ExpectationResult) -> String {
    let range = expected.metric.parse().map_or(ValueRange::ANY, Metric::range);
    expected.mean.map_or_else(|| "not defined".to_owned(), |mean| with_half(range, mean, expected.half))
}

/// The range of an expectation in words.
pub(super) fn range(expected: &ExpectationResult) -> String {
    match (expected.min.is_finite(), expected.max.is_finite()) {
        (true, true) => format!("{} to {}", exact(expected.min), exact(expected.max)),
        (true, false) => format!("at least {}", exact(expected.min)),
        (false, true) => format!("at most {}", exact(expected.max)),
        (false, false) => "anything".to_owned(),
    }
}

pub(super) const BOLD: &str = "1";
pub(super) const RED: &str = "1;31";
const GREEN: &str = "32";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_table_is_read_in_ten_seconds() {
        insta::assert_snapshot!(table(&Analysis::of(&sample::small()), TableStyle::default()));
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns() {
        let text = table(&Analysis::of(&sample::small()), TableStyle { width: Some(72), styled: false });
        let rows = text.lines().filter(|line| line.starts_with("charter"));
        assert_eq!(rows.filter(|line| line.chars().count() <= 72).count(), 3, "{text}");
        assert!(!text.contains("per delivery"));
    }

    #[test]
    fn only_a_terminal_gets_colours() {
        assert!(!table(&Analysis::of(&sample::small()), TableStyle::default()).contains('\u{1b}'));
        assert!(table(&Analysis::of(&sample::small()), TableStyle { width: None, styled: true }).contains("\u{1b}[1m"));
    }

    #[test]
    fn a_partial_run_says_so_first() {
        let record = Record { partial: true, ..sample::small() };
        assert!(table(&Analysis::of(&record), TableStyle::default()).starts_with("PARTIAL RUN"));
    }

    #[test]
    fn nothing_at_all_is_no_panic() {
        for record in sample::degenerate() {
            table(&Analysis::of(&record), TableStyle::default());
            table(&Analysis::of(&record), TableStyle { width: Some(1), styled: true });
        }
    }
}
