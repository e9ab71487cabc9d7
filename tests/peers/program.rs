//! Programs that have to be there. One that is missing is told, with how to get it; in CI that is a failure.

use std::env;
use std::path::{Path, PathBuf};

/// Where a program is: on the path, or where administrators have theirs.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Where a program is; where it is not, the test that wants it is skipped.
pub(crate) fn want(name: &str, how: &str) -> Option<PathBuf> {
    let program = find(name);
    if program.is_none() {
        skip(&format!("there is no {name}"), how);
    }
    program
}

/// Says why a test is not run and what helps; where all peers are promised to be there, that is a failure.
pub(crate) fn skip(why: &str, how: &str) {
    assert!(env::var_os("CI").is_none(), "{why}: {how}");
    eprintln!("SKIPPED: {why}; {how}");
}

/// What cargo builds into; peers that are installed for these tests alone are under it.
pub(crate) fn installed() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_mxlab")).ancestors().nth(2).unwrap();
    target.join("peers")
}
