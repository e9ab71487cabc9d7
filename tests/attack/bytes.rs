//! Hostile input on a good connection.

use mxlab::rng::Seed;
use mxlab::time::Span;
use rand::Rng;

use super::target::AttackTarget;

const HELLO: &str = "EHLO a.test\r\n";
const ENVELOPE: &str = "MAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\n";

#[tokio::test]
async fn a_line_of_a_hundred_mebibytes_is_not_buffered() {
    let target = AttackTarget::open(10);
    let mut client = target.client().await;
    client.send(HELLO).await;
    client.expect_line("250 ").await;
    let piece = vec![b'x'; 1 << 20];
    let measured = allocated(async {
        for _ in 0..100 {
            client.send(&piece).await;
        }
        client.send("\r\n").await;
        client.expect_line("500").await;
    });
    measured.await;
    // The session goes on.
    client.send("QUIT\r\n").await;
    client.expect_line("221").await;
    target.assert_recovers(0).await;
}

/// Checks that the process does not grow by what is sent.
async fn allocated(work: impl Future<Output = ()>) {
    let before = peak_memory();
    work.await;
    let grown = peak_memory() - before;
    assert!(grown < 50 << 20, "{grown} bytes of memory for what is thrown away");
}

fn peak_memory() -> i64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).unwrap();
    usage.max_rss() * 1024
}

#[tokio::test]
async fn garbage_and_nuls_end_in_421() {
    let target = AttackTarget::open(100);
    for seed in 0..20 {
        let mut client = target.client().await;
        let mut garbage = vec![0; 100_000];
        Seed(seed).stream("garbage", 0).fill_bytes(&mut garbage);
        client.send(&garbage).await;
        client.send("\r\n\0\0\0\r\n").await;
        client.stream.get_mut().set_nodelay(true).unwrap();
        let heard = drained(client).await;
        assert!(heard.starts_with("220 "), "{heard}");
        assert!(heard.lines().skip(1).all(|line| line.starts_with('5') || line.starts_with("421")), "{heard}");
    }
    target.assert_recovers(0).await;
}

/// Closes its sending side; what the server says until the end.
async fn drained(mut client: super::target::Client) -> String {
    let _ = tokio::io::AsyncWriteExt::shutdown(client.stream.get_mut()).await;
    client.read_to_end().await
}

#[tokio::test]
async fn a_million_recipients_use_bounded_memory() {
    let target = AttackTarget::open(10);
    let mut client = target.client().await;
    client.send(format!("{HELLO}MAIL FROM:<a@a.test>\r\n")).await;
    let many = "RCPT TO:<b@example.com>\r\n".repeat(10_000);
    let (reading, writing) = tokio::io::split(client.stream.into_inner());
    let mut reader = tokio::io::BufReader::new(reading);
    let count = tokio::spawn(async move {
        let (mut accepted, mut refused, mut line) = (0_u32, 0_u32, String::new());
        while tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line).await.is_ok_and(|read| read > 0) {
            accepted += u32::from(line.starts_with("250 2.1.5"));
            refused += u32::from(line.starts_with("452"));
            line.clear();
        }
        (accepted, refused)
    });
    let mut writing = writing;
    let measured = allocated(async {
        for _ in 0..100 {
            if tokio::io::AsyncWriteExt::write_all(&mut writing, many.as_bytes()).await.is_err() {
                break;
            }
        }
    });
    measured.await;
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut writing).await;
    let (accepted, refused) = count.await.unwrap();
    assert!(accepted <= 1_000 && refused > 0, "{accepted} accepted, {refused} refused");
    target.assert_recovers(0).await;
}

#[tokio::test]
async fn a_pipelined_flood_of_noop_ends_the_session() {
    let target = AttackTarget::open(10);
    let mut client = target.client().await;
    client.send(HELLO).await;
    client.send("NOOP\r\n".repeat(100_000)).await;
    let heard = client.read_to_end().await;
    assert!(heard.lines().last().is_some_and(|line| line.starts_with("421")), "{heard}");
    target.assert_recovers(0).await;
}

#[tokio::test]
async fn commands_pipelined_behind_starttls_are_discarded() {
    let target = AttackTarget::open(10);
    let mut client = target.client().await;
    client.send(HELLO).await;
    client.expect_line("250 ").await;
    client.send(format!("STARTTLS\r\n{ENVELOPE}DATA\r\n")).await;
    client.expect_line("220").await;
    // Instead of a handshake more commands follow: that is not TLS, and the end.
    client.send("MAIL FROM:<a@a.test>\r\n".repeat(100)).await;
    let heard = client.read_to_end().await;
    assert!(!heard.contains("250") && !heard.contains("354"), "{heard}");
    target.assert_recovers(0).await;
}

#[tokio::test]
async fn smuggled_ends_of_data_are_refused() {
    for smuggled in ["\n.\n", "\r\n.\r\r\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"] {
        let target = AttackTarget::open(10);
        let mut client = target.client().await;
        client.send(format!("{HELLO}{ENVELOPE}DATA\r\n")).await;
        client.expect_line("354").await;
        client.send(format!("one{smuggled}MAIL FROM:<evil@a.test>\r\nRCPT TO:<c@example.com>\r\nDATA\r\ntwo")).await;
        client.send("\r\n.\r\nQUIT\r\n").await;
        let heard = client.read_to_end().await;
        assert_eq!(heard.matches("354").count() + heard.matches("250 2.1.0").count(), 0, "{smuggled:?}: {heard}");
        assert!(heard.starts_with('5'), "a bare line end refuses the message: {smuggled:?}: {heard}");
        target.assert_recovers(0).await;
    }
}

/// What the session refuses by itself was refused all the same, and is recorded.
#[tokio::test]
async fn refusals_of_the_smtp_session_are_recorded() {
    let target = AttackTarget::open(10);
    let two = "MAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n";
    let many = "RCPT TO:<b@example.com>\r\n".repeat(1_003);
    let huge = format!("{ENVELOPE}BDAT 2000000000 LAST\r\n");
    for (said, then, end) in [
        (two, "bare\n\r\n.\r\nQUIT\r\n", "221"),
        ("MAIL FROM:<a@a.test> SIZE=2000000000\r\n", "QUIT\r\n", "221"),
        (&format!("MAIL FROM:<a@a.test>\r\n{many}"), "QUIT\r\n", "221"),
        (&huge, "", "552"),
    ] {
        let mut client = target.client().await;
        client.expect_line("220").await;
        client.send(format!("{HELLO}{said}{then}")).await;
        client.expect_line(end).await;
    }
    let cell = target.recovered_cell(0).await;
    let said: Vec<_> =
        cell.replies.iter().map(|reply| (reply.count, &*reply.stage, &*reply.text, &*reply.rule)).collect();
    let expected = [
        (3, "rcpt", "452 4.5.3 Too many recipients", ""),
        (2, "end-of-data", "550 5.6.11 Message contains bare CR or LF", ""),
        (1, "data", "552 5.3.4 Message size exceeds limit", ""),
        (1, "mail", "552 5.3.4 Message size exceeds limit", ""),
    ];
    assert_eq!(said, expected);
    let totals = cell.totals;
    assert_eq!((totals.bounced, totals.deferred, totals.queued, totals.attempts), (3, 3, 0, 7), "{totals:?}");
    assert_eq!(totals.connections_without_recipient, 1, "the one that was refused at MAIL");
}

/// One byte now and then: the timeout is for the whole command.
#[tokio::test]
async fn a_command_that_dribbles_in_times_out() {
    let target = AttackTarget::with_timeout(10, Span::from_secs(2));
    let mut client = target.client().await;
    client.expect_line("220").await;
    let dribble = async {
        loop {
            client.send("x").await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let mut one = [0];
            if client.stream.get_ref().try_read(&mut one).is_ok() {
                return one[0];
            }
        }
    };
    let first = tokio::time::timeout(super::target::LONG, dribble).await.expect("the server has had enough");
    assert_eq!(first, b'4');
    target.assert_recovers(0).await;
}
