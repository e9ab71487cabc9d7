//! Postfix's load generator: many sessions at a time, connections kept and not, big messages, refusals.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::process::succeed;
use super::program;
use super::serve_results::ServeResults;
use super::served::Served;

fn smtp_source() -> Option<PathBuf> {
    program::want("smtp-source", "on Debian it comes with postfix; or .ci/run peers")
}

/// What a host without limits saw of it.
fn sent(arguments: &str) -> Option<ServeResults> {
    let program = smtp_source()?;
    let served = Served::start("open", &[]);
    let mut command = Command::new(program);
    command.args(["-f", "a@sender.example"]).args(arguments.split_whitespace()).arg(served.host());
    succeed(&mut command, Duration::from_mins(2));
    Some(served.end())
}

fn all_arrived(results: &ServeResults, messages: usize, recipients: u64) {
    assert_eq!(results.count("accepted"), messages);
    assert_eq!(results.accepted(), recipients);
    assert_eq!(results.figure("delivered"), recipients);
    assert_eq!(results.count("opened"), results.count("closed"));
    assert_eq!(results.count("refused"), 0);
    assert_eq!(results.kept.len(), messages);
    let kept: u64 = results.kept.iter().map(|kept| kept.text.len() as u64).sum();
    assert_eq!(kept, results.events.iter().filter_map(|event| event.size).sum::<u64>(), "bytes");
}

#[test]
fn two_hundred_sessions_with_many_messages() {
    let Some(results) = sent("-s 200 -m 3000 -d -N -t r@open.example") else { return };
    all_arrived(&results, 3_000, 3_000);
    assert_eq!(results.count("opened"), 200);
    assert_eq!(results.figure("connections"), 200);
}

#[test]
fn a_connection_for_every_message() {
    let Some(results) = sent("-s 50 -m 500 -r 4 -N -t r@open.example") else { return };
    all_arrived(&results, 500, 2_000);
    assert_eq!(results.count("opened"), 500);
}

#[test]
fn big_messages() {
    let Some(results) = sent("-s 8 -m 24 -d -l 2000000 -t r@open.example") else { return };
    all_arrived(&results, 24, 24);
    assert!(results.events.iter().filter_map(|event| event.size).all(|size| size > 2_000_000));
}

#[test]
fn repeated_refusals_in_one_session() {
    // Without -A it ends at the first refusal.
    let Some(results) = sent("-A -s 10 -m 200 -d -t 451-4.2.0.r@open.example") else { return };
    assert_eq!(results.refusals(), [("rcpt", 451)].repeat(200));
    assert_eq!(results.accepted(), 0);
    assert_eq!(results.figure("attempts"), 200);
}
