//! Files of a size that no person writes: the processor time that a check takes, and what it says.

use std::path::Path;
use std::time::Duration;

use mxlab::diagnostic::{Document, render};
use mxlab::scenario::parse;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::{GOOD, files};

/// A file, by how much of it there is.
type Growing = fn(usize) -> String;

/// Kinds of files that are large.
const LARGE: [(&str, Growing); 11] = [
    ("strategies", |n| each(n, |n| format!("[[strategy]]\npreset = \"fixed\"\nname = \"s{n}\"\n"))),
    ("strategies of one name", |n| each(n, |_| "[[strategy]]\npreset = \"fixed\"\n".to_owned())),
    ("streams", |n| each(n, |n| format!("[[stream]]\nname = \"s{n}\"\narrivals = {{ trace = \"mail.csv\" }}\n"))),
    ("streams that lack something", |n| each(n, |_| "[[stream]]\nsize = \"1kB\"\n".to_owned())),
    ("providers", |n| each(n, |n| format!("[[provider]]\nprofile = \"open\"\nname = \"p{n}\"\n"))),
    ("expectations", |n| each(n, |n| format!("[[expect]]\nmetric = \"delivered\"\nstrategy = \"s{n}\"\nmin = 1\n"))),
    ("changes", |n| each(n, |n| format!("[[timeline]]\nat = \"1h\"\nprovider = \"p{n}\"\nrule = \"x\"\nlimit = 1\n"))),
    ("names of sources", |n| {
        let names = each(n, |n| format!("\"10.0.{}.{}\", ", n / 250, n % 250));
        format!("[[stream]]\nname = \"x\"\nsources = [{names}]\narrivals = {{ trace = \"mail.csv\" }}\n")
    }),
    ("a key", |n| format!("[{}]\nx = 1\n", "k".repeat(100 * n))),
    ("a choice", |n| format!("[[stream]]\nname = \"x\"\npriority = \"{}\"\n", "k".repeat(100 * n))),
    ("a line that is not TOML", |n| format!("[a]\nx = [{}", "1, ".repeat(30 * n))),
];

fn each(n: usize, one: impl Fn(usize) -> String) -> String {
    (0..n).map(one).collect()
}

/// Four times the file is about four times the time, or less. What grows with the square would take sixteen.
#[test]
fn the_time_of_a_check_grows_with_the_file_and_not_faster() {
    for (what, text) in LARGE {
        let takes = |n: usize| {
            let text = format!("{GOOD}\n{}", text(n));
            let once = || {
                let begin = processor_time();
                let said = parse(&Document::new("scenario.toml", text.as_str()), Path::new(""), &files).map(drop);
                let said = said.map_err(|found| render(&found, false)).expect_err(what);
                assert!(said.len() < 1 << 20, "{what}: {} bytes of messages", said.len());
                processor_time().saturating_sub(begin)
            };
            (0..2).map(|_| once()).min().unwrap()
        };
        let (small, large) = (takes(2_000), takes(8_000));
        assert!(large <= 9 * small + Duration::from_millis(200), "{what}: {small:?}, and four times as much {large:?}");
    }
}

/// What this thread has taken of a processor: what else the machine does has no part in it.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let parts = [usage.user_time(), usage.system_time()];
    parts.iter().map(|part| Duration::from_micros(part.num_microseconds().unsigned_abs())).sum()
}
