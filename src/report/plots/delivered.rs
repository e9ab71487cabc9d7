//! Delivered over time, with the oracle's bound.

use crate::record::Record;

use super::super::curve::SeedRange;
use super::figure::{Figure, LegendMark, Panel};
use super::style::{LEAST_TO_MOST, legend, panel_title, pen, seeds, strategies};
use super::ticks;
use super::time::{TimeWindow, bands, end, line};

pub(super) fn figure(record: &Record) -> Figure {
    let window = TimeWindow::of(record);
    let panels = record.providers.iter().enumerate().map(|(place, provider)| {
        let (mut marks, mut lines) = (Vec::new(), Vec::new());
        for strategy in strategies(record) {
            let curve = window.curve(record, strategy, Some(place));
            let of = deliverable(record, strategy, place);
            let share = |range: SeedRange| (of > 0.0).then(|| (range.least / of, range.mean / of, range.most / of));
            let pen = pen(record, strategy);
            let points: Vec<_> = std::iter::once((0.0, (of > 0.0).then_some((0.0, 0.0, 0.0))))
                .chain(curve.points.iter().enumerate().map(|(n, point)| (end(&curve, n), share(point.delivered))))
                .collect();
            marks.extend(bands(points.iter().map(|(x, share)| (*x, share.map(|s| (s.0, s.2.min(1.0))))), pen));
            lines.push(line(points.iter().map(|(x, share)| (*x, share.map(|s| s.1.min(1.0)))), pen, curve.width));
        }
        marks.extend(lines);
        Panel {
            title: panel_title(record, provider),
            x: window.axis(),
            y: ticks::share("delivered, % of deliverable", 1.0),
            marks,
            legend: vec![],
            note: None,
        }
    });
    let bound = if record.oracle().is_some() {
        " The dashed grey line is the oracle, which knows the provider's rules: the upper bound."
    } else {
        ""
    };
    Figure {
        name: "delivered".to_owned(),
        title: "How fast does the mail get through?".to_owned(),
        caption: format!(
            "Share of the recipients with a mailbox that takes mail who have theirs.{bound}{}{}",
            seeds(record, LEAST_TO_MOST),
            window.beyond
        ),
        panels: panels.collect(),
        legend: legend(record, LegendMark::Line),
        stacked: false,
    }
}

/// How many recipients a strategy could have delivered to, the mean over the seeds.
fn deliverable(record: &Record, strategy: usize, provider: usize) -> f64 {
    let trials = record.trials_of(&record.strategies[strategy].name);
    SeedRange::of(trials.filter_map(|trial| Some(trial.cells.get(provider)?.totals.deliverable as f64)))
        .map_or(0.0, |range| range.mean)
}
