//! A disk that fails or is slow where messages are kept: what a client counts, what the server counts and what lies on
//! the disk add up, and the client notices nothing but the time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mxlab::live::{KeptMessages, MessageStore, OwnFaultPoint, OwnFaults};
use mxlab::record::{OwnFailure, OwnFailures};
use tokio::task::JoinSet;

use super::target::{AttackTarget, Client};

/// Clients that send at the same time, and what each sends on its connection.
const CLIENTS: u64 = 8;
const MESSAGES: u64 = 6;

/// Sends messages from all clients at once, every other one a large one: how many were accepted, by the clients' count.
async fn send_all(target: &AttackTarget) -> u64 {
    let mut sending = JoinSet::new();
    for _ in 0..CLIENTS {
        sending.spawn(send(target.client().await));
    }
    sending.join_all().await.into_iter().sum()
}

async fn send(mut client: Client) -> u64 {
    client.expect_line("220").await;
    client.send("EHLO a.test\r\n").await;
    client.expect_line("250 ").await;
    let mut accepted = 0;
    for number in 0..MESSAGES {
        client.send("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n").await;
        client.expect_line("354").await;
        client.send(format!("{}.\r\n", body(number))).await;
        client.expect_line("250 2.0.0").await;
        accepted += 1;
    }
    accepted
}

fn body(number: u64) -> String {
    format!("Subject: {number}\r\n\r\n{}end\r\n", "well\r\n".repeat(if number.is_multiple_of(2) { 1 } else { 30_000 }))
}

/// The kept messages; each is whole, and nothing else is there.
fn files(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder.join("open")).unwrap().map(|entry| entry.unwrap().path());
    let whole = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        assert!(path.extension().is_some_and(|kind| kind == "eml"), "{}", path.display());
        let is_body = |number| text.ends_with(&body(number));
        assert!(
            (0..MESSAGES).any(is_body) || text.ends_with("\r\nwell\r\n"),
            "{}: {} bytes",
            path.display(),
            text.len()
        );
    };
    entries.map(whole).count() as u64
}

#[tokio::test]
async fn on_a_disk_that_fails_every_other_time_all_counts_are_those_of_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let faults = OwnFaults::new(1, &[(OwnFaultPoint::Disk, 0.5)]);
    let store = MessageStore::create(folder.path(), &["open"], 1_000, faults).unwrap();
    let target = AttackTarget::keeping(store.clone());
    let accepted = send_all(&target).await;
    assert_eq!(accepted, CLIENTS * MESSAGES, "no client is refused because of our disk");
    let cell = target.recovered_cell(accepted).await;
    let totals = (cell.totals.attempts, cell.totals.failed, cell.totals.spoiled);
    assert_eq!(totals, (accepted + 1, 0, 0), "and one that behaves comes last");
    let KeptMessages { kept, lost, failures, .. } = store.summary();
    assert_eq!((kept + lost, files(folder.path())), (accepted + 1, kept));
    assert!(kept > 0 && lost > 0, "{kept} {lost}");
    assert_eq!(failures.iter().collect::<Vec<_>>(), [(OwnFailure::Disk, lost)]);
}

#[tokio::test]
async fn on_a_slow_disk_clients_wait_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let delay = Duration::from_millis(60);
    let store =
        MessageStore::create(folder.path(), &["open"], 1_000, OwnFaults::with_slow_disk(1, &[], delay)).unwrap();
    let target = AttackTarget::keeping(store.clone());
    let accepted = send_all(&target).await;
    let cell = target.recovered_cell(accepted).await;
    let KeptMessages { kept, lost, failures, longest_wait, .. } = store.summary();
    assert_eq!((cell.totals.attempts, kept, lost), (accepted + 1, accepted + 1, 0));
    assert_eq!((files(folder.path()), failures), (kept, OwnFailures::default()));
    assert!(longest_wait >= delay, "and it is told how long they waited: {longest_wait:?}");
}
