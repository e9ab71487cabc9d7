//! Who has which colour and marker, and the parts that figures share.

use crate::record::{ProviderInfo, Record};

use super::super::words::shortened;
use super::figure::{LegendEntry, LegendMark, Marker, Pen, Rgb, Stroke};

/// The pen of the strategy in that place of the record: a colour and a marker of its own; the oracle's is dashed and
/// grey.
pub(super) fn pen(record: &Record, strategy: usize) -> Pen {
    if is_oracle(record, strategy) {
        return Pen { colour: GREY, stroke: Stroke::Dashed, marker: None, place: strategy };
    }
    let before = (0..strategy).filter(|place| !is_oracle(record, *place)).count();
    // Beyond the last colour they begin again, each with the next marker.
    let marker = MARKERS[(before + before / COLOURS.len()) % MARKERS.len()];
    Pen { colour: COLOURS[before % COLOURS.len()], stroke: Stroke::Solid, marker: Some(marker), place: before }
}

/// Whether the strategy in that place is the upper bound of the others.
pub(super) fn is_oracle(record: &Record, strategy: usize) -> bool {
    record.oracle().is_some_and(|oracle| oracle.name == record.strategies[strategy].name)
}

/// The places of the strategies that were tried, the oracle first so that it is drawn behind the others.
pub(super) fn strategies(record: &Record) -> Vec<usize> {
    let mut places: Vec<usize> = (0..record.strategies.len())
        .filter(|place| record.trials_of(&record.strategies[*place].name).next().is_some())
        .collect();
    places.sort_by_key(|place| !is_oracle(record, *place));
    places
}

/// The legend of the strategies, in the record's order.
pub(super) fn legend(record: &Record, look: fn(Pen) -> LegendMark) -> Vec<LegendEntry> {
    let mut places = strategies(record);
    places.sort_unstable();
    places.into_iter().map(|place| LegendEntry { text: name(record, place), look: look(pen(record, place)) }).collect()
}

/// A strategy's name in a legend.
pub(super) fn name(record: &Record, strategy: usize) -> String {
    let name = shortened(&record.strategies[strategy].name, 28);
    if record.strategies[strategy].bound { format!("{name} (upper bound)") } else { name }
}

/// A panel's title: the provider's title; nothing if it is the only one.
pub(super) fn panel_title(record: &Record, provider: &ProviderInfo) -> String {
    if record.providers.len() == 1 { String::new() } else { shortened(&provider.title, 44) }
}

/// What lines and bands are over the seeds, in a sentence; nothing if there is one seed. `bands` says what bands do.
pub(super) fn seeds(record: &Record, bands: &str) -> String {
    let most = record.strategies.iter().map(|strategy| record.trials_of(&strategy.name).count()).max().unwrap_or(0);
    if most > 1 { format!(" Lines are means over {most} seeds, bands {bands}.") } else { String::new() }
}

/// What most bands do.
pub(super) const LEAST_TO_MOST: &str = "reach from the least to the most of any seed";

/// Okabe and Ito's palette (Color Universal Design, 2008) without black and yellow, which do not show on every ground.
pub(super) const COLOURS: [Rgb; 7] = [
    Rgb(0, 114, 178),
    Rgb(213, 94, 0),
    Rgb(0, 158, 115),
    Rgb(204, 121, 167),
    Rgb(230, 159, 0),
    Rgb(86, 180, 233),
    Rgb(122, 92, 62),
];

const MARKERS: [Marker; 7] = [
    Marker::Circle,
    Marker::Triangle,
    Marker::Square,
    Marker::Diamond,
    Marker::Cross,
    Marker::TriangleDown,
    Marker::Ring,
];

/// The oracle, and all else that is only there to compare with.
pub(super) const GREY: Rgb = Rgb(125, 125, 125);

/// Text and axes.
pub(in crate::report) const INK: Rgb = Rgb(0x22, 0x26, 0x2B);

/// Text that matters less.
pub(in crate::report) const FAINT: Rgb = Rgb(0x5F, 0x66, 0x6E);

/// Lines at the ticks.
pub(in crate::report) const GRID: Rgb = Rgb(0xE3, 0xE6, 0xE9);

/// The ground.
pub(in crate::report) const PAPER: Rgb = Rgb(0xFF, 0xFF, 0xFF);
