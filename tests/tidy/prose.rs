//! What people read: module docs, the question a scenario asks, the commands and files a README names.

use regex::Regex;

use super::Finding;
use super::source::Source;

/// Lines in which a scenario must have asked its question.
const QUESTION_WITHIN_LINES: usize = 5;

/// Finds a file that does not open with its docs.
pub(super) fn opens_with_docs(source: &Source) -> Vec<Finding> {
    let missing = !source.text.starts_with("//! ");
    missing
        .then(|| source.finding(1, "a file opens with `//!`: what it decides, what it leaves to others"))
        .into_iter()
        .collect()
}

/// Finds a scenario that asks or expects nothing.
pub(super) fn scenario(path: &str, text: &str) -> Vec<Finding> {
    let finding = |what: &str| Finding { path: path.into(), line: 1, what: what.into() };
    let mut found = Vec::new();
    let comments = text.lines().take(QUESTION_WITHIN_LINES).take_while(|line| line.starts_with('#'));
    if !comments.collect::<String>().contains('?') {
        found.push(finding("the first lines of a scenario ask its question"));
    }
    if !text.lines().any(|line| line.trim() == "[[expect]]") {
        found.push(finding("a scenario has its answer as `[[expect]]`"));
    }
    found
}

/// Finds commands of the code blocks that mxlab would not understand.
pub(super) fn commands(path: &str, text: &str, cli: &clap::Command) -> Vec<Finding> {
    let mut found = Vec::new();
    for (line, command) in code_blocks(text) {
        // What a shell does with the output is no argument.
        let words: Vec<&str> = command.split(['#', '|', '>']).next().unwrap_or("").split_whitespace().collect();
        let wrong = match words.as_slice() {
            ["cargo", "run", options @ ..] if options.contains(&"--") => {
                let args = options.iter().skip_while(|word| **word != "--").skip(1).copied();
                refused(cli, args)
            }
            ["mxlab", args @ ..] => refused(cli, args.iter().copied()),
            ["cargo", "build" | "test" | "run" | "install" | "bench" | "clippy" | "fmt" | "doc", ..] => None,
            ["cargo", other, ..] => Some(format!("no cargo command that is used here: {other}")),
            _ => None,
        };
        found.extend(wrong.map(|what| Finding { path: path.into(), line, what }));
    }
    found
}

/// Why mxlab would not understand these arguments.
fn refused<'a>(cli: &clap::Command, args: impl Iterator<Item = &'a str>) -> Option<String> {
    let args = std::iter::once("mxlab").chain(args);
    let error = cli.clone().try_get_matches_from(args).err()?;
    let help = matches!(error.kind(), clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion);
    (!help).then(|| error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// Finds files of the repository that a text names and that are not there.
pub(super) fn paths(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let name = Regex::new(r"\b(?:scenarios|src|tests|benches|results)/[\w./-]*\w").unwrap();
    let mut found = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        for hit in name.find_iter(text).filter(|hit| !exists(hit.as_str())) {
            found.push(Finding { path: path.into(), line, what: format!("there is no `{}`", hit.as_str()) });
        }
    }
    found
}

/// The lines of the fenced blocks, with their numbers, without prompts.
fn code_blocks(text: &str) -> Vec<(usize, &str)> {
    let (mut inside, mut lines) = (false, Vec::new());
    for (n, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            lines.push((n, line.trim_start().trim_start_matches("$ ")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::findings;
    use super::*;

    #[test]
    fn a_file_without_docs_is_found() {
        assert_eq!(findings(opens_with_docs, "src/a.rs", "use x;\n").len(), 1);
        assert_eq!(findings(opens_with_docs, "src/a.rs", "//! A.\n").len(), 0);
    }

    #[test]
    fn a_scenario_without_question_or_expectation_is_found() {
        assert_eq!(scenario("s.toml", "# What if?\n[[expect]]\n"), []);
        assert_eq!(scenario("s.toml", "# What.\n[[expect]]\n").len(), 1);
        assert_eq!(scenario("s.toml", "# What if?\n# [[expect]]\n").len(), 1);
    }

    #[test]
    fn commands_that_do_not_exist_are_found() {
        let block = |command: &str| format!("text\n```sh\n{command}\n```\nmxlab no-command-but-prose\n");
        let lines = |command: &str| {
            let found = commands("README.md", &block(command), &mxlab::cli::command());
            found.iter().map(|finding| finding.line).collect::<Vec<_>>()
        };
        assert!(lines("$ cargo run --release -- run a.toml --seeds 3   # a run").is_empty());
        assert!(lines("mxlab --help").is_empty());
        assert!(lines("mxlab run a.toml --format json | jq -c . > b.json").is_empty());
        assert_eq!(lines("cargo run --release -- runn a.toml"), [3]);
        assert_eq!(lines("mxlab run a.toml --sedes 3"), [3]);
        assert_eq!(lines("cargo nonsense"), [3]);
    }

    #[test]
    fn files_that_do_not_exist_are_found() {
        let found = paths("README.md", "see `scenarios/a.toml`\nand src/lib.rs.", &|path| path == "src/lib.rs");
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1]);
    }
}
