//! Percentiles of the time to delivery, from the histograms.

use crate::record::Record;

use super::super::histograms::{self, BrokenHistogram};
use super::figure::{Axis, Figure, LegendMark, Panel};
use super::style::{legend, panel_title, pen, strategies};
use super::ticks;
use super::time::line;

pub(super) fn figure(record: &Record) -> Result<Figure, BrokenHistogram> {
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    let mut panels = Vec::new();
    for (place, provider) in record.providers.iter().enumerate() {
        let mut lines = Vec::new();
        for strategy in strategies(record) {
            let histogram = histograms::merged(record, &record.strategies[strategy].name, place)?;
            // A percentile is known as long as a value lies beyond it.
            let known = if histogram.is_empty() { 0.0 } else { nines(1.0 - 1.0 / (histogram.len() as f64 + 1.0)) };
            let points: Vec<(f64, Option<f64>)> = (0..=STEPS)
                .map(|n| f64::from(n) / f64::from(STEPS) * NINES)
                .filter(|x| *x <= known && !histogram.is_empty())
                .map(|x| {
                    let seconds = histogram.value_at_quantile(1.0 - 10_f64.powf(-x)) as f64 / 1e3;
                    (x, Some(seconds.max(SHORTEST)))
                })
                .collect();
            for (_, seconds) in points.iter().filter(|(x, _)| *x >= LUCKY) {
                least = least.min(seconds.unwrap_or(least));
                most = most.max(seconds.unwrap_or(most));
            }
            let points = points.into_iter().map(|(x, seconds)| (x, seconds.map(f64::log10)));
            lines.push(line(points, pen(record, strategy), 0.0));
        }
        panels.push((provider, lines));
    }
    let least = if least.is_finite() { least } else { 1.0 };
    let panels = panels.into_iter().map(|(provider, marks)| Panel {
        title: panel_title(record, provider),
        x: percentiles(),
        y: ticks::log_time("time to delivery", least, most.max(least * 10.0)),
        marks,
        legend: vec![],
        note: (most == 0.0).then(|| "nothing was delivered".to_owned()),
    });
    Ok(Figure {
        name: "time-to-delivery".to_owned(),
        title: "How long does a recipient wait?".to_owned(),
        caption: "Time from when a message should have gone out to its delivery, by percentile of the delivered \
                  recipients, all seeds together; both axes are logarithmic. Mail that was never delivered is not in it."
            .to_owned(),
        legend: legend(record, LegendMark::Line),
        panels: panels.collect(),
        stacked: false,
    })
}

/// How far the x axis reaches: the logarithm of how few are beyond, 3 for the 99.9th percentile.
const NINES: f64 = 3.0;

/// The luckiest tenth of the recipients does not stretch the axis of time; where they lie below it, they are drawn at
/// its foot.
const LUCKY: f64 = 0.046;

/// Points of a line.
const STEPS: u32 = 90;

/// Times shorter than this (in seconds) are drawn as this: a logarithm needs a floor.
const SHORTEST: f64 = 0.001;

fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

fn percentiles() -> Axis {
    let ticks = [(0.0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9")];
    Axis {
        label: "percentile of delivered recipients".to_owned(),
        min: 0.0,
        max: NINES,
        ticks: ticks.into_iter().map(|(quantile, text)| (nines(quantile), text.to_owned())).collect(),
    }
}
