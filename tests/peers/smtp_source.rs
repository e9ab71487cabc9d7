//! Postfix's load generator: many sessions at a time, connections kept and not, big messages, refusals.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::books::Books;
use super::process::succeed;
use super::program;
use super::served::Served;

fn smtp_source() -> Option<PathBuf> {
    program::want("smtp-source", "on Debian it comes with postfix; or .ci/run peers")
}

/// What a host without limits saw of it.
fn sent(arguments: &str) -> Option<Books> {
    let program = smtp_source()?;
    let served = Served::start("open", &[]);
    let mut command = Command::new(program);
    command.args(["-f", "a@sender.example"]).args(arguments.split_whitespace()).arg(served.host());
    succeed(&mut command, Duration::from_mins(2));
    Some(served.end())
}

fn all_arrived(books: &Books, messages: usize, recipients: u64) {
    assert_eq!(books.count("accepted"), messages);
    assert_eq!(books.accepted(), recipients);
    assert_eq!(books.figure("delivered"), recipients);
    assert_eq!(books.count("opened"), books.count("closed"));
    assert_eq!(books.count("refused"), 0);
    assert_eq!(books.kept.len(), messages);
    let kept: u64 = books.kept.iter().map(|kept| kept.text.len() as u64).sum();
    assert_eq!(kept, books.events.iter().filter_map(|event| event.size).sum::<u64>(), "bytes");
}

#[test]
fn two_hundred_sessions_that_go_on() {
    let Some(books) = sent("-s 200 -m 3000 -d -N -t r@open.example") else { return };
    all_arrived(&books, 3_000, 3_000);
    assert_eq!(books.count("opened"), 200);
    assert_eq!(books.figure("connections"), 200);
}

#[test]
fn a_connection_for_every_message() {
    let Some(books) = sent("-s 50 -m 500 -r 4 -N -t r@open.example") else { return };
    all_arrived(&books, 500, 2_000);
    assert_eq!(books.count("opened"), 500);
}

#[test]
fn big_messages() {
    let Some(books) = sent("-s 8 -m 24 -d -l 2000000 -t r@open.example") else { return };
    all_arrived(&books, 24, 24);
    assert!(books.events.iter().filter_map(|event| event.size).all(|size| size > 2_000_000));
}

#[test]
fn whoever_goes_on_after_refusals_is_refused_each_time() {
    // Without -A it ends at the first refusal.
    let Some(books) = sent("-A -s 10 -m 200 -d -t 451-4.2.0.r@open.example") else { return };
    assert_eq!(books.refusals(), [("rcpt", 451)].repeat(200));
    assert_eq!(books.accepted(), 0);
    assert_eq!(books.figure("attempts"), 200);
}
