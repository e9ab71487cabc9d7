//! Reputation over time: what the sender's behaviour costs it.

use crate::record::Record;

use super::figure::{Figure, LegendMark, Panel};
use super::style::{LEAST_TO_MOST, legend, panel_title, pen, seeds, strategies};
use super::ticks;
use super::time::{TimeWindow, bands, line, middle};

pub(super) fn figure(record: &Record) -> Figure {
    let window = TimeWindow::of(record);
    let panels = record.providers.iter().enumerate().map(|(place, provider)| {
        let (mut marks, mut lines) = (Vec::new(), Vec::new());
        for strategy in strategies(record) {
            let curve = window.curve(record, strategy, Some(place));
            let pen = pen(record, strategy);
            let points = || curve.points.iter().enumerate().map(|(n, point)| (middle(&curve, n), point.reputation));
            marks.extend(bands(points().map(|(x, range)| (x, range.map(|range| (range.least, range.most)))), pen));
            lines.push(line(points().map(|(x, range)| (x, range.map(|range| range.mean))), pen, curve.width));
        }
        marks.extend(lines);
        let mut y = ticks::count("reputation, 0 to 1", 1.0);
        y.max = 1.0;
        Panel { title: panel_title(record, provider), x: window.axis(), y, marks, legend: vec![], note: None }
    });
    Figure {
        name: "reputation".to_owned(),
        title: "What does it cost in reputation?".to_owned(),
        caption: format!(
            "Lowest reputation of any of the sources at the provider.{}{}",
            seeds(record, LEAST_TO_MOST),
            window.beyond
        ),
        panels: panels.collect(),
        legend: legend(record, LegendMark::Line),
        stacked: false,
    }
}
