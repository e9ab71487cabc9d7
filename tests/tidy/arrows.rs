//! Which module may know which. Data flows one way; nothing imports what stands to its right.

use regex::Regex;

use super::Finding;
use super::source::Source;

/// What everything else is said in.
const WORDS: &[&str] = &["time", "rng", "units", "dist", "harmless", "diagnostic", "spanned", "stats", "metric"];

/// A module and what it may know besides the words and itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("rng", &[]),
    ("units", &[]),
    ("dist", &[]),
    ("harmless", &[]),
    ("diagnostic", &[]),
    ("spanned", &[]),
    ("stats", &[]),
    ("metric", &[]),
    ("parallel", &[]),
    ("smtp", &[]),
    ("provider", &["smtp"]),
    ("sender", &["smtp"]),
    ("workload", &[]),
    ("record", &["smtp"]),
    ("scenario", &["smtp", "provider", "sender", "workload"]),
    ("trial", &["smtp", "provider", "sender", "workload", "scenario", "record"]),
    ("sim", &["smtp", "provider", "sender", "workload", "scenario", "record", "trial"]),
    ("live", &["smtp", "provider", "sender", "workload", "scenario", "record", "trial"]),
    ("report", &["parallel", "record"]),
    ("study", &["parallel", "smtp", "provider", "sender", "workload", "scenario", "trial", "sim", "live", "record"]),
    (
        "cli",
        &[
            "parallel", "smtp", "provider", "sender", "workload", "scenario", "trial", "sim", "live", "record",
            "report", "study",
        ],
    ),
];

/// Finds imports against the arrows.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let module = source.module();
    let Some(own) = module.first().copied() else { return root(source) };
    let Some((_, known)) = ARROWS.iter().find(|(name, _)| *name == own) else {
        return vec![source.finding(1, format!("`{own}` has no place among the modules; give it one in {}", file!()))];
    };
    let allowed = |path: &str| {
        let top = path.split("::").next().unwrap_or(path);
        top == own || WORDS.contains(&top) || known.contains(&top)
    };
    let refused = |(at, path): (usize, String)| {
        let line = source.line(at);
        (!allowed(&path)).then(|| source.finding(line, format!("`{own}` may not know `{path}`")))
    };
    imports(source, module.len()).into_iter().filter_map(refused).collect()
}

/// The roots know only what they declare: the library nothing, the binary the command line.
fn root(source: &Source) -> Vec<Finding> {
    let others = Regex::new(r"\bmxlab::(\w+)").unwrap();
    let refused = others.captures_iter(&source.code).filter(|found| &found[1] != "cli");
    refused.map(|found| source.finding(source.line(found.get(0).unwrap().start()), "main knows only `cli`")).collect()
}

/// Every path that leads through the crate's root: where, and the two names that follow.
fn imports(source: &Source, depth: usize) -> Vec<(usize, String)> {
    let step = Regex::new(r"\b(?:crate|mxlab|((?:super::)*super))::").unwrap();
    let name = Regex::new(r"^\w+(?:::\w+)?").unwrap();
    let mut found = Vec::new();
    for step in step.captures_iter(&source.code) {
        if step.get(1).is_some_and(|supers| supers.as_str().matches("super").count() != depth) {
            continue;
        }
        let at = step.get(0).unwrap().end();
        for path in heads(&source.code[at..]) {
            if let Some(name) = name.find(path.trim_start()) {
                found.push((at, name.as_str().to_owned()));
            }
        }
    }
    found
}

/// What stands at the head of a path: one tail, or the tails in braces.
fn heads(rest: &str) -> Vec<&str> {
    if !rest.starts_with('{') {
        return vec![rest];
    }
    let (mut depth, mut from, mut heads) = (0, 1, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            ',' if depth == 1 => {
                heads.push(&rest[from..at]);
                from = at + 1;
            }
            '}' if depth == 1 => {
                heads.push(&rest[from..at]);
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::super::findings;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        findings(super::check, path, text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn imports_against_the_arrows_are_found() {
        assert_eq!(lines("src/provider/engine.rs", "use crate::time::Time;\nuse crate::sender::Strategy;\n"), [2]);
        assert_eq!(lines("src/sender/mod.rs", "use crate::{\n  smtp::{Reply, Stage},\n  provider::Policy,\n};"), [1]);
        assert_eq!(lines("src/sender/a.rs", "fn f() { let x: crate::workload::Mail; }"), [1]);
        assert_eq!(lines("src/report/run_page.rs", "use crate::record::Record;\nuse crate::sim::World;"), [2]);
        assert_eq!(lines("src/report/run_page.rs", "use crate::stats::mean;\nuse crate::study::run;"), [2]);
        assert_eq!(lines("src/time.rs", "use crate::smtp::Reply;"), [1]);
        assert_eq!(lines("src/main.rs", "use mxlab::cli;\nuse mxlab::study;"), [2]);
    }

    #[test]
    fn a_way_round_through_super_is_found() {
        assert_eq!(lines("src/provider/mod.rs", "use super::sender::Strategy;"), [1]);
        assert_eq!(lines("src/provider/engine.rs", "use super::super::sender::Strategy;"), [1]);
        assert!(lines("src/provider/engine.rs", "use super::Policy;").is_empty());
    }

    #[test]
    fn comments_strings_and_tests_are_free() {
        assert!(lines("src/provider/a.rs", "//! As [`crate::sender`].\nconst A: &str = \"crate::sender\";").is_empty());
        assert!(lines("src/provider/a.rs", "#[cfg(test)]\nmod tests {\n use crate::sender::X;\n}").is_empty());
    }

    #[test]
    fn a_module_without_a_place_is_found() {
        assert_eq!(lines("src/utils.rs", ""), [1]);
    }
}
