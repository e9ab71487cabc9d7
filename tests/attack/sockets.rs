//! Good input on a hostile connection.

use std::time::Duration;

use super::target::AttackTarget;

/// The commands of a whole session.
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
async fn resets_at_every_stage_leave_no_session() {
    let target = AttackTarget::open(100);
    let mut whole = 0;
    for stage in 0..=SAID.len() {
        for _ in 0..5 {
            let mut client = target.client().await;
            client.expect_line("220").await;
            for said in &SAID[..stage] {
                client.send(said).await;
            }
            if stage == SAID.len() {
                client.expect_line("250 2.0.0").await;
                whole += 1;
            } else {
                // Time for the input to arrive, so that the reset is what ends the session.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // With a linger of zero the kernel sends RST instead of FIN.
            client.stream.get_ref().set_zero_linger().unwrap();
        }
    }
    target.assert_recovers(whole).await;
}

#[tokio::test]
async fn half_closed_connections_are_answered_and_closed() {
    let target = AttackTarget::open(100);
    for stage in 0..SAID.len() - 1 {
        let mut client = target.client().await;
        for said in &SAID[..=stage] {
            client.send(said).await;
        }
        tokio::io::AsyncWriteExt::shutdown(client.stream.get_mut()).await.unwrap();
        let heard = client.read_to_end().await;
        assert!(heard.starts_with("220 "), "{heard}");
    }
    target.assert_recovers(0).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_and_are_not_dropped() {
    let target = AttackTarget::open(5);
    let mut sitting = Vec::new();
    for _ in 0..5 {
        let mut client = target.client().await;
        client.expect_line("220").await;
        sitting.push(client);
    }
    let mut sixth = target.client().await;
    let greeted = tokio::time::timeout(Duration::from_millis(200), sixth.expect_line("220")).await;
    assert!(greeted.is_err(), "there is no place for a sixth");
    drop(sitting.pop());
    sixth.expect_line("220").await;
    drop((sitting, sixth));
    target.assert_recovers(0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_delays_no_other() {
    let target = AttackTarget::with_timeout(100, mxlab::time::Span::from_secs(2));
    let mut deaf = target.client().await;
    // Replies pile up until the socket takes no more; the session waits, and times out.
    let flood = "EHLO a.test\r\n".repeat(200_000);
    let _ = tokio::time::timeout(Duration::from_secs(1), deaf.send(flood)).await;
    target.deliver_one().await;
    drop(deaf);
    target.assert_recovers(1).await;
}

#[tokio::test]
async fn garbage_instead_of_a_tls_handshake_ends_the_connection() {
    let target = AttackTarget::open(10);
    let mut client = target.client().await;
    client.send("EHLO a.test\r\n").await;
    client.expect_line("250 ").await;
    client.send("STARTTLS\r\n").await;
    client.expect_line("220 2").await;
    client.send([0x16, 0x03, 0x01, 0xff, 0xff, 0x00, 0x13, 0x37]).await;
    client.send(vec![0xff; 70_000]).await;
    client.read_to_end().await;
    target.assert_recovers(0).await;
}
