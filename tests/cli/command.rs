//! The binary as a person calls it.

use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) fn command(home: &TempDir, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mxlab"));
    command.args(arguments.split_whitespace()).current_dir(home.path());
    command
}

pub(crate) fn mxlab(home: &TempDir, arguments: &str) -> Output {
    command(home, arguments).output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Each of these ends with exit code 2 and a message that contains the text beside it, prints nothing else and runs
/// nothing.
pub(crate) fn are_refused(home: &TempDir, cases: &[(&str, &str)]) {
    for (arguments, message) in cases {
        let output = mxlab(home, arguments);
        assert_eq!(code(&output), 2, "{arguments}: {output:?}");
        assert!(stderr(&output).contains(message), "{arguments}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments}");
        assert!(!home.path().join("results").exists(), "{arguments}");
    }
}
