//! Open connections against the limit.

use crate::record::Record;

use super::super::curve::{Curve, SeedRange};
use super::super::words::number;
use super::figure::{Figure, LegendEntry, LegendMark, Mark, Panel, Pen, Stroke};
use super::style::{INK, LEAST_TO_MOST, legend, name, panel_title, pen, seeds, strategies};
use super::ticks;
use super::time::{TimeWindow, bands, line, middle};

pub(super) fn figure(record: &Record) -> Figure {
    let window = TimeWindow::of(record);
    let mut keys = legend(record, LegendMark::Line);
    // The bound is no sender: it opens whatever the rules allow, and would press the others to the floor.
    let bounds: Vec<String> = bounds(record).map(|place| name(record, place)).collect();
    keys.retain(|key| !bounds.contains(&key.text));
    let panels: Vec<Panel> = (0..record.providers.len()).map(|place| panel(record, &window, place)).collect();
    if panels.iter().flat_map(|panel| &panel.marks).any(|mark| matches!(mark, Mark::Line { pen, .. } if *pen == LIMIT))
    {
        keys.push(LegendEntry { text: "the provider's limit".to_owned(), look: LegendMark::Line(LIMIT) });
    }
    Figure {
        name: "connections".to_owned(),
        title: "Does the sender keep to the connection limit?".to_owned(),
        caption: format!(
            "Most connections open at once in each interval, as the provider sees them; the dotted line is the tightest limit, summed over sources and averaged over the seeds.{}{}",
            seeds(record, LEAST_TO_MOST),
            window.beyond
        ),
        legend: keys,
        panels,
        stacked: false,
    }
}

/// How a limit is drawn that is the same for all strategies.
const LIMIT: Pen = Pen { colour: INK, stroke: Stroke::Dotted, marker: None, place: 0 };

/// A limit this many times above what was ever open is said, not drawn: it would press everything else to the floor.
const OFF_THE_SCALE: f64 = 4.0;

/// Places of strategies that are only there as the bound of the others.
fn bounds(record: &Record) -> impl Iterator<Item = usize> {
    record.strategies.iter().enumerate().filter(|(_, strategy)| strategy.bound).map(|(place, _)| place)
}

fn panel(record: &Record, window: &TimeWindow, place: usize) -> Panel {
    let curves: Vec<(usize, Curve)> = strategies(record)
        .into_iter()
        .filter(|strategy| bounds(record).all(|bound| bound != *strategy))
        .map(|strategy| (strategy, window.curve(record, strategy, Some(place))))
        .collect();
    let (mut marks, mut lines) = (Vec::new(), Vec::new());
    for (strategy, curve) in &curves {
        let pen = pen(record, *strategy);
        let points = || curve.points.iter().enumerate().map(|(n, point)| (middle(curve, n), point.open));
        marks.extend(bands(points().map(|(x, open)| (x, open.map(|open| (open.least, open.most)))), pen));
        lines.push(line(points().map(|(x, open)| (x, open.map(|open| open.mean))), pen, curve.width));
    }
    let open = curves.iter().flat_map(|(_, curve)| &curve.points).filter_map(|point| Some(point.open?.most));
    let open = open.fold(0.0, f64::max);
    let limits = SeedRange::of(curves.iter().flat_map(|(_, curve)| &curve.points).filter_map(|point| point.open_limit));
    let drawn = limits.filter(|limits| limits.least <= (open * OFF_THE_SCALE).max(4.0));
    let note = match limits {
        None => Some("no limit".to_owned()),
        Some(limits) if drawn.is_none() => Some(format!("the limit, {}, is off the scale", number(limits.least))),
        Some(_) => None,
    };
    let mut top = open;
    if drawn.is_some() {
        let longest = curves.iter().map(|(_, curve)| curve.points.len()).max().unwrap_or(0);
        let same = (0..longest).all(|n| {
            let here = curves.iter().filter_map(|(_, curve)| curve.points.get(n)?.open_limit);
            SeedRange::of(here).is_none_or(|limits| limits.most - limits.least < 0.5)
        });
        let shown = if same { &curves[..1] } else { &curves[..] };
        for (strategy, curve) in shown {
            let pen = if same { LIMIT } else { Pen { stroke: Stroke::Dotted, marker: None, ..pen(record, *strategy) } };
            let ceiling = (open * OFF_THE_SCALE).max(4.0);
            let level = |limit: Option<f64>| limit.filter(|limit| *limit <= ceiling);
            let points = curve.points.iter().enumerate().map(|(n, point)| (middle(curve, n), level(point.open_limit)));
            top = points.clone().filter_map(|(_, y)| y).fold(top, f64::max);
            lines.push(line(points, pen, curve.width));
        }
    }
    marks.extend(lines);
    Panel {
        title: panel_title(record, &record.providers[place]),
        x: window.axis(),
        y: ticks::count("open connections", top * 1.05),
        marks,
        legend: vec![],
        note,
    }
}
