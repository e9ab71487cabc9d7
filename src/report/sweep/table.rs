//! What the terminal shows of a sweep: the answer, and a line for each value.

use comfy_table::presets::NOTHING as NO_LINES;
use comfy_table::{Cell, Table};

use super::answer::{answer, last_safe, warning};
use super::rows::{SweepRow, rows};
use crate::harmless::{self, TerminalText};
use crate::metric::Metric;
use crate::record::{SweepFigure, SweepRecord};
use crate::report::table::{BOLD, RED, TableStyle, right};
use crate::report::words::shortened;

/// The answer of a sweep and its table; where the terminal is narrow, the columns that matter least are left out.
pub fn sweep_table(record: &SweepRecord, look: TableStyle) -> TerminalText {
    let empty = TerminalText::default;
    let mut lines = Vec::new();
    if let Some(warning) = warning(record) {
        lines.extend([look.paint(RED, &warning), empty()]);
    }
    lines.extend(answer(record).iter().map(|line| look.paint(BOLD, line)));
    lines.extend([empty(), fitting(record, look.width).into(), empty()]);
    TerminalText::joined(&lines, "\n")
}

/// A column: its two lines of heading, what stands in it, and how long it is kept where there is little room.
pub(super) struct SweepColumn {
    pub(super) heading: [&'static str; 2],
    pub(super) figure: SweepFigure,
    keep: usize,
}

/// The columns of figures, from left to right.
pub(super) const COLUMNS: [SweepColumn; 8] = [
    SweepColumn { heading: ["offered", "attempts/h"], figure: SweepFigure::OfferedPerHour, keep: 5 },
    SweepColumn { heading: ["goodput", "delivered/h"], figure: SweepFigure::GoodputPerHour, keep: 8 },
    SweepColumn { heading: ["deferred", "% of attempts"], figure: SweepFigure::Of(Metric::DeferralShare), keep: 7 },
    SweepColumn { heading: ["delivered", "%"], figure: SweepFigure::Of(Metric::DeliveredShare), keep: 6 },
    SweepColumn { heading: ["bounced", ""], figure: SweepFigure::Of(Metric::Bounced), keep: 2 },
    SweepColumn { heading: ["time to 90 %", "median"], figure: SweepFigure::Of(Metric::TimeTo90), keep: 4 },
    SweepColumn { heading: ["time to 99 %", "median"], figure: SweepFigure::Of(Metric::TimeTo99), keep: 1 },
    SweepColumn {
        heading: ["connections", "refused %"],
        figure: SweepFigure::Of(Metric::RefusedConnectionShare),
        keep: 3,
    },
];

/// The rows that are shown: at the provider where safety is judged, what is the same at every value only once. All of
/// them are in `sweep.csv`.
pub(super) fn shown(record: &SweepRecord) -> Vec<SweepRow> {
    let judged = record.judged_at().filter(|_| record.providers.len() > 1);
    let mut rows: Vec<SweepRow> = rows(record).into_iter().filter(|row| row.provider == judged).collect();
    rows.retain(|row| record.concerned[row.strategy] || row.value == 0);
    rows.sort_by_key(|row| (row.strategy, row.value));
    // Of many values as many as a screen has room for, and whatever there is something to say of.
    let apart = record.values.len().div_ceil(MOST_ROWS).max(1);
    let last = record.values.len().saturating_sub(1);
    rows.retain(|row| row.value % apart == 0 || row.value == last || !marks(record, row).is_empty());
    rows
}

/// Values that are shown of one strategy, besides those that are marked.
const MOST_ROWS: usize = 24;

/// What a row's value is, in words.
pub(super) fn value(record: &SweepRecord, row: &SweepRow) -> String {
    if record.concerned[row.strategy] { shortened(&record.values[row.value].text, 24) } else { "any".to_owned() }
}

/// What is to be said of a row: that it is the knee, that it is the last safe one.
pub(super) fn marks(record: &SweepRecord, row: &SweepRow) -> String {
    let Some(found) = record.found_for(row.strategy, row.provider) else { return String::new() };
    let safe = found.safe.as_ref();
    let every = safe.and_then(|safe| last_safe(record, safe, safe.every)) == Some(row.value);
    let median = safe.and_then(|safe| last_safe(record, safe, safe.median)) == Some(row.value);
    let knee = found.knee.as_ref().is_some_and(|knee| knee.value == row.value);
    let said = [(every, "safe under every seed"), (median, "median limit"), (knee, "knee")];
    said.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

fn fitting(record: &SweepRecord, width: Option<u16>) -> String {
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let rows = shown(record);
    let mut text = String::new();
    for keep in 1..=COLUMNS.len() {
        text = drawn(record, &rows, keep);
        if width.is_none_or(|width| widest(&text) <= usize::from(width)) {
            break;
        }
    }
    text
}

fn drawn(record: &SweepRecord, rows: &[SweepRow], keep: usize) -> String {
    let columns: Vec<&SweepColumn> = COLUMNS.iter().filter(|column| column.keep >= keep).collect();
    let several = record.strategies.len() > 1;
    let mut table = Table::new();
    table.load_style(NO_LINES);
    let mut header: Vec<Cell> = if several { vec![Cell::new("strategy")] } else { Vec::new() };
    header.push(right("value".to_owned()));
    header.extend(columns.iter().map(|column| right(column.heading.join("\n"))));
    header.push(Cell::new(""));
    table.set_header(header);
    let mut before = None;
    for row in rows {
        if before.is_some_and(|before| before != row.strategy) {
            table.add_row([""]);
        }
        before = Some(row.strategy);
        let strategy = &record.strategies[row.strategy];
        let name = shortened(&strategy.name, 28);
        let mut cells: Vec<Cell> = Vec::new();
        if several {
            cells.push(Cell::new(if strategy.bound { format!("({name})") } else { name }));
        }
        cells.push(right(value(record, row)));
        cells.extend(columns.iter().map(|column| right(row.text(column.figure))));
        cells.push(Cell::new(marks(record, row)));
        table.add_row(cells);
    }
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n");
    format!("{}\n\n{lines}", harmless::line(&record.over))
}
