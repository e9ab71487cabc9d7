//! One name means one thing: no two types share a name. Types inside of a function or of tests may have any name.

use std::collections::BTreeMap;

use regex::Regex;

use super::Finding;
use super::source::Source;

/// Names that stand more than once for a reason: the name, the folder of its files, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("Args", "src/cli/", "the arguments of a subcommand, seen only by `cli::Command`, which names them by file"),
    ("State", "src/sender/strategy/", "the state of one algorithm beside its settings, read as `breaker::State`"),
];

/// Finds types that have the name of another.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let declared = Regex::new(r"(?m)^(?:pub(?:\([^)]*\))?\s+)?(?:struct|enum|trait|type|union)\s+(\w+)").unwrap();
    let mut types: BTreeMap<&str, Vec<(&Source, usize)>> = BTreeMap::new();
    for source in sources {
        for found in declared.captures_iter(&source.code) {
            let name = found.get(1).unwrap();
            if !is_exception(name.as_str(), &source.path) {
                types.entry(name.as_str()).or_default().push((source, source.line(name.start())));
            }
        }
    }
    // Two of one file stand for each other, by feature.
    let shared =
        types.into_iter().filter(|(_, places)| places.iter().any(|(source, _)| source.path != places[0].0.path));
    let findings = shared.flat_map(|(name, places)| {
        let first = places[0].0.path.clone();
        let others = places.into_iter().skip(1);
        others.map(move |(source, line)| source.finding(line, format!("`{name}` is a type of {first} already")))
    });
    findings.collect()
}

fn is_exception(name: &str, path: &str) -> bool {
    EXCEPTIONS.iter().any(|(exception, folder, _)| *exception == name && path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new((*path).into(), (*text).into())).collect();
        check(&sources).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn a_name_of_two_types_is_found() {
        let one = ("src/a.rs", "pub struct Plan;\nfn own() {\n    struct Own;\n}\n");
        assert_eq!(
            shared(&[one, ("src/b.rs", "\nenum Plan {}\nfn own() {\n    struct Own;\n}\n")]),
            ["src/b.rs:2: `Plan` is a type of src/a.rs already"]
        );
        assert_eq!(shared(&[one, ("src/b.rs", "pub(in crate::c) type Plan = u8;\n")]).len(), 1);
        assert!(shared(&[one, ("src/b.rs", "#[cfg(test)]\nmod tests {\n    pub struct Plan;\n}\n")]).is_empty());
        assert!(shared(&[one, ("src/b.rs", "impl Iterator for A {\n    type Plan = u8;\n}\n")]).is_empty());
    }

    #[test]
    fn exceptions_hold_in_their_folder_only() {
        let args = "pub(super) struct Args;\n";
        assert!(shared(&[("src/cli/run.rs", args), ("src/cli/send.rs", args)]).is_empty());
        assert_eq!(shared(&[("src/sim/run.rs", args), ("src/live/send.rs", args)]).len(), 1);
    }
}
