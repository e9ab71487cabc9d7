//! The plots of a sweep: the deferral curve against the value and against the offered load, and goodput; with the knee
//! and the highest safe value marked.

use crate::harmless;
use crate::metric::{Measure, Metric};
use crate::record::{Record, SweepFigure, SweepFinding, SweepRecord};

use super::super::sweep::SweepRow;
use super::super::sweep::answer::{last_safe, limit};
use super::super::words::shortened;
use super::figure::{Axis, Figure, LegendEntry, LegendMark, Mark, Panel, Pen, Stroke};
use super::style::{FAINT, GREY, GRID, INK, panel_title, pen};
use super::ticks;
use super::time::{bands, line};

/// All figures of a sweep; none if no value was finished.
pub(in crate::report) fn figures(record: &SweepRecord, rows: &[SweepRow]) -> Vec<Figure> {
    if record.values.is_empty() {
        return Vec::new();
    }
    let sweep = SweepView { record, rows, frame: record.frame(1), scale: Scale::of(record) };
    let mut figures = vec![sweep.deferral_curve(), sweep.goodput()];
    // A curve that turns back on itself answers nothing: where more connections are refused more, they offer less.
    if (0..record.strategies.len()).all(|strategy| sweep.goes_one_way(strategy)) {
        figures.push(sweep.load());
    }
    figures
}

/// A sweep and what its figures share.
struct SweepView<'a> {
    record: &'a SweepRecord,
    rows: &'a [SweepRow],
    /// For the pens of the strategies.
    frame: Record,
    scale: Scale,
}

/// How the values stand on an axis.
struct Scale {
    logarithmic: bool,
    /// What of their measure is one on the axis.
    unit: f64,
    axis: Axis,
}

impl Scale {
    fn of(record: &SweepRecord) -> Self {
        let xs = || record.values.iter().map(|value| value.x);
        let (least, most) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
        let name = shortened(&record.over, 80);
        if record.measure == Measure::Name {
            let ticks = record.values.iter().map(|value| (value.x, shortened(&value.text, 16))).collect();
            let axis = Axis { label: name, min: -0.5, max: record.values.len() as f64 - 0.5, ticks };
            return Self { logarithmic: false, unit: 1.0, axis };
        }
        let (unit, label) = match (record.measure, most) {
            (Measure::Seconds, most) if most < 1.0 => (0.001, format!("{name} (milliseconds)")),
            (Measure::Seconds, most) if most <= 180.0 => (1.0, format!("{name} (seconds)")),
            (Measure::Seconds, most) if most <= 10_800.0 => (60.0, format!("{name} (minutes)")),
            (Measure::Seconds, _) => (3_600.0, format!("{name} (hours)")),
            (Measure::Bytes, most) if most < 1e6 => (1e3, format!("{name} (kB)")),
            (Measure::Bytes, _) => (1e6, format!("{name} (MB)")),
            _ => (1.0, name),
        };
        let (low, high) = (least / unit, most / unit);
        let axis = if record.logarithmic { ticks::log(&label, low, high) } else { ticks::around(&label, low, high) };
        Self { logarithmic: record.logarithmic, unit, axis }
    }

    fn at(&self, x: f64) -> f64 {
        let x = x / self.unit;
        if self.logarithmic { x.log10() } else { x }
    }
}

/// The mean of a figure over the seeds in which it is defined.
fn mean(row: &SweepRow, figure: SweepFigure) -> Option<f64> {
    row.sample(figure).estimate.map(|estimate| estimate.mean)
}

impl SweepView<'_> {
    fn deferral_curve(&self) -> Figure {
        let share = SweepFigure::Of(Metric::DeferralShare);
        let axis = |most| ticks::share("deferred, % of attempts", most);
        self.over_values(
            "deferral-curve",
            "When do the deferrals begin?",
            share,
            axis,
            "Share of the attempts that were deferred",
        )
    }

    fn goodput(&self) -> Figure {
        let axis = |most| ticks::count("delivered an hour", most);
        let what = "Recipients delivered to an hour, while the sender worked";
        self.over_values("goodput", "What does a higher value bring?", SweepFigure::GoodputPerHour, axis, what)
    }

    /// A figure against the value, with the knee and the safe values marked.
    fn over_values(
        &self,
        name: &str,
        title: &str,
        figure: SweepFigure,
        axis: impl Fn(f64) -> Axis,
        what: &str,
    ) -> Figure {
        let high = |row: &SweepRow| row.interval(figure).map(|(_, high)| high).or(mean(row, figure));
        let most = self.rows.iter().filter_map(high).fold(0.0, f64::max);
        let y = axis(if most > 0.0 { most } else { 1.0 });
        let panels: Vec<Panel> = self
            .record
            .places()
            .into_iter()
            .map(|place| {
                let mut marks = self.found_marks(place, y.max);
                if figure == SweepFigure::Of(Metric::DeferralShare) {
                    marks.extend(self.criterion());
                }
                marks.extend(self.curves(place, figure));
                Panel {
                    title: self.title(place),
                    x: self.scale.axis.clone(),
                    y: y.clone(),
                    marks,
                    legend: vec![],
                    note: None,
                }
            })
            .collect();
        let mut legend = self.strategies();
        legend.extend(self.found_keys());
        let caption =
            format!("{what}; means over {} seeds, bands are 95 % intervals.{}", self.record.seeds, self.marked());
        Figure { name: name.to_owned(), title: title.to_owned(), caption, legend, panels, stacked: false }
    }

    /// The deferral curve against what the provider is offered.
    fn load(&self) -> Figure {
        let share = SweepFigure::Of(Metric::DeferralShare);
        let offered = |row: &SweepRow| mean(row, SweepFigure::OfferedPerHour);
        let most = self.rows.iter().filter_map(offered).fold(0.0, f64::max);
        let deferred = self.rows.iter().filter_map(|row| mean(row, share)).fold(0.0, f64::max);
        let panels = self.record.places().into_iter().map(|place| {
            let mut marks = Vec::new();
            for strategy in self.drawn() {
                let rows = || self.rows.iter().filter(move |row| row.strategy == strategy && row.provider == place);
                let points: Vec<(f64, f64)> =
                    rows().filter_map(|row| Some((offered(row)?, mean(row, share)?))).collect();
                let pen = pen(&self.frame, strategy);
                marks.push(line(points.iter().map(|(x, y)| (*x, Some(*y))), Pen { marker: None, ..pen }, 0.0));
                marks.push(Mark::Dots { points, pen });
            }
            let y = ticks::share("deferred, % of attempts", if deferred > 0.0 { deferred } else { 1.0 });
            Panel {
                title: self.title(place),
                x: ticks::count("offered load (attempts an hour, retries included)", most),
                y,
                marks,
                legend: vec![],
                note: None,
            }
        });
        Figure {
            name: "deferral-load".to_owned(),
            title: "What does the provider defer of what it is offered?".to_owned(),
            caption: "The deferral curve against the offered load: one marker for each value, joined in their order; means over the seeds.".to_owned(),
            panels: panels.collect(),
            legend: self.strategies(),
            stacked: false,
        }
    }

    /// Whether what a strategy offers only rises, or only falls, from one value to the next; but for a hundredth.
    fn goes_one_way(&self, strategy: usize) -> bool {
        let rows = self.rows.iter().filter(|row| row.strategy == strategy && row.provider.is_none());
        let offered: Vec<f64> = rows.filter_map(|row| mean(row, SweepFigure::OfferedPerHour)).collect();
        let never_less = |pair: &[f64]| pair[1] >= pair[0] * 0.99;
        let never_more = |pair: &[f64]| pair[1] <= pair[0] * 1.01;
        offered.windows(2).all(never_less) || offered.windows(2).all(never_more)
    }

    /// Bands and lines of the strategies; dots and bars where the values have no order.
    fn curves(&self, place: Option<usize>, figure: SweepFigure) -> Vec<Mark> {
        let (mut behind, mut lines) = (Vec::new(), Vec::new());
        for strategy in self.drawn() {
            let pen = pen(&self.frame, strategy);
            let rows = || self.rows.iter().filter(move |row| row.strategy == strategy && row.provider == place);
            let x = |row: &SweepRow| self.scale.at(self.record.values[row.value].x);
            if self.record.measure == Measure::Name {
                let bars = rows()
                    .filter_map(|row| row.interval(figure).map(|(low, high)| vec![(x(row), low), (x(row), high)]));
                behind.push(Mark::Line { parts: bars.collect(), pen: Pen { marker: None, ..pen }, dash: 0.0 });
                let points = rows().filter_map(|row| Some((x(row), mean(row, figure)?))).collect();
                lines.push(Mark::Dots { points, pen });
            } else {
                behind.extend(bands(rows().map(|row| (x(row), row.interval(figure))), pen));
                lines.push(line(rows().map(|row| (x(row), mean(row, figure))), pen, 0.0));
            }
        }
        behind.into_iter().chain(lines).collect()
    }

    /// Upright lines at what was found.
    fn found_marks(&self, place: Option<usize>, top: f64) -> Vec<Mark> {
        let mut marks = Vec::new();
        for found in self.record.found.iter().filter(|found| found.provider == place && self.is_sender(found)) {
            let upright = |value: usize, stroke| {
                let x = self.scale.at(self.record.values[value].x);
                let pen = Pen { colour: self.colour(found), stroke, marker: None, place: 0 };
                Mark::Line { parts: vec![vec![(x, 0.0), (x, top)]], pen, dash: 0.0 }
            };
            if let Some(safe) = &found.safe {
                let value = last_safe(self.record, safe, safe.every);
                marks.extend(value.map(|value| upright(value, Stroke::Solid)));
                if let Some((low, high)) = safe.interval.filter(|_| self.is_alone()) {
                    let ends =
                        [low, high].map(|rank| last_safe(self.record, safe, rank).map(|at| self.record.values[at].x));
                    if let [Some(from), Some(to)] = ends {
                        let points = vec![(self.scale.at(from), 0.0, top), (self.scale.at(to), 0.0, top)];
                        marks.insert(0, Mark::Band { points, colour: GREY });
                    }
                }
            }
            marks.extend(found.knee.as_ref().map(|knee| upright(knee.value, Stroke::Dashed)));
        }
        marks
    }

    /// What the upright lines mean.
    fn found_keys(&self) -> Vec<LegendEntry> {
        let found = || self.record.found.iter().filter(|found| self.is_sender(found));
        let only = || found().find(|found| self.is_alone() && found.provider == self.record.judged_at());
        let value = |place: usize| harmless::line(&self.record.values[place].text);
        let pen = |stroke| LegendMark::Line(Pen { colour: INK, stroke, marker: None, place: 0 });
        let safe_at = |found: &SweepFinding| {
            let safe = found.safe.as_ref()?;
            last_safe(self.record, safe, safe.every)
        };
        let mut keys = Vec::new();
        if found().any(|found| safe_at(found).is_some()) {
            let at = only().and_then(safe_at).map(|at| format!(": {}", value(at))).unwrap_or_default();
            keys.push(LegendEntry { text: format!("safe under every seed{at}"), look: pen(Stroke::Solid) });
        }
        if let Some(safe) = only().and_then(|found| found.safe.as_ref())
            && let Some((low, high)) = safe.interval
        {
            let [low, high] = [low, high].map(|rank| limit(self.record, safe, rank));
            keys.push(LegendEntry {
                text: format!("its median, 95 % interval: {low} to {high}"),
                look: LegendMark::Area(GRID),
            });
        }
        if found().any(|found| found.knee.is_some()) {
            let at = only().and_then(|found| found.knee.as_ref()).map(|knee| format!(": {}", value(knee.value)));
            keys.push(LegendEntry {
                text: format!("knee of mean goodput{}", at.unwrap_or_default()),
                look: pen(Stroke::Dashed),
            });
        }
        keys
    }

    /// A line at what a share of deferrals may be at most.
    fn criterion(&self) -> Option<Mark> {
        let safe = &self.record.safe;
        let most = Some(safe.max).filter(|max| max.is_finite() && safe.metric == Metric::DeferralShare.name())?;
        let parts = vec![vec![(self.scale.axis.min, most), (self.scale.axis.max, most)]];
        Some(Mark::Line {
            parts,
            pen: Pen { colour: FAINT, stroke: Stroke::Dotted, marker: None, place: 0 },
            dash: 0.0,
        })
    }

    fn marked(&self) -> String {
        let safe = harmless::line(&self.record.safe.to_string());
        let band =
            if self.is_alone() { " the grey band is the 95 % interval of its median over the seeds;" } else { "" };
        format!(
            " The upright line is the last value that is safe under every seed ({safe});{band} the dashed line is the knee of mean goodput."
        )
    }

    /// Strategies in the order in which they are drawn: what is the same everywhere behind.
    fn drawn(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.record.strategies.len()).collect();
        places.sort_by_key(|place| self.record.concerned[*place]);
        places
    }

    fn strategies(&self) -> Vec<LegendEntry> {
        let key = |(place, strategy): (usize, &crate::record::StrategyInfo)| {
            let name = shortened(&strategy.name, 28);
            let text = if strategy.bound { format!("{name} (upper bound)") } else { name };
            let pen = pen(&self.frame, place);
            LegendEntry {
                text,
                look: if self.record.measure == Measure::Name { LegendMark::Dot(pen) } else { LegendMark::Line(pen) },
            }
        };
        self.record.strategies.iter().enumerate().map(key).collect()
    }

    fn is_sender(&self, found: &SweepFinding) -> bool {
        !self.record.strategies[found.strategy].bound
    }

    /// Whether the value concerns one strategy only, so that what was found needs no name.
    fn is_alone(&self) -> bool {
        let concerned = self.record.strategies.iter().zip(&self.record.concerned);
        concerned.filter(|(strategy, concerned)| **concerned && !strategy.bound).count() == 1
    }

    fn colour(&self, found: &SweepFinding) -> super::figure::Rgb {
        if self.is_alone() { INK } else { pen(&self.frame, found.strategy).colour }
    }

    fn title(&self, place: Option<usize>) -> String {
        match place {
            Some(place) => panel_title(&self.frame, &self.record.providers[place]),
            None if self.record.providers.len() > 1 => "all providers together".to_owned(),
            None => String::new(),
        }
    }
}
