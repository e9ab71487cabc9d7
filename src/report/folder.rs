//! Reads a results folder, to draw its report again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::record::{Record, RunProvenance};

use super::histograms::{self, BrokenHistogram};

/// Why a results folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is missing.
    #[error("there is no {}: is this a results folder?", path.display())]
    Missing {
        /// The file that the folder lacks or that is wrong.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file that the folder lacks or that is wrong.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is damaged or was not written by mxlab: {reason}", path.display())]
    Malformed {
        /// The file that the folder lacks or that is wrong.
        path: PathBuf,
        /// What is wrong with its content.
        reason: String,
    },
    /// A file has a format of another version.
    #[error("{} has format {found}, this version of mxlab reads format {}: run the scenario again", path.display(), Record::FORMAT)]
    Version {
        /// The file that the folder lacks or that is wrong.
        path: PathBuf,
        /// The version of the format that the file says it has.
        found: u32,
    },
    /// A histogram in it is damaged.
    #[error(transparent)]
    Histogram(#[from] BrokenHistogram),
}

/// The record of a results folder.
///
/// # Errors
///
/// Where there is no record, it cannot be read, or it does not fit this version or itself.
pub fn read(dir: &Path) -> Result<Record, ReadError> {
    let path = dir.join(RECORD);
    let record: Record = versioned(&path)?;
    let malformed = |reason: String| ReadError::Malformed { path: path.clone(), reason };
    for trial in record.trials.iter().chain(&record.crossed) {
        if trial.cells.len() != record.providers.len() {
            let (cells, providers) = (trial.cells.len(), record.providers.len());
            return Err(malformed(format!(
                "a trial of `{}` has {cells} cells for {providers} providers",
                trial.strategy
            )));
        }
        if !record.strategies.iter().any(|strategy| strategy.name == trial.strategy) {
            return Err(malformed(format!("a trial of `{}`, which is none of its strategies", trial.strategy)));
        }
    }
    for strategy in &record.strategies {
        for place in 0..record.providers.len() {
            histograms::merged(&record, &strategy.name, place)?;
        }
    }
    Ok(record)
}

/// Where the results of a folder come from.
///
/// # Errors
///
/// Where there is no provenance, it cannot be read, or it is of another version.
pub fn read_provenance(dir: &Path) -> Result<RunProvenance, ReadError> {
    versioned(&dir.join(RUN))
}

/// The file of the record.
pub(super) const RECORD: &str = "record.json";

/// The file of the provenance.
pub(super) const RUN: &str = "run.json";

/// What every file says first.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// Reads a file whose format is the one we know; looks at the version before anything else, as all else may differ.
pub(super) fn versioned<T: DeserializeOwned>(path: &Path) -> Result<T, ReadError> {
    let text = fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing { path: path.to_owned() },
        io::ErrorKind::InvalidData => {
            ReadError::Malformed { path: path.to_owned(), reason: "it is no text".to_owned() }
        }
        _ => ReadError::Io { path: path.to_owned(), source },
    })?;
    let malformed =
        |error: serde_json::Error| ReadError::Malformed { path: path.to_owned(), reason: error.to_string() };
    let Version { format } = serde_json::from_str(&text).map_err(malformed)?;
    if format != Record::FORMAT {
        return Err(ReadError::Version { path: path.to_owned(), found: format });
    }
    serde_json::from_str(&text).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Analysis, sample, write_all};

    #[test]
    fn what_is_written_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let (record, provenance) = (sample::small(), sample::provenance());
        write_all(&Analysis::of(&record), &provenance, dir.path()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), record);
        assert_eq!(read_provenance(dir.path()).unwrap(), provenance);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let said = |text: &[u8]| {
            fs::write(dir.path().join(RECORD), text).unwrap();
            read(dir.path()).unwrap_err().to_string()
        };
        assert!(read(dir.path()).unwrap_err().to_string().contains("is this a results folder?"));
        assert!(said(b"{\"format\": 99}").contains("has format 99"));
        assert!(said(b"{").contains("damaged"));
        assert!(said(b"\xff\xfe\x00").contains("no text"));
        let mut record = sample::small();
        record.trials[0].cells.pop();
        assert!(said(&serde_json::to_vec(&record).unwrap()).contains("cells for 2 providers"));
        let mut record = sample::small();
        "!!!".clone_into(&mut record.trials[0].cells[0].time_to_delivery);
        assert!(said(&serde_json::to_vec(&record).unwrap()).contains("histogram"));
    }
}
