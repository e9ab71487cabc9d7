//! Draws a figure: where panels, axes and legends stand.

use plotters::prelude::DrawingBackend;

use super::super::drawing::PlotError;
use super::super::words::shortened;
use super::canvas::{Anchor, Canvas, DrawResult, LabelStyle, png, svg};
use super::figure::{Axis, Figure, LegendEntry, LegendMark, Mark, Marker, Panel, Pen, Rgb, Stroke};
use super::style::{FAINT, GRID, INK, PAPER};

impl Figure {
    /// The figure as SVG.
    pub(in crate::report) fn svg(&self) -> Result<String, PlotError> {
        svg(self.size(), &self.title, |canvas| self.draw(canvas)).map_err(|reason| self.failed(reason))
    }

    /// The figure as PNG, twice as large.
    pub(in crate::report) fn png(&self) -> Result<Vec<u8>, PlotError> {
        png(self.size(), |canvas| self.draw(canvas)).map_err(|reason| self.failed(reason))
    }

    fn failed(&self, reason: String) -> PlotError {
        PlotError { plot: self.name.clone(), reason }
    }

    fn columns(&self) -> usize {
        if self.stacked || self.panels.len() < 2 { 1 } else { 2 }
    }

    fn panel_height(&self) -> f64 {
        match (self.panels.len(), self.stacked) {
            (0 | 1, false) => 360.0,
            (_, false) => 236.0,
            (_, true) => 206.0,
        }
    }

    fn head(&self) -> f64 {
        let rows = legend_rows(&self.legend).len() as f64;
        HEAD + rows * LEGEND_ROW + if rows > 0.0 { 6.0 } else { 0.0 }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand at the most")]
    fn size(&self) -> (u32, u32) {
        let rows = self.panels.len().div_ceil(self.columns()) as f64;
        (WIDTH as u32, (self.head() + rows * self.panel_height() + FOOT).ceil() as u32)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> DrawResult {
        let (width, height) = self.size();
        canvas.rectangle((0.0, 0.0), (f64::from(width), f64::from(height)), PAPER)?;
        canvas.text(&self.title, (MARGIN, 21.0), LabelStyle { size: 16.0, bold: true, ..PLAIN })?;
        for (row, keys) in legend_rows(&self.legend).iter().enumerate() {
            let y = HEAD + LEGEND_ROW * (row as f64 + 0.5);
            for (x, key) in keys {
                draw_key(canvas, key, (*x, y))?;
            }
        }
        let columns = self.columns();
        let cell = (WIDTH - 2.0 * MARGIN) / columns as f64;
        let ticks = self.panels.iter().flat_map(|panel| &panel.y.ticks);
        let ticks = ticks.map(|(_, text)| canvas.width(text, SMALL)).fold(0.0, f64::max);
        for (n, panel) in self.panels.iter().enumerate() {
            let (column, row) = (n % columns, n / columns);
            let left = MARGIN + column as f64 * cell + 22.0 + ticks;
            let top = self.head() + row as f64 * self.panel_height() + if panel.title.is_empty() { 6.0 } else { 26.0 };
            let beside = if panel.legend.is_empty() { 0.0 } else { BESIDE };
            let frame = PlotFrame {
                left,
                top,
                right: MARGIN + (column as f64 + 1.0) * cell - 14.0 - beside,
                bottom: self.head() + (row as f64 + 1.0) * self.panel_height() - 40.0,
                x: &panel.x,
                y: &panel.y,
            };
            frame.draw(canvas, panel)?;
        }
        Ok(())
    }
}

const WIDTH: f64 = 920.0;
const MARGIN: f64 = 12.0;
const HEAD: f64 = 40.0;
const FOOT: f64 = 4.0;
const LEGEND_ROW: f64 = 20.0;
/// Width of a legend at the right of a panel.
const BESIDE: f64 = 330.0;
const KEY: f64 = 28.0;

const PLAIN: LabelStyle = LabelStyle { size: 12.0, colour: INK, anchor: Anchor::Left, bold: false, upright: false };
const SMALL: LabelStyle = LabelStyle { size: 11.0, colour: FAINT, ..PLAIN };

/// The inside of a panel: pixels and the axes they stand for.
struct PlotFrame<'a> {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    x: &'a Axis,
    y: &'a Axis,
}

impl PlotFrame<'_> {
    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, panel: &Panel) -> DrawResult {
        if !panel.title.is_empty() {
            canvas.text(&panel.title, (self.left, self.top - 13.0), LabelStyle { bold: true, ..PLAIN })?;
        }
        self.axes(canvas)?;
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], FAINT, 1.0)?;
        for mark in &panel.marks {
            self.mark(canvas, mark)?;
        }
        if let Some(note) = &panel.note {
            let at = (self.right - 6.0, self.top + 10.0);
            canvas.text(note, at, LabelStyle { anchor: Anchor::Right, ..SMALL })?;
        }
        for (n, key) in panel.legend.iter().enumerate() {
            draw_key(canvas, key, (self.right + 16.0, self.top + 10.0 + n as f64 * 18.0))?;
        }
        Ok(())
    }

    fn axes<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> DrawResult {
        let mut free = f64::NEG_INFINITY;
        for (value, text) in &self.x.ticks {
            let x = self.at_x(*value);
            canvas.line(&[(x, self.bottom), (x, self.bottom + 4.0)], FAINT, 1.0)?;
            let half = canvas.width(text, SMALL) / 2.0;
            if x - half >= free {
                canvas.text(text, (x, self.bottom + 13.0), LabelStyle { anchor: Anchor::Middle, ..SMALL })?;
                free = x + half + 6.0;
            }
        }
        for (value, text) in &self.y.ticks {
            let y = self.at_y(*value);
            canvas.line(&[(self.left, y), (self.right, y)], GRID, 1.0)?;
            canvas.text(text, (self.left - 6.0, y), LabelStyle { anchor: Anchor::Right, ..SMALL })?;
        }
        let middle = f64::midpoint(self.left, self.right);
        canvas.text(&self.x.label, (middle, self.bottom + 29.0), LabelStyle { anchor: Anchor::Middle, ..SMALL })?;
        let widest = self.y.ticks.iter().map(|(_, text)| canvas.width(text, SMALL)).fold(0.0, f64::max);
        let at = (self.left - widest - 15.0, f64::midpoint(self.top, self.bottom));
        canvas.text(&self.y.label, at, LabelStyle { anchor: Anchor::Middle, upright: true, ..SMALL })
    }

    fn mark<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, mark: &Mark) -> DrawResult {
        match mark {
            Mark::Line { parts, pen, dash } => self.line(canvas, parts, *pen, *dash),
            Mark::Band { points, colour } => {
                let low = points.iter().map(|(x, low, _)| self.at(*x, *low));
                let high = points.iter().rev().map(|(x, _, high)| self.at(*x, *high));
                canvas.area(&low.chain(high).collect::<Vec<_>>(), *colour, 0.16)
            }
            Mark::Bar { corners: [left, bottom, right, top], colour } => {
                canvas.rectangle(self.at(*left, *top), self.at(*right, *bottom), *colour)
            }
            Mark::Dots { points, pen } => {
                for (x, y) in points {
                    draw_marker(canvas, self.at(*x, *y), *pen, 4.0)?;
                }
                Ok(())
            }
        }
    }

    fn line<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        parts: &[Vec<(f64, f64)>],
        pen: Pen,
        dash: f64,
    ) -> DrawResult {
        let parts: Vec<Vec<(f64, f64)>> = parts
            .iter()
            .map(|part| match part.as_slice() {
                // A point alone is a dash as wide as what it stands for, and never too small to be seen.
                [(x, y)] => {
                    let half = ((self.at_x(self.x.min + dash) - self.left) / 2.0).max(1.0);
                    let (x, y) = self.at(*x, *y);
                    vec![(x - half, y), (x + half, y)]
                }
                points => points.iter().map(|(x, y)| self.at(*x, *y)).collect(),
            })
            .collect();
        for part in &parts {
            draw_stroke(canvas, part, pen)?;
        }
        if pen.marker.is_none() {
            return Ok(());
        }
        let all: Vec<(f64, f64)> = parts.into_iter().flatten().collect();
        let apart = (self.right - self.left) / MARKERS;
        let first = self.left + apart * (0.3 + 0.618 * pen.place as f64).fract();
        for n in 0_u8..20 {
            let x = first + f64::from(n) * apart;
            let near = all.iter().min_by(|a, b| (a.0 - x).abs().total_cmp(&(b.0 - x).abs()));
            if let Some(point) = near.filter(|point| (point.0 - x).abs() <= apart / 3.0) {
                draw_marker(canvas, *point, pen, 3.6)?;
            }
        }
        Ok(())
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.at_x(x), self.at_y(y))
    }

    fn at_x(&self, value: f64) -> f64 {
        self.left + along(self.x, value) * (self.right - self.left)
    }

    fn at_y(&self, value: f64) -> f64 {
        self.bottom - along(self.y, value) * (self.bottom - self.top)
    }
}

/// Markers along a line that goes from edge to edge.
const MARKERS: f64 = 6.0;

/// How far along an axis a value stands, from 0 to 1; what lies outside stands at the edge.
fn along(axis: &Axis, value: f64) -> f64 {
    let share = (value - axis.min) / (axis.max - axis.min);
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

/// The legend broken into rows: every key with its x.
fn legend_rows(keys: &[LegendEntry]) -> Vec<Vec<(f64, &LegendEntry)>> {
    let mut rows: Vec<Vec<(f64, &LegendEntry)>> = Vec::new();
    let mut x = f64::INFINITY;
    for key in keys {
        // Of no use to measure: an SVG is shown in the viewer's own font, which may be wider than ours.
        let width = KEY + 6.0 + 7.0 * key.text.chars().count() as f64 + 18.0;
        if x + width > WIDTH - MARGIN {
            rows.push(Vec::new());
            x = MARGIN;
        }
        if let Some(row) = rows.last_mut() {
            row.push((x, key));
        }
        x += width;
    }
    rows
}

fn draw_key<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, key: &LegendEntry, (x, y): (f64, f64)) -> DrawResult {
    let (pen, text) = match key.look {
        LegendMark::Area(colour) => {
            canvas.rectangle((x, y - 5.0), (x + 12.0, y + 5.0), colour)?;
            return canvas.text(&shortened(&key.text, 48), (x + 18.0, y), SMALL);
        }
        LegendMark::Line(pen) => {
            draw_stroke(canvas, &[(x, y), (x + KEY, y)], pen)?;
            if pen.marker.is_none() {
                return canvas.text(&key.text, (x + KEY + 6.0, y), PLAIN);
            }
            (pen, x + KEY + 6.0)
        }
        LegendMark::Dot(pen) => (pen, x + KEY + 6.0),
    };
    draw_marker(canvas, (x + KEY / 2.0, y), pen, 4.0)?;
    canvas.text(&key.text, (text, y), PLAIN)
}

fn draw_stroke<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, points: &[(f64, f64)], pen: Pen) -> DrawResult {
    let (on, off, width) = match pen.stroke {
        Stroke::Solid => return canvas.line(points, pen.colour, 1.75),
        Stroke::Dashed => (7.0, 4.0, 1.75),
        Stroke::Dotted => (2.0, 3.5, 1.5),
    };
    for dash in dashes(points, on, off) {
        canvas.line(&dash, pen.colour, width)?;
    }
    Ok(())
}

/// A line cut into dashes that follow its bends.
fn dashes(points: &[(f64, f64)], on: f64, off: f64) -> Vec<Vec<(f64, f64)>> {
    let mut dashes = Vec::new();
    let mut dash: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, on);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                dash.push(to);
                break;
            }
            let share = left / length;
            from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            dash.push(from);
            if drawing {
                dashes.push(std::mem::take(&mut dash));
            }
            dash = vec![from];
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
    }
    if drawing && dash.len() > 1 {
        dashes.push(dash);
    }
    dashes
}

fn draw_marker<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, at: (f64, f64), pen: Pen, radius: f64) -> DrawResult {
    let (x, y) = at;
    let corner = |dx: f64, dy: f64| (x + dx * radius, y + dy * radius);
    let filled = |corners: &[(f64, f64)]| {
        canvas.area(corners, pen.colour, 1.0)?;
        outline(canvas, corners, PAPER)
    };
    match pen.marker {
        // The oracle's dots are rings, as it has no marker on its line.
        None => canvas.ring(at, radius * 0.8, pen.colour, 1.25),
        Some(Marker::Ring) => {
            canvas.disc(at, radius, PAPER)?;
            canvas.ring(at, radius * 0.9, pen.colour, 1.5)
        }
        Some(Marker::Circle) => {
            canvas.disc(at, radius, pen.colour)?;
            canvas.ring(at, radius, PAPER, 0.5)
        }
        Some(Marker::Triangle) => filled(&[corner(0.0, -1.2), corner(1.1, 0.8), corner(-1.1, 0.8)]),
        Some(Marker::TriangleDown) => filled(&[corner(0.0, 1.2), corner(1.1, -0.8), corner(-1.1, -0.8)]),
        Some(Marker::Square) => filled(&[corner(-0.9, -0.9), corner(0.9, -0.9), corner(0.9, 0.9), corner(-0.9, 0.9)]),
        Some(Marker::Diamond) => filled(&[corner(0.0, -1.3), corner(1.1, 0.0), corner(0.0, 1.3), corner(-1.1, 0.0)]),
        Some(Marker::Cross) => {
            canvas.line(&[corner(-1.0, -1.0), corner(1.0, 1.0)], pen.colour, 2.0)?;
            canvas.line(&[corner(-1.0, 1.0), corner(1.0, -1.0)], pen.colour, 2.0)
        }
    }
}

/// A thin line around a marker, so that markers that overlap can still be counted.
fn outline<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, corners: &[(f64, f64)], colour: Rgb) -> DrawResult {
    let closed: Vec<(f64, f64)> = corners.iter().chain(corners.first()).copied().collect();
    canvas.line(&closed, colour, 0.5)
}
