//! How a file of a results folder is written: whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::harmless;

use super::drawing::PlotError;
use super::histograms::BrokenHistogram;

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
        /// The name of the file in the folder.
        name: &'static str,
        /// What the serializer says.
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

/// Makes a folder, and those it stands in, if they do not exist.
pub(super) fn folder(path: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(path).map_err(|source| WriteError::Io { path: path.to_owned(), source })
}

/// Writes a file under another name and then gives it its own, so that half of it is never seen.
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

/// A value as JSON for people.
pub(super) fn pretty(name: &'static str, value: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    json(name, serde_json::to_string_pretty(value))
}

/// The same with its keys in the order of the alphabet: summaries are compared line by line.
pub(super) fn sorted(name: &'static str, value: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    let value = serde_json::to_value(value).map_err(|source| WriteError::Json { name, source })?;
    pretty(name, &value)
}

/// A value as JSON on one line.
pub(super) fn compact(name: &'static str, value: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    json(name, serde_json::to_string(value))
}

fn json(name: &'static str, text: serde_json::Result<String>) -> Result<Vec<u8>, WriteError> {
    let mut text = harmless::json(text.map_err(|source| WriteError::Json { name, source })?);
    text.push('\n');
    Ok(text.into_bytes())
}
