//! The files that a scenario names: profiles and traces.

use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::Document;
use crate::spanned::{Checker, Spanned};

/// Reads the file of a path.
pub(in crate::scenario) type ReadFile<'a> = dyn Fn(&Path) -> io::Result<String> + 'a;

/// Finds the files that a scenario names, and adds up what it and they say.
pub(super) struct NamedFiles<'a> {
    base_dir: &'a Path,
    read: &'a ReadFile<'a>,
    hash: Hash,
}

impl<'a> NamedFiles<'a> {
    /// Files whose paths begin at `base_dir`.
    pub(super) const fn new(base_dir: &'a Path, read: &'a ReadFile<'a>) -> Self {
        Self { base_dir, read, hash: Hash(0xCBF2_9CE4_8422_2325) }
    }

    /// The file called `name` in the scenario, with its path; says so if it cannot be read.
    pub(super) fn read(&mut self, name: &Spanned<String>, check: &mut Checker<'_>) -> Option<(PathBuf, Document)> {
        let path = self.base_dir.join(&name.value);
        match (self.read)(&path) {
            Ok(text) => {
                let document = Document::new(path.display().to_string(), text);
                self.count_in(&document);
                Some((path, document))
            }
            Err(error) => {
                check.wrong(&name.span, format!("cannot read {}: {error}", path.display()));
                None
            }
        }
    }

    /// Adds what a document says to the hash.
    pub(super) fn count_in(&mut self, document: &Document) {
        self.hash.add(&document.text);
    }

    /// A hash of everything that was read.
    pub(super) const fn hash(&self) -> u64 {
        self.hash.0
    }
}

/// FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>), over texts one after the other.
struct Hash(u64);

impl Hash {
    fn add(&mut self, text: &str) {
        // A byte that no text has separates one from the next.
        let bytes = text.bytes().chain([0xFF]);
        self.0 = bytes.fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    }
}
