//! No two files import each other, directly or around: reading one never leads back to it by way of another.
//!
//! A file imports another where it names an item that the other defines, also through the `pub use` of a parent. Where
//! a parent only declares a module or hands its names on, it imports nothing. A type's own file imports another that
//! adds methods to the type where it calls one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::modules::Modules;
use super::source::Source;

/// Finds the circles among files, each once, at its first file.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let modules = Modules::of(sources);
    let edges = modules.dependencies();
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|file| (*file, reached(file, &edges))).collect();
    let mut found = Vec::new();
    for (file, ahead) in &reached {
        let circle: Vec<&str> = ahead.iter().copied().filter(|other| reached[other].contains(file)).collect();
        if circle.first() == Some(file) {
            let imports = circle.iter().flat_map(|from| {
                let to = edges[from].iter().filter(|(to, _)| circle.contains(&to.as_str()));
                to.map(move |(to, name)| format!("\n    {from} -> {to} ({name})"))
            });
            let what = format!("a circle of {} files:{}", circle.len(), imports.collect::<String>());
            found.push(Finding { path: (*file).to_owned(), line: 1, what });
        }
    }
    found
}

/// The files that one leads to; itself only around a circle.
fn reached<'a>(file: &str, edges: &'a BTreeMap<&str, BTreeMap<String, String>>) -> BTreeSet<&'a str> {
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![file]);
    while let Some(next) = ahead.pop() {
        for to in edges.get(next).into_iter().flat_map(|to| to.keys()) {
            if reached.insert(to.as_str()) {
                ahead.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new((*path).into(), (*text).into())).collect();
        check(&sources).into_iter().map(|finding| format!("{}: {}", finding.path, finding.what)).collect()
    }

    #[test]
    fn a_circle_of_two_files_is_found() {
        let lib = ("src/lib.rs", "mod a;\nmod b;\n");
        let found = circles(&[
            lib,
            ("src/a.rs", "use crate::b::B;\npub struct A(B);\n"),
            ("src/b.rs", "pub struct B;\nfn f(a: crate::a::A) {}\n"),
        ]);
        assert_eq!(
            found,
            ["src/a.rs: a circle of 2 files:\n    src/a.rs -> src/b.rs (B)\n    src/b.rs -> src/a.rs (A)"]
        );
    }

    #[test]
    fn a_circle_around_a_parent_and_its_children_is_found() {
        let lib = ("src/lib.rs", "mod a;\n");
        let child = ("src/a/one.rs", "use super::A;\npub struct One;\nimpl A {}\n");
        let two = ("src/a/two.rs", "use super::One;\npub fn two(one: One) {}\n");
        let around = ("src/a.rs", "mod one;\nmod two;\nuse one::One;\npub struct A;\nfn f() { two::two(One) }\n");
        let found = circles(&[lib, around, child, two]);
        assert!(found.len() == 1 && found[0].starts_with("src/a.rs: a circle of 3 files"), "{found:?}");
        let handed_on = ("src/a.rs", "mod one;\nmod two;\npub use one::One;\npub struct A;\n");
        assert!(circles(&[lib, handed_on, child, two]).is_empty());
    }

    #[test]
    fn a_type_that_calls_methods_added_elsewhere_is_in_a_circle() {
        let lib = ("src/lib.rs", "mod a;\n");
        let child =
            |head: &str| format!("use super::A;\n{head} {{\n    pub(super) fn more(&self) {{ self.own() }}\n}}\n");
        let home = |call: &str| format!("mod one;\npub struct A;\nimpl A {{\n    fn own(&self) {{ {call} }}\n}}\n");
        for call in ["self.more()", "Self::more(self)", "A::more(self)"] {
            let found = circles(&[lib, ("src/a.rs", &home(call)), ("src/a/one.rs", &child("impl A"))]);
            let circle = "src/a.rs: a circle of 2 files:\n    \
                          src/a.rs -> src/a/one.rs (more)\n    src/a/one.rs -> src/a.rs (A)";
            assert_eq!(found, [circle], "{call}");
        }
        for (call, head) in [("self.more", "impl A"), ("B::more(self)", "impl A"), ("self.more()", "impl More for A")] {
            let files = [lib, ("src/a.rs", &home(call)), ("src/a/one.rs", &child(head))];
            assert!(circles(&files).is_empty(), "{call}, {head}");
        }
    }
}
