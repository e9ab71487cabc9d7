//! Deferral rate over time, by strategy: the deferral curve.

use crate::record::Record;

use super::super::curve::Point;
use super::figure::{Figure, LegendMark, Mark, Panel};
use super::style::{legend, panel_title, pen, seeds, strategies};
use super::ticks;
use super::time::{TimeWindow, bands, line, middle};

pub(super) fn figure(record: &Record) -> Figure {
    let window = TimeWindow::of(record);
    let mut most = 0.0_f64;
    let nothing = |lines: &[Mark]| {
        let mut points =
            lines.iter().flat_map(|mark| if let Mark::Line { parts, .. } = mark { &parts[..] } else { &[] });
        points.all(|part| part.iter().all(|(_, share)| *share == 0.0))
    };
    let mut panels = Vec::new();
    for (place, provider) in record.providers.iter().enumerate() {
        let (mut behind, mut lines) = (Vec::new(), Vec::new());
        for strategy in strategies(record) {
            let curve = window.curve(record, strategy, Some(place));
            let pen = pen(record, strategy);
            let points = || curve.points.iter().enumerate().map(|(n, point)| (middle(&curve, n), point));
            behind.extend(bands(points().map(|(x, point)| (x, point.share_interval())), pen));
            lines.push(line(points().map(|(x, point)| (x, point.share.map(|share| share.mean))), pen, curve.width));
            let top =
                |point: &Point| point.share_interval().map_or(point.share.map(|share| share.mean), |ends| Some(ends.1));
            most = points().filter_map(|(_, point)| top(point)).fold(most, f64::max);
        }
        let note = nothing(&lines).then(|| "nothing was deferred".to_owned());
        behind.extend(lines);
        panels.push(Panel {
            title: panel_title(record, provider),
            x: window.axis(),
            y: ticks::share("deferred, % of attempts", 0.0),
            marks: behind,
            legend: vec![],
            note,
        });
    }
    for panel in &mut panels {
        panel.y = ticks::share("deferred, % of attempts", if most > 0.0 { most } else { 1.0 });
    }
    Figure {
        name: "deferrals".to_owned(),
        title: "Who is deferred, and when?".to_owned(),
        caption: format!(
            "Share of the delivery attempts in each interval that the provider deferred; a gap is an interval without attempts.{}{}",
            seeds(record, "are the 95 % intervals of these means"),
            window.beyond
        ),
        legend: legend(record, LegendMark::Line),
        panels,
        stacked: false,
    }
}
