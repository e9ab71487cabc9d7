//! Writes a results folder. Equal records give equal bytes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use crate::record::{Record, RunProvenance};

use super::folder::{RECORD, RUN};
use super::histograms::{self, BrokenHistogram};
use super::html;
use super::json::json_of;
use super::plots::{self, Figure, PlotError};
use super::spreadsheets;
use super::summary::Summary;
use super::words::slugs;

/// Why a results folder could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file or folder cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The record cannot be written as JSON.
    #[error("cannot write {name} as JSON: {source}")]
    Json {
        /// The file.
        name: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A table cannot be written as CSV.
    #[error("cannot write a table: {0}")]
    Csv(#[from] csv::Error),
    /// A histogram of the record is damaged.
    #[error(transparent)]
    Histogram(#[from] BrokenHistogram),
    /// A plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

/// Writes everything a run yields into `dir`, which is made if it does not exist: provenance, record, tables,
/// histograms, plots and the page that shows them. Every file appears whole or not at all; `report.html` comes last.
pub fn write_all(record: &Record, provenance: &RunProvenance, dir: &Path) -> Result<(), WriteError> {
    let summary = Summary::of(record);
    for folder in [dir.to_owned(), dir.join(PLOTS), dir.join(HISTOGRAMS)] {
        fs::create_dir_all(&folder).map_err(|source| WriteError::Io { path: folder, source })?;
    }
    put(&dir.join(RUN), &pretty(RUN, provenance)?)?;
    put(&dir.join(RECORD), &compact(RECORD, record)?)?;
    put(&dir.join("summary.json"), &pretty("summary.json", &json_of(record, &summary))?)?;
    put(&dir.join("summary.csv"), &spreadsheets::summary(record, &summary)?)?;
    put(&dir.join("comparisons.csv"), &spreadsheets::compared(record, &summary)?)?;
    put(&dir.join("curve.csv"), &spreadsheets::curve(record)?)?;
    put(&dir.join("replies.csv"), &spreadsheets::replies(record)?)?;
    let names = slugs(record.strategies.iter().map(|strategy| strategy.name.as_str()));
    for (strategy, name) in record.strategies.iter().zip(names) {
        put(&dir.join(HISTOGRAMS).join(format!("{name}.hlog")), &histograms::log(record, &strategy.name)?)?;
    }
    let figures = plots::figures(record)?;
    let drawn = put_plots(&figures, dir)?;
    let shown: Vec<_> = figures.iter().zip(&drawn).map(|(figure, svg)| (figure, svg.as_str())).collect();
    put(&dir.join("report.html"), html::page(record, provenance, &summary, &shown).as_bytes())
}

/// Writes figures into their folder in `dir`, as SVG and PNG; gives the SVGs.
pub(super) fn put_plots(figures: &[Figure], dir: &Path) -> Result<Vec<String>, WriteError> {
    let one = |figure: &Figure| {
        let svg = figure.svg()?;
        put(&dir.join(PLOTS).join(format!("{}.svg", figure.name)), svg.as_bytes())?;
        put(&dir.join(PLOTS).join(format!("{}.png", figure.name)), &figure.png()?)?;
        Ok(svg)
    };
    figures.par_iter().map(one).collect()
}

/// The folder of the plots.
pub(super) const PLOTS: &str = "plots";

/// The folder of the histograms.
const HISTOGRAMS: &str = "histograms";

/// Writes a file under another name and then gives it its own, so that nobody ever sees half of it.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let failed = |source| WriteError::Io { path: path.to_owned(), source };
    let result = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    result.map_err(|source| {
        // What is left of it is of no use to anyone; that it cannot be removed either is not the news.
        let _ = fs::remove_file(&part);
        failed(source)
    })
}

pub(super) fn pretty(name: &'static str, value: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|source| WriteError::Json { name, source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

pub(super) fn compact(name: &'static str, value: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec(value).map_err(|source| WriteError::Json { name, source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::sample;

    fn everything(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(everything(&path));
            } else {
                files.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
        files
    }

    #[test]
    fn equal_records_give_equal_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let write = || {
            write_all(&sample::small(), &sample::provenance(), dir.path()).unwrap();
            everything(dir.path())
        };
        let first = write();
        let second = write();
        assert!(first.len() > 15, "{:?}", first.keys());
        assert!(first.keys().all(|path| path.extension().is_some_and(|extension| extension != "part")));
        for (path, bytes) in &first {
            assert!(second[path] == *bytes, "{} differs", path.display());
        }
        assert_eq!(first.len(), second.len());
    }

    #[test]
    fn the_summary_is_a_table() {
        let record = sample::small();
        let bytes = spreadsheets::summary(&record, &Summary::of(&record)).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
    }

    #[test]
    fn every_reply_is_counted_once() {
        let record = sample::small();
        let bytes = spreadsheets::replies(&record).unwrap();
        let counts: u64 =
            csv::Reader::from_reader(&*bytes).records().map(|row| row.unwrap()[5].parse::<u64>().unwrap()).sum();
        let recorded: u64 =
            record.trials.iter().flat_map(|trial| &trial.cells).flat_map(|cell| &cell.replies).map(|r| r.count).sum();
        assert_eq!(recorded, counts);
        assert!(recorded > 0);
    }

    #[test]
    fn a_log_is_read_by_hdrhistogram() {
        use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
        let log = histograms::log(&sample::small(), "fixed").unwrap();
        let entries: Vec<_> = IntervalLogIterator::new(&log).collect::<Result<_, _>>().unwrap();
        let tags: Vec<_> = entries
            .iter()
            .filter_map(|entry| match entry {
                LogEntry::Interval(interval) => interval.tag().map(|tag| tag.as_str().to_owned()),
                _ => None,
            })
            .collect();
        assert_eq!(tags, ["charter", "script-gmail-script"]);
    }

    #[test]
    fn what_is_not_there_is_no_panic() {
        for record in sample::degenerate() {
            let dir = tempfile::tempdir().unwrap();
            write_all(&record, &sample::provenance(), dir.path()).unwrap();
        }
    }

    #[test]
    fn an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("summary.csv")).unwrap();
        let error = write_all(&sample::small(), &sample::provenance(), dir.path()).unwrap_err().to_string();
        assert!(error.contains("summary.csv"), "{error}");
        assert!(!dir.path().join("summary.csv.part").exists());
    }
}
