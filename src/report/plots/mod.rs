//! The plots of a run: each asks a question in its title and answers it at a glance.
//!
//! A file here turns the record into a [`Figure`], which is plain data; `draw` turns any figure into SVG or PNG, so
//! that all look alike. Colours are Okabe and Ito's, which the colour-blind can tell apart, and every strategy has a
//! marker of its own besides, so that a figure survives grey printing.

mod canvas;
mod connections;
mod deferrals;
mod delivered;
mod draw;
mod figure;
mod latency;
mod replies;
mod reputation;
mod style;
mod sweep;
mod ticks;
mod time;
mod tradeoff;

use std::path::Path;

use figure::Figure;

use crate::harmless;
use crate::parallel;
use crate::record::{Record, SweepRecord};

use super::drawing::Drawing;
use super::histograms::BrokenHistogram;
use super::sweep::SweepRow;
use super::write::{WriteError, folder, put};

/// Draws the plots of a run into their folder in `dir`, as SVG and PNG.
pub(super) fn draw(record: &Record, dir: &Path) -> Result<Vec<Drawing>, WriteError> {
    put_all(&figures(record)?, dir)
}

/// Draws the plots of a sweep into their folder in `dir`, as SVG and PNG.
pub(super) fn draw_sweep(record: &SweepRecord, rows: &[SweepRow], dir: &Path) -> Result<Vec<Drawing>, WriteError> {
    put_all(&sweep::figures(record, rows), dir)
}

fn put_all(figures: &[Figure], dir: &Path) -> Result<Vec<Drawing>, WriteError> {
    let dir = dir.join("plots");
    folder(&dir)?;
    let one = |figure: &Figure| {
        let svg = harmless::text(&figure.svg()?).into_owned();
        put(&dir.join(format!("{}.svg", figure.name)), svg.as_bytes())?;
        put(&dir.join(format!("{}.png", figure.name)), &figure.png()?)?;
        Ok(Drawing { name: figure.name.clone(), caption: figure.caption.clone(), svg })
    };
    parallel::map(figures, parallel::cores(), one).into_iter().collect()
}

/// All figures of a run that have something to show, in the order they are read; none if no trial was finished.
fn figures(record: &Record) -> Result<Vec<Figure>, BrokenHistogram> {
    if record.trials.is_empty() {
        return Ok(Vec::new());
    }
    let mut figures = vec![
        deferrals::figure(record),
        delivered::figure(record),
        tradeoff::figure(record),
        latency::figure(record)?,
        connections::figure(record),
        reputation::figure(record),
    ];
    figures.extend(replies::figures(record));
    figures.retain(|figure| !figure.panels.is_empty());
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Analysis, sample};

    #[test]
    fn every_question_is_drawn() {
        let names: Vec<String> = figures(&sample::small()).unwrap().into_iter().map(|figure| figure.name).collect();
        assert_eq!(
            names,
            [
                "deferrals",
                "delivered",
                "trade-off",
                "time-to-delivery",
                "connections",
                "reputation",
                "replies-fixed",
                "replies-backoff"
            ]
        );
    }

    #[test]
    fn names_are_escaped_and_shortened() {
        for figure in figures(&sample::small()).unwrap() {
            let svg = figure.svg().unwrap();
            assert!(!svg.contains("<script"), "{}", figure.name);
            assert!(!svg.contains("endlessly long and nobody would ever want to read all of it"), "{}", figure.name);
            assert!(svg.contains("&lt;script&gt;"), "{}", figure.name);
        }
    }

    #[test]
    fn nothing_to_show_is_no_panic() {
        for record in sample::degenerate() {
            for figure in figures(&record).unwrap() {
                figure.svg().unwrap();
                figure.png().unwrap();
            }
        }
    }

    #[test]
    fn a_png_is_twice_the_size() {
        let figure = deferrals::figure(&sample::small());
        let bytes = figure.png().unwrap();
        let png = png::Decoder::new(&*bytes).read_info().unwrap().info().size();
        let svg = figure.svg().unwrap();
        assert!(svg.contains(&format!("width=\"{}\" height=\"{}\"", png.0 / 2, png.1 / 2)));
    }

    /// Writes the results of large and of odd samples into a folder, to be looked at.
    #[test]
    #[ignore = "for the eye: set MXLAB_LOOK to a folder"]
    fn look() {
        let Ok(dir) = std::env::var("MXLAB_LOOK") else { return };
        let dir = std::path::PathBuf::from(dir);
        crate::report::write_all(&Analysis::of(&sample::large()), &sample::provenance(), &dir.join("large")).unwrap();
        for (n, record) in sample::degenerate().iter().enumerate() {
            crate::report::write_all(&Analysis::of(record), &sample::provenance(), &dir.join(format!("odd-{n}")))
                .unwrap();
        }
    }
}
