//! A server that breaks sessions off because its own machine has no memory for a buffer: what a client counts and what
//! the server counts add up, and neither client nor provider is charged with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mxlab::live::{LiveEventKind, OwnFaultPoint, OwnFaults};
use mxlab::record::OwnFailure;
use tokio::io::AsyncBufReadExt;

use super::target::{AttackTarget, Client};

/// What a client has counted.
#[derive(Default)]
struct Counted {
    connections: u64,
    /// Messages that it heard to be accepted.
    accepted: u64,
    /// Messages that were on the wire whole when the connection broke: the server has them.
    unheard: u64,
    /// Messages whose recipient was named when the connection broke, and which were not sent.
    broken_off: u64,
}

/// Says a line, and reads the reply to its end; false if there is none.
async fn says(client: &mut Client, line: &str) -> bool {
    client.send(line).await;
    let mut reply = String::new();
    while client.stream.read_line(&mut reply).await.is_ok_and(|read| read > 0) {
        if reply.lines().last().is_some_and(|last| last.as_bytes().get(3) == Some(&b' ')) {
            return true;
        }
    }
    false
}

/// Sends messages on a connection until it breaks, ten at most.
async fn send(target: &AttackTarget, counted: &mut Counted) {
    let mut client = target.client().await;
    counted.connections += 1;
    if !(says(&mut client, "").await && says(&mut client, "EHLO a.test\r\n").await) {
        return;
    }
    for _ in 0..10 {
        if !says(&mut client, "MAIL FROM:<a@a.test>\r\n").await {
            return;
        }
        if !(says(&mut client, "RCPT TO:<b@example.com>\r\n").await && says(&mut client, "DATA\r\n").await) {
            counted.broken_off += 1;
            return;
        }
        if !says(&mut client, "Subject: x\r\n\r\nwell\r\n.\r\n").await {
            counted.unheard += 1;
            return;
        }
        counted.accepted += 1;
    }
}

#[tokio::test]
async fn sessions_that_the_server_breaks_off_itself_are_counted_apart_and_add_up() {
    for seed in 1..=1 {
        let target = AttackTarget::faulty(OwnFaults::new(seed, &[(OwnFaultPoint::Buffer, 0.1)]));
        let told = Arc::new(AtomicU64::new(0));
        let tell = told.clone();
        target.cluster.set_event_listener(Some(Box::new(move |event| {
            if let LiveEventKind::Lost { own_failure, .. } = event.kind {
                assert_eq!(own_failure, Some(OwnFailure::Memory));
                tell.fetch_add(1, Ordering::Relaxed);
            }
        })));
        let mut counted = Counted::default();
        for _ in 0..60 {
            send(&target, &mut counted).await;
        }
        let totals = target.closed_cell().await.totals;
        let Counted { connections, accepted, unheard, broken_off } = counted;
        assert!(accepted > 0 && unheard > 0 && broken_off > 0);
        let served = [totals.connections, totals.delivered, totals.attempts, totals.spoiled, totals.failed];
        assert_eq!(served, [connections, accepted + unheard, accepted + unheard, broken_off, 0], "seed {seed}");
        assert_eq!(told.load(Ordering::Relaxed), broken_off);
    }
}
