//! Reads a scenario and the files it draws on. The only place of the library that opens what a person names.

use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::build::{ReadFile, build};
use super::model::Scenario;
use super::spec::ScenarioSpec;
use super::sweep::{Place, Sweep, Value, single_values};
use super::text_file::{TOML_BYTES_MAX, TRACE_BYTES_MAX, read_text};
use crate::diagnostic::{self, Diagnostic, Document};
use crate::spanned::path::ValuePathError;
use crate::spanned::{self, Checker, FileKind, SourceMap, Tree};

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read, is too large, or is no text.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file that was to be read.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file says what cannot be; at least one diagnostic.
    #[error("{}", self.render(false))]
    Invalid(Vec<Diagnostic>),
}

impl LoadError {
    /// The message as a terminal shows it, in colours if `styled`.
    pub fn render(&self, styled: bool) -> String {
        match self {
            Self::Invalid(found) => diagnostic::render(found, styled).to_string(),
            Self::Unreadable { .. } => format!("error: {self}"),
        }
    }
}

/// Reads the scenario in the file `path`. Files that it names are looked for beside it.
///
/// # Errors
/// The file cannot be read, is no text, or says what cannot be: all that was found wrong, each with its place.
pub fn load(path: &Path) -> Result<Scenario, LoadError> {
    Draft::open(path)?.scenario()
}

/// A scenario's file as it was read: what it means, or would mean with another value in some place.
#[derive(Clone, Debug)]
pub struct Draft {
    document: Document,
    beside: PathBuf,
}

impl Draft {
    /// Reads the file `path`.
    ///
    /// # Errors
    /// The file cannot be read or is no text.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let text = read_text(path, TOML_BYTES_MAX);
        let text = text.map_err(|error| LoadError::Unreadable { path: path.to_owned(), error })?;
        let document = Document::new(path.display().to_string(), text);
        Ok(Self { document, beside: path.parent().unwrap_or_else(|| Path::new("")).to_owned() })
    }

    /// The place that `path` names in it.
    ///
    /// # Errors
    /// The path leads nowhere, or to no single value.
    pub fn place(&self, path: &str) -> Result<Place, ValuePathError> {
        Place::find(path, &self.tree())
    }

    /// Every single value in it by its path, as it is written there.
    pub fn single_values(&self) -> Vec<(String, String)> {
        single_values(&self.tree())
    }

    /// Its values; none if it is not TOML.
    fn tree(&self) -> Tree<'_> {
        let mut check = Checker::new(&self.document);
        let tree = spanned::parse(&self.document, 0, &mut check);
        tree.unwrap_or_else(|| Tree::new(0..0, DeValue::Table(DeTable::new())))
    }

    /// The scenario as it is written.
    ///
    /// # Errors
    /// All that was found wrong, each with its place.
    pub fn scenario(&self) -> Result<Scenario, LoadError> {
        self.meant(None)
    }

    /// The scenario with `value` in `place`. Whatever is wrong with it is shown where it then stands.
    ///
    /// # Errors
    /// All that was found wrong, each with its place.
    pub fn with(&self, place: &Place, value: &Value) -> Result<Scenario, LoadError> {
        self.meant(Some((place, &Document::new("sweep", place.written(value)))))
    }

    /// The scenario with each value of `sweep`, in their order.
    ///
    /// # Errors
    /// The first value that makes no scenario, and why.
    pub fn points(&self, sweep: &Sweep) -> Result<Vec<Scenario>, Box<WrongPoint>> {
        let (mut points, mut wrong) = (Vec::new(), Vec::new());
        for (value, _) in &sweep.values.list {
            match self.with(&sweep.over, value) {
                Ok(scenario) => points.push(scenario),
                Err(error) => wrong.push((value.clone(), error)),
            }
        }
        let others = wrong.len().saturating_sub(1);
        match wrong.into_iter().next() {
            None => Ok(points),
            Some((value, error)) => {
                Err(Box::new(WrongPoint { path: sweep.over.path().to_owned(), value, others, error }))
            }
        }
    }

    fn meant(&self, setting: Option<(&Place, &Document)>) -> Result<Scenario, LoadError> {
        let files = |path: &Path| {
            let is_profile = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
            read_text(path, if is_profile { TOML_BYTES_MAX } else { TRACE_BYTES_MAX })
        };
        meaning(&self.document, setting, &self.beside, &files).map_err(LoadError::Invalid)
    }
}

/// What the scenario in `document` means; `files` reads the files it names, `base_dir` goes before their paths.
///
/// # Errors
/// All that was found wrong, each with its place; at least one.
pub fn parse(document: &Document, base_dir: &Path, files: &ReadFile<'_>) -> Result<Scenario, Vec<Diagnostic>> {
    meaning(document, None, base_dir, files)
}

/// What a scenario means, with the value that a document says in some place.
fn meaning(
    document: &Document,
    setting: Option<(&Place, &Document)>,
    base_dir: &Path,
    files: &ReadFile<'_>,
) -> Result<Scenario, Vec<Diagnostic>> {
    let mut check = Checker::new(document);
    let mut tree = spanned::parse(document, 0, &mut check);
    if let (Some(tree), Some((place, written))) = (&mut tree, setting) {
        let start = check.include(&SourceMap::new(written));
        if let Some(value) = spanned::parse(written, start, &mut check) {
            place.set(tree, value);
        }
    }
    let scenario = tree.filter(|tree| FileKind::Scenario.may_be(tree, &mut check)).and_then(|tree| {
        let spec: ScenarioSpec = spanned::read(&tree, &mut check)?;
        Some(build(&spec, &tree, base_dir, files, &mut check))
    });
    check.finish(scenario)
}

/// A value of a sweep that makes no scenario.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be {value}{}", self.and_others())]
pub struct WrongPoint {
    /// The path of what is swept.
    pub path: String,
    /// The first such value.
    pub value: Value,
    /// How many more there are.
    pub others: usize,
    /// What is wrong with the first.
    #[source]
    pub error: LoadError,
}

impl WrongPoint {
    fn and_others(&self) -> String {
        match self.others {
            0 => String::new(),
            1 => ", nor 1 other value of the sweep".to_owned(),
            more => format!(", nor {more} other values of the sweep"),
        }
    }
}
