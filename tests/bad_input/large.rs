//! Files of a size that no person writes: what a check asks of the memory, and how much it says. Both are counts, the
//! same in every run; how long it takes is for the benches.

use std::path::Path;

use allocation_counter::measure;
use mxlab::diagnostic::{Document, render};
use mxlab::scenario::parse;

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

/// Four times the file asks for about four times as much, in pieces and in bytes. What grows with the square would ask
/// for sixteen times as much.
#[test]
fn what_a_check_asks_for_grows_with_the_file_and_not_faster() {
    for (what, text) in LARGE {
        let asked = |n: usize| {
            let document = Document::new("scenario.toml", format!("{GOOD}\n{}", text(n)));
            let mut said = String::new();
            let info = measure(|| {
                let found = parse(&document, Path::new(""), &files).map(drop).expect_err(what);
                said = render(&found, false).to_string();
            });
            assert!(said.len() < 1 << 20, "{what}: {} bytes of messages", said.len());
            [info.count_total, info.bytes_total]
        };
        let (small, large) = (asked(2_000), asked(8_000));
        for (unit, (small, large)) in ["allocations", "bytes"].into_iter().zip(small.into_iter().zip(large)) {
            // Tables double: between two sizes they may grow by one doubling more.
            assert!(large <= 6 * small, "{what}: {small} {unit}, and four times as much {large}");
        }
    }
}
