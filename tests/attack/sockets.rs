//! What is said is right, but the connection is not.

use std::time::Duration;

use super::target::Target;

/// All that a client says in a session, command by command.
const SAID: [&str; 7] = [
    "",
    "EHLO a.test\r\n",
    "MAIL FROM:<a@a.test>\r\n",
    "RCPT TO:<b@example.com>\r\n",
    "DATA\r\n",
    "Subject: half\r\n\r\nof a mess",
    "age\r\n.\r\n",
];

#[tokio::test]
async fn connections_are_reset_at_every_stage() {
    let target = Target::open(100);
    let mut whole = 0;
    for stage in 0..=SAID.len() {
        for _ in 0..5 {
            let mut client = target.client().await;
            client.hears("220").await;
            for said in &SAID[..stage] {
                client.send(said).await;
            }
            if stage == SAID.len() {
                client.hears("250 2.0.0").await;
                whole += 1;
            } else {
                // Let it arrive, so that it is the reset that ends it.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Zero seconds of lingering: the kernel sends RST instead of FIN.
            client.stream.get_ref().set_zero_linger().unwrap();
        }
    }
    target.recovers(whole).await;
}

#[tokio::test]
async fn whoever_half_closes_is_answered_and_forgotten() {
    let target = Target::open(100);
    for stage in 0..SAID.len() - 1 {
        let mut client = target.client().await;
        for said in &SAID[..=stage] {
            client.send(said).await;
        }
        tokio::io::AsyncWriteExt::shutdown(client.stream.get_mut()).await.unwrap();
        let heard = client.rest().await;
        assert!(heard.starts_with("220 "), "{heard}");
    }
    target.recovers(0).await;
}

#[tokio::test]
async fn beyond_the_limit_connections_wait_and_nobody_is_dropped() {
    let target = Target::open(5);
    let mut sitting = Vec::new();
    for _ in 0..5 {
        let mut client = target.client().await;
        client.hears("220").await;
        sitting.push(client);
    }
    let mut sixth = target.client().await;
    let greeted = tokio::time::timeout(Duration::from_millis(200), sixth.hears("220")).await;
    assert!(greeted.is_err(), "there is no place for a sixth");
    drop(sitting.pop());
    sixth.hears("220").await;
    drop((sitting, sixth));
    target.recovers(0).await;
}

#[tokio::test]
async fn whoever_does_not_read_holds_nobody_up() {
    let target = Target::with(100, mxlab::time::Span::from_secs(2));
    let mut deaf = target.client().await;
    // Replies pile up until the socket takes no more; the session waits, and gives up.
    let flood = "EHLO a.test\r\n".repeat(200_000);
    let _ = tokio::time::timeout(Duration::from_secs(1), deaf.send(flood)).await;
    target.behaves().await;
    drop(deaf);
    target.recovers(1).await;
}

#[tokio::test]
async fn garbage_instead_of_a_handshake_ends_the_connection() {
    let target = Target::open(10);
    let mut client = target.client().await;
    client.send("EHLO a.test\r\n").await;
    client.hears("250 ").await;
    client.send("STARTTLS\r\n").await;
    client.hears("220 2").await;
    client.send([0x16, 0x03, 0x01, 0xff, 0xff, 0x00, 0x13, 0x37]).await;
    client.send(vec![0xff; 70_000]).await;
    client.rest().await;
    target.recovers(0).await;
}
