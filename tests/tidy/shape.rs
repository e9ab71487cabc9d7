//! Lines, functions and files that a person can hold in the head; and no file that nothing reaches.

use std::collections::BTreeSet;

use regex::Regex;

use super::Finding;
use super::source::Source;

const LINE_CHARS_MAX: usize = 120;
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;

/// Finds what is too long.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut found = functions(source);
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        found.push(source.finding(FILE_LINES_MAX, format!("a file of {lines} lines; look for the second noun")));
    }
    for ((n, line), code) in (1..).zip(source.text.lines()).zip(source.all_code.lines()) {
        // A message in one piece can be searched for, and an address cannot be broken.
        let chars = line.chars().count() - code.matches('"').count();
        if chars > LINE_CHARS_MAX && !line.contains("://") {
            found.push(source.finding(n, format!("a line of {chars} characters besides its strings")));
        }
    }
    found
}

fn functions(source: &Source) -> Vec<Finding> {
    let heads = Regex::new(r"\bfn\s+(\w+)").unwrap();
    let mut found = Vec::new();
    for head in heads.captures_iter(&source.all_code) {
        let start = head.get(0).unwrap().start();
        let lines =
            body(&source.all_code[start..]).map_or(0, |end| source.all_code[start..start + end].lines().count());
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{}` has {lines} lines, more than {FUNCTION_LINES_MAX}", &head[1]);
            found.push(source.finding(source.line(start), what));
        }
    }
    found
}

/// Where the body of the function that begins here ends; `None` for a function without a body.
fn body(code: &str) -> Option<usize> {
    let (mut round, mut curly) = (0, 0);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if round == 0 && curly == 0 => return None,
            '{' => curly += 1,
            '}' if curly == 1 => return Some(at + 1),
            '}' => curly -= 1,
            _ => {}
        }
    }
    None
}

/// Finds files that no `mod` leads to.
pub(super) fn unreached(sources: &[Source]) -> Vec<Finding> {
    let declared = Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;").unwrap();
    let elsewhere = Regex::new(r#"(?m)^#\[cfg_attr\(.*\bpath = "([^"]+)"\)\]$"#).unwrap();
    let mut reached: BTreeSet<String> = ["src/lib.rs", "src/main.rs"].map(String::from).into();
    let mut ahead: Vec<String> = reached.iter().cloned().collect();
    while let Some(path) = ahead.pop() {
        let Some(source) = sources.iter().find(|source| source.path == path) else { continue };
        let folder = [vec!["src"], source.module()].concat().join("/");
        // `#[cfg_attr(…, path = "…")]` of a feature that is left out: the string is blank in the code.
        for other in elsewhere.captures_iter(&source.text) {
            let child = format!("{folder}/{}", &other[1]);
            if reached.insert(child.clone()) {
                ahead.push(child);
            }
        }
        for name in declared.captures_iter(&source.all_code) {
            for child in [format!("{folder}/{}.rs", &name[1]), format!("{folder}/{}/mod.rs", &name[1])] {
                if reached.insert(child.clone()) {
                    ahead.push(child);
                }
            }
        }
    }
    let lost = sources.iter().filter(|source| !reached.contains(&source.path));
    lost.map(|source| source.finding(1, "no `mod` leads here")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::findings;
    use super::*;

    #[test]
    fn what_is_too_long_is_found() {
        let long = |n: usize| format!("fn short() {{}}\nfn long(\n) {{\n{}}}\n", "x();\n".repeat(n));
        assert_eq!(findings(check, "src/a.rs", &long(67)), []);
        let too_long = findings(check, "src/a.rs", &long(68));
        assert_eq!(too_long, [(2, "`long` has 71 lines, more than 70".to_owned())]);
        assert_eq!(findings(check, "src/a.rs", &format!("\n//{}", "ü".repeat(119))).len(), 1);
        assert_eq!(findings(check, "src/a.rs", &format!("\n//{}", "ü".repeat(118))).len(), 0);
        assert_eq!(findings(check, "src/a.rs", &format!("f(\"{}\");", "x".repeat(200))).len(), 0);
        assert_eq!(findings(check, "src/a.rs", &"\n".repeat(601)).len(), 1);
    }

    #[test]
    fn braces_in_strings_and_functions_without_a_body_do_not_confuse() {
        let text = format!("trait A {{ fn a(x: [u8; 3]); }}\nfn b() {{ '{{'; \"{{\"; }}\n{}", "\n".repeat(100));
        assert_eq!(findings(check, "src/a.rs", &text), []);
    }

    #[test]
    fn a_file_that_nothing_reaches_is_found() {
        let source = |path: &str, text: &str| Source::new(path.into(), text.into());
        let lost = unreached(&[
            source("src/lib.rs", "pub mod a;\n// mod lost;\n"),
            source("src/a/mod.rs", "#[cfg_attr(not(feature = \"b\"), path = \"no_b.rs\")]\nmod b;"),
            source("src/a/b.rs", ""),
            source("src/a/no_b.rs", ""),
            source("src/lost.rs", ""),
        ]);
        assert_eq!(lost.iter().map(|finding| finding.path.as_str()).collect::<Vec<_>>(), ["src/lost.rs"]);
    }
}
