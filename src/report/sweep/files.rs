//! A results folder of a sweep: written, and read to be drawn again.

use std::path::Path;

use super::json::SweepSummary;
use super::page;
use super::rows::{SweepRow, is_censored, rows};
use crate::record::{RunProvenance, SweepFigure, SweepFinding, SweepRecord, SweepTrial};
use crate::report::folder::{RUN, ReadError, versioned};
use crate::report::plots;
use crate::report::results_summary::ResultsSummary;
use crate::report::spreadsheets::{ALL, optional, written};
use crate::report::words::exact;
use crate::report::write::{WriteError, compact, folder, pretty, put, sorted};

/// Writes everything a sweep yields into `dir`, which is made if it does not exist: provenance, record, tables, plots
/// and the page that shows them. Every file appears whole or not at all; `report.html` comes last.
///
/// # Errors
///
/// Where a file cannot be written; those before it are there.
pub fn write_sweep(record: &SweepRecord, provenance: &RunProvenance, dir: &Path) -> Result<(), WriteError> {
    folder(dir)?;
    let rows = rows(record);
    put(&dir.join(RUN), &pretty(RUN, provenance)?)?;
    put(&dir.join(SWEEP), &compact(SWEEP, record)?)?;
    put(
        &dir.join("summary.json"),
        &sorted("summary.json", &ResultsSummary::Sweep(SweepSummary::with_rows(record, &rows)))?,
    )?;
    put(&dir.join("sweep.csv"), &spreadsheet(record, &rows)?)?;
    let drawings = plots::draw_sweep(record, &rows, dir)?;
    put(&dir.join("report.html"), page::page(record, provenance, &drawings).as_bytes())
}

/// Whether a folder has the results of a sweep in it.
pub fn is_sweep(dir: &Path) -> bool {
    dir.join(SWEEP).exists()
}

/// The record of a sweep's results folder.
///
/// # Errors
///
/// Where there is no record of a sweep, it cannot be read, or it does not fit this version or itself.
pub fn read_sweep(dir: &Path) -> Result<SweepRecord, ReadError> {
    let path = dir.join(SWEEP);
    let record: SweepRecord = versioned(&path)?;
    match unsound(&record) {
        None => Ok(record),
        Some(reason) => Err(ReadError::Malformed { path, reason }),
    }
}

/// The file of the record.
const SWEEP: &str = "sweep.json";

/// Why a record cannot be what it says, if it cannot: everything else relies on its places.
fn unsound(record: &SweepRecord) -> Option<String> {
    let (values, strategies) = (record.values.len(), record.strategies.len());
    let (places, figures) = (record.places(), record.figures.len());
    if record.concerned.len() != strategies {
        return Some(format!("it has {strategies} strategies and says of {} if they change", record.concerned.len()));
    }
    for trial in &record.trials {
        let cells = trial.cells.len() == places.len() && trial.cells.iter().all(|cell| cell.len() == figures);
        if trial.value >= values || trial.strategy >= strategies || !cells {
            let SweepTrial { value, strategy, seed, .. } = trial;
            return Some(format!("the trial of value {value}, strategy {strategy}, seed {seed} does not fit the rest"));
        }
    }
    let rank_fits = |rank: &usize| *rank <= values;
    let fits = |found: &SweepFinding| {
        let knee = found.knee.as_ref().is_none_or(|knee| knee.value < values);
        let safe = found.safe.as_ref().is_none_or(|safe| {
            let (low, high) = safe.interval.unwrap_or_default();
            values > 0 && safe.ranks.iter().chain([&safe.every, &safe.median, &low, &high]).all(rank_fits)
        });
        found.strategy < strategies && places.contains(&found.provider) && knee && safe
    };
    (!record.found.iter().all(fits)).then(|| "what was found does not fit the values".to_owned())
}

/// A row for each value, strategy and provider; each figure with both ends of its 95 % interval, of times the median
/// and in how many seeds they never came.
fn spreadsheet(record: &SweepRecord, rows: &[SweepRow]) -> Result<Vec<u8>, csv::Error> {
    let mut header: Vec<String> = ["value", "x", "strategy", "provider", "seeds"].map(str::to_owned).to_vec();
    for figure in SweepFigure::all() {
        let name = figure.name().replace('-', "_");
        if is_censored(figure) {
            header.extend([format!("{name}_median"), format!("{name}_never")]);
        } else {
            header.extend([name.clone(), format!("{name}_low"), format!("{name}_high")]);
        }
    }
    let fields = rows.iter().map(|row| {
        let value = &record.values[row.value];
        let strategy = record.strategies[row.strategy].name.clone();
        let provider = row.provider.map_or(ALL, |place| &record.providers[place].name).to_owned();
        let mut fields = vec![value.text.clone(), exact(value.x), strategy, provider];
        fields.push(row.sample(SweepFigure::OfferedPerHour).seeds.to_string());
        for figure in SweepFigure::all() {
            let sample = row.sample(figure);
            if is_censored(figure) {
                fields.extend([optional(sample.median), sample.never().to_string()]);
            } else {
                let (low, high) = row.interval(figure).unzip();
                fields.extend([sample.estimate.map(|estimate| estimate.mean), low, high].map(optional));
            }
        }
        fields
    });
    written(std::iter::once(header).chain(fields))
}
