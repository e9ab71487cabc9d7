//! Scenarios out of text, as tests write them.

use std::io;
use std::path::Path;

use mxlab::diagnostic::Document;
use mxlab::scenario::{Scenario, parse};

/// The scenario that `text` means, in a file called `name`; `files` are those that it may name, by name and text.
pub(crate) fn scenario(name: &str, text: &str, files: &[(&str, &str)]) -> Scenario {
    let read = |path: &Path| {
        let file = files.iter().find(|(name, _)| path.file_name().is_some_and(|file| file == *name));
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    parse(&Document::new(name, text.to_owned()), Path::new(""), &read).unwrap_or_else(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(|diagnostic| diagnostic.render(false)).collect();
        panic!("{}", wrong.join("\n"))
    })
}
