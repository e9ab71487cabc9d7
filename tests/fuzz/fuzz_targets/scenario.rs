//! Any text is a scenario or refused with diagnostics that can be shown.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use mxlab::diagnostic::Document;
use mxlab::scenario::{explain, parse};

fuzz_target!(|text: &str| {
    // Files that it names are not there.
    let missing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    match parse(&Document::new("scenario.toml", text), Path::new(""), &missing) {
        Ok(scenario) => drop(explain(&scenario)),
        Err(found) => {
            assert!(!found.is_empty());
            for diagnostic in found {
                assert!(!diagnostic.render(false).is_empty());
            }
        }
    }
});
