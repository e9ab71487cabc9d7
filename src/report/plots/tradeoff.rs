//! Deferral against completion time, one dot for each seed.

use crate::metric::Metric;
use crate::record::Record;

use super::figure::{Figure, LegendMark, Mark, Panel, Pen, Rgb, Stroke};
use super::style::{FAINT, legend, panel_title, pen, strategies};
use super::ticks;

pub(super) fn figure(record: &Record) -> Figure {
    let together = (record.providers.len() > 1).then_some(None);
    let places: Vec<Option<usize>> = together.into_iter().chain((0..record.providers.len()).map(Some)).collect();
    let dots: Vec<Vec<(usize, Vec<Dot>)>> = places
        .iter()
        .map(|place| {
            strategies(record).into_iter().map(|strategy| (strategy, dots(record, strategy, *place))).collect()
        })
        .collect();
    let all = || dots.iter().flatten().flat_map(|(_, dots)| dots);
    let latest = all().filter_map(|dot| dot.time).reduce(f64::max).unwrap_or(record.duration_us as f64 / 1e6);
    let most = all().map(|dot| dot.deferred).fold(0.0, f64::max);
    let never = all().any(|dot| dot.time.is_none());
    let panels = places.iter().zip(&dots).map(|(place, dots)| {
        let mut x = ticks::time("time to 90 % delivered", latest * 1.04);
        let edge = x.max;
        let mut marks = Vec::new();
        if never {
            // A strategy that never got there stands in a column of its own, right of a line.
            x.max = edge * 1.16;
            x.ticks.retain(|(value, _)| *value < edge * 0.97);
            x.ticks.push((edge * 1.08, "never".to_owned()));
            marks.push(Mark::Line { parts: vec![vec![(edge, 0.0), (edge, 10.0)]], pen: DIVIDER, dash: 0.0 });
        }
        for (strategy, dots) in dots {
            let points = dots.iter().map(|dot| (dot.time.unwrap_or(edge * 1.08), dot.deferred)).collect();
            marks.push(Mark::Dots { points, pen: pen(record, *strategy) });
        }
        let y = ticks::share("deferred, % of attempts", most);
        for mark in &mut marks {
            if let Mark::Line { parts, .. } = mark {
                parts[0][1].1 = y.max;
            }
        }
        let title = place.map_or("all providers together".to_owned(), |n| panel_title(record, &record.providers[n]));
        Panel { title, x, y, marks, legend: vec![], note: None }
    });
    Figure {
        name: "trade-off".to_owned(),
        title: "Is being deferred less worth the time?".to_owned(),
        caption:
            "One dot for each seed: how much was deferred against when 90 % of the deliverable recipients had their \
                  mail. Lower left is best."
                .to_owned(),
        legend: legend(record, LegendMark::Dot),
        panels: panels.collect(),
        stacked: false,
    }
}

const DIVIDER: Pen = Pen { colour: Rgb(FAINT.0, FAINT.1, FAINT.2), stroke: Stroke::Dotted, marker: None, place: 0 };

/// What a strategy came to under one seed.
struct Dot {
    /// Seconds to 90 % delivered; `None` is never.
    time: Option<f64>,
    /// Share of attempts deferred.
    deferred: f64,
}

fn dots(record: &Record, strategy: usize, provider: Option<usize>) -> Vec<Dot> {
    let trials = record.trials_of(&record.strategies[strategy].name);
    let dot = trials.filter_map(|trial| {
        let deferred = trial.figure(Metric::DeferralShare, record, provider)?;
        Some(Dot { time: trial.figure(Metric::TimeTo90, record, provider), deferred })
    });
    dot.collect()
}
