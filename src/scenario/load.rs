//! Reads a scenario and the files it draws on. The only place of the library that opens what a person names.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::build::{Files, build};
use super::model::Scenario;
use crate::diagnostic::{Diagnostic, Document};

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file holds something else than text.
    #[error("{} is not a text file: byte {offset} is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that is no text, counted from 0.
        offset: usize,
    },
    /// The file says what cannot be; at least one diagnostic.
    #[error("{}", self.render(false))]
    Invalid(Vec<Diagnostic>),
}

impl LoadError {
    /// The message as a terminal shows it, in colours if `styled`.
    pub fn render(&self, styled: bool) -> String {
        match self {
            Self::Invalid(found) => {
                let found: Vec<String> = found.iter().map(|diagnostic| diagnostic.render(styled)).collect();
                found.join("\n\n")
            }
            Self::Unreadable { .. } | Self::NotText { .. } => format!("error: {self}"),
        }
    }
}

/// Reads the scenario in the file `path`. Files that it names are looked for beside it.
///
/// # Errors
/// The file cannot be read, is no text, or says what cannot be: all that was found wrong, each with its place.
pub fn load(path: &Path) -> Result<Scenario, LoadError> {
    let bytes = read(path, SCENARIO_BYTES_MAX);
    let bytes = bytes.map_err(|error| LoadError::Unreadable { path: path.to_owned(), error })?;
    let text = into_text(bytes).map_err(|offset| LoadError::NotText { path: path.to_owned(), offset })?;
    let document = Document::new(path.display().to_string(), text);
    let beside = path.parent().unwrap_or_else(|| Path::new(""));
    let files = |path: &Path| {
        let not_text = |offset| {
            io::Error::new(io::ErrorKind::InvalidData, format!("not a text file: byte {offset} is not UTF-8 text"))
        };
        into_text(read(path, OTHER_BYTES_MAX)?).map_err(not_text)
    };
    parse(&document, beside, &files).map_err(LoadError::Invalid)
}

/// What the scenario in `document` means; `files` reads the files it names, `base_dir` goes before their paths.
///
/// # Errors
/// All that was found wrong, each with its place; at least one.
pub fn parse(document: &Document, base_dir: &Path, files: &Files<'_>) -> Result<Scenario, Vec<Diagnostic>> {
    let spec = toml::from_str(&document.text).map_err(|error| vec![document.not_toml(&error)])?;
    build(&spec, document, base_dir, files)
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}

/// The text that `bytes` are, or the place of the first that is none. A zero byte is UTF-8, but nobody writes it.
fn into_text(bytes: Vec<u8>) -> Result<String, usize> {
    let zero = bytes.iter().position(|byte| *byte == 0);
    match (String::from_utf8(bytes), zero) {
        (Ok(text), None) => Ok(text),
        (Ok(_), Some(zero)) => Err(zero),
        (Err(error), zero) => Err(zero.unwrap_or(usize::MAX).min(error.utf8_error().valid_up_to())),
    }
}

/// Larger than any scenario a person writes.
const SCENARIO_BYTES_MAX: u64 = 16 << 20;
/// A trace may hold a few tens of millions of messages.
const OTHER_BYTES_MAX: u64 = 2 << 30;
