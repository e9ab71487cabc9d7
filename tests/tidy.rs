//! The crate keeps its own rules: arrows between modules, no circles between files, one name for one type, the field's
//! own words, purity of the core, short lines, functions and files, module
//! docs, no file that nothing reaches, scenarios that ask and expect, and a README whose commands exist.
//!
//! Every rule is a function from text to findings, so that the tests at the end can show it a violation.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/dialect.rs"]
mod dialect;
#[path = "tidy/modules.rs"]
mod modules;
#[path = "tidy/prose.rs"]
mod prose;
#[path = "tidy/purity.rs"]
mod purity;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/type_names.rs"]
mod type_names;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use source::Source;

/// A rule broken at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

#[test]
fn the_arrows_point_one_way() {
    none(sources("src").iter().flat_map(arrows::check));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    none(circles::check(&sources("src")));
}

#[test]
fn no_two_types_share_a_name() {
    none(type_names::check(&sources("src")));
}

#[test]
fn names_and_comments_say_it_in_the_fields_words() {
    let all = ["src", "tests", "benches"].map(sources).concat();
    let rules = "tests/tidy/dialect.rs";
    none(all.iter().filter(|source| source.path != rules).flat_map(dialect::check));
}

#[test]
fn the_core_has_no_clock_no_sockets_and_no_order_of_chance() {
    none(sources("src").iter().flat_map(purity::check));
}

#[test]
fn lines_functions_and_files_are_short() {
    let all = ["src", "tests", "benches", "examples"].map(sources).concat();
    none(all.iter().flat_map(shape::check));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let all = ["src", "tests", "benches", "examples"].map(sources).concat();
    none(all.iter().flat_map(prose::opens_with_docs));
}

#[test]
fn every_source_file_is_reached() {
    none(shape::unreached(&sources("src")));
}

#[test]
fn scenarios_ask_and_expect() {
    let files = files("scenarios", "toml");
    let scenarios = files.iter().filter(|(path, _)| !path.starts_with("scenarios/profiles/"));
    none(scenarios.flat_map(|(path, text)| prose::scenario(path, text)));
}

#[test]
fn the_commands_of_the_readme_exist() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    none(prose::commands("README.md", &readme, &mxlab::cli::command()));
}

#[test]
fn the_files_the_readme_names_exist() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    none(prose::paths("README.md", &readme, &|path| root().join(path).exists()));
}

/// Fails with every finding on a line of its own.
fn none(findings: impl IntoIterator<Item = Finding>) {
    let findings: Vec<String> = findings.into_iter().map(|finding| finding.to_string()).collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn sources(folder: &str) -> Vec<Source> {
    files(folder, "rs").into_iter().map(|(path, text)| Source::new(path, text)).collect()
}

/// Path and text of every file below `folder` whose name ends in `.ending`; none if there is no such folder.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = BTreeSet::new();
    walk(&root().join(folder), &mut |path| {
        if path.extension().is_some_and(|extension| extension == ending) {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.insert((name, fs::read_to_string(path).unwrap()));
        }
    });
    found.into_iter().collect()
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the rules say about a text that stands at `path`.
fn findings(rule: impl Fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> Vec<(usize, String)> {
    rule(&Source::new(path.into(), text.into())).into_iter().map(|finding| (finding.line, finding.what)).collect()
}
