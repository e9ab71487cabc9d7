//! Writes a results folder. Equal records give equal bytes.

use std::path::Path;

use crate::record::RunProvenance;

use super::analysis::Analysis;
use super::folder::{RECORD, RUN};
use super::histograms;
use super::json::RunSummary;
use super::plots;
use super::results_summary::ResultsSummary;
use super::run_page;
use super::spreadsheets;
use super::words::slugs;
use super::write::{WriteError, compact, folder, pretty, put, sorted};

/// Writes everything a run yields into `dir`, which is made if it does not exist: provenance, record, tables,
/// histograms, plots and the page that shows them. Every file appears whole or not at all; `report.html` comes last.
///
/// # Errors
///
/// Where a file cannot be written; those before it are there.
pub fn write_all(analysis: &Analysis<'_>, provenance: &RunProvenance, dir: &Path) -> Result<(), WriteError> {
    let Analysis { record, summary, comparisons, unknowns, .. } = analysis;
    folder(&dir.join(HISTOGRAMS))?;
    put(&dir.join(RUN), &pretty(RUN, provenance)?)?;
    put(&dir.join(RECORD), &compact(RECORD, record)?)?;
    put(
        &dir.join("summary.json"),
        &sorted("summary.json", &ResultsSummary::Summary(Box::new(RunSummary::of(analysis))))?,
    )?;
    put(&dir.join("summary.csv"), &spreadsheets::summary(record, summary)?)?;
    put(&dir.join("comparisons.csv"), &spreadsheets::compared(record, comparisons)?)?;
    put(&dir.join("unknowns.csv"), &spreadsheets::unknowns(record, unknowns)?)?;
    put(&dir.join("curve.csv"), &spreadsheets::curve(record)?)?;
    put(&dir.join("replies.csv"), &spreadsheets::replies(record)?)?;
    let names = slugs(record.strategies.iter().map(|strategy| strategy.name.as_str()));
    for (strategy, name) in record.strategies.iter().zip(names) {
        put(&dir.join(HISTOGRAMS).join(format!("{name}.hlog")), &histograms::log(record, &strategy.name)?)?;
    }
    let drawings = plots::draw(record, dir)?;
    put(&dir.join("report.html"), run_page::page(analysis, provenance, &drawings).as_bytes())
}

/// The folder of the histograms.
const HISTOGRAMS: &str = "histograms";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::report::sample;
    use crate::report::summary::Summary;

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
            write_all(&Analysis::of(&sample::small()), &sample::provenance(), dir.path()).unwrap();
            everything(dir.path())
        };
        let first = write();
        let second = write();
        assert!(first.len() >= 10, "{:?}", first.keys());
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
            write_all(&Analysis::of(&record), &sample::provenance(), dir.path()).unwrap();
        }
    }

    #[test]
    fn an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("summary.csv")).unwrap();
        let error =
            write_all(&Analysis::of(&sample::small()), &sample::provenance(), dir.path()).unwrap_err().to_string();
        assert!(error.contains("summary.csv"), "{error}");
        assert!(!dir.path().join("summary.csv.part").exists());
    }
}
