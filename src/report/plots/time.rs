//! What the plots over time share: how far to draw, and how finely.

use crate::record::Record;

use super::super::curve::Curve;
use super::super::words::duration;
use super::figure::{Axis, Mark, Pen};
use super::style::strategies;
use super::ticks;

/// The part of a run that plots over time show.
pub(super) struct TimeWindow {
    /// Buckets of the record that are drawn as one.
    group: usize,
    /// Buckets drawn.
    shown: usize,
    /// Where it ends, in seconds.
    end: f64,
    /// What lies beyond its end, in words; empty if nothing does.
    pub(super) beyond: String,
}

impl TimeWindow {
    /// From the start to the last attempt of any strategy; or, where a few stragglers would more than double that, to
    /// the moment at which every strategy has made 99 % of its attempts.
    pub(super) fn of(record: &Record) -> Self {
        let active: Vec<(usize, usize)> = strategies(record)
            .into_iter()
            .filter_map(|place| activity(&Curve::of(record, &record.strategies[place].name, None, 1)))
            .collect();
        let whole = active.iter().map(|(_, last)| last + 1).max().unwrap_or(1);
        let most = active.iter().map(|(nearly, _)| nearly + 1).max().unwrap_or(1);
        let cut = most * 2 < whole && most >= 4;
        let buckets = if cut { most + most.div_ceil(10) } else { whole };
        let group = buckets.div_ceil(MOST_BUCKETS).max(1);
        let shown = buckets.div_ceil(group);
        let width = record.bucket_us as f64 / 1e6;
        let beyond = if cut {
            format!(
                " Less than 1 % of the attempts, the last after {}, lie beyond the right edge.",
                duration(whole as f64 * width)
            )
        } else {
            String::new()
        };
        Self { group, shown, end: (shown * group) as f64 * width, beyond }
    }

    /// The axis of time.
    pub(super) fn axis(&self) -> Axis {
        ticks::time("time since the start", self.end)
    }

    /// The curve of a strategy within the window.
    pub(super) fn curve(&self, record: &Record, strategy: usize, provider: Option<usize>) -> Curve {
        let mut curve = Curve::of(record, &record.strategies[strategy].name, provider, self.group);
        curve.points.truncate(self.shown);
        curve
    }

    /// The bucket that one of the record's buckets is drawn in, if it is drawn.
    pub(super) fn bucket(&self, bucket: u32) -> Option<usize> {
        let place = usize::try_from(bucket).ok()? / self.group;
        (place < self.shown).then_some(place)
    }

    /// How many buckets are drawn.
    pub(super) fn len(&self) -> usize {
        self.shown
    }
}

/// The moment in the middle of a bucket of a curve, in seconds.
pub(super) fn middle(curve: &Curve, bucket: usize) -> f64 {
    (bucket as f64 + 0.5) * curve.width
}

/// The end of a bucket of a curve, in seconds.
pub(super) fn end(curve: &Curve, bucket: usize) -> f64 {
    (bucket as f64 + 1.0) * curve.width
}

/// A line through the values that are there; it stops where one is missing.
pub(super) fn line(values: impl IntoIterator<Item = (f64, Option<f64>)>, pen: Pen, dash: f64) -> Mark {
    let mut parts: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (x, y) in values {
        match (y, parts.last_mut()) {
            (Some(y), Some(part)) => part.push((x, y)),
            (None, Some(part)) if !part.is_empty() => parts.push(Vec::new()),
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    Mark::Line { parts, pen, dash }
}

/// Bands between least and most where they are there; nothing where they are one.
pub(super) fn bands(values: impl IntoIterator<Item = (f64, Option<(f64, f64)>)>, pen: Pen) -> Vec<Mark> {
    let mut bands: Vec<Vec<(f64, f64, f64)>> = vec![Vec::new()];
    for (x, range) in values {
        match (range, bands.last_mut()) {
            (Some((low, high)), Some(band)) => band.push((x, low, high)),
            (None, Some(band)) if !band.is_empty() => bands.push(Vec::new()),
            _ => {}
        }
    }
    bands.retain(|band| band.len() > 1 && band.iter().any(|(_, low, high)| high > low));
    bands.into_iter().map(|points| Mark::Band { points, colour: pen.colour }).collect()
}

/// More buckets than this are drawn together: a line that jumps at every pixel says nothing.
const MOST_BUCKETS: usize = 120;

/// The bucket by which 99 % of the attempts are made, and the last one in which anything is tried or settled.
fn activity(curve: &Curve) -> Option<(usize, usize)> {
    let all: f64 = curve.points.iter().map(|point| point.attempts).sum();
    let last = curve.points.iter().rposition(|point| point.attempts > 0.0)?;
    let mut made = 0.0;
    let nearly = curve.points.iter().position(|point| {
        made += point.attempts;
        made >= all * 0.99
    })?;
    Some((nearly.min(last), last))
}
