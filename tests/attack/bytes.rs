//! What is said is wrong.

use mxlab::rng::Seed;
use mxlab::time::Span;
use rand::Rng;

use super::target::Target;

const HELLO: &str = "EHLO a.test\r\n";
const ENVELOPE: &str = "MAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\n";

#[tokio::test]
async fn a_line_of_a_hundred_mebibytes_is_thrown_away_as_it_comes() {
    let target = Target::open(10);
    let mut client = target.client().await;
    client.send(HELLO).await;
    client.hears("250 ").await;
    let piece = vec![b'x'; 1 << 20];
    let measured = allocated(async {
        for _ in 0..100 {
            client.send(&piece).await;
        }
        client.send("\r\n").await;
        client.hears("500").await;
    });
    measured.await;
    // The session goes on.
    client.send("QUIT\r\n").await;
    client.hears("221").await;
    target.recovers(0).await;
}

/// Runs it and checks that the process did not grow by what was sent.
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
async fn garbage_and_nuls_are_answered_until_it_is_enough() {
    let target = Target::open(100);
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
    target.recovers(0).await;
}

/// Says nothing more; what is heard to the end.
async fn drained(mut client: super::target::Client) -> String {
    let _ = tokio::io::AsyncWriteExt::shutdown(client.stream.get_mut()).await;
    client.rest().await
}

#[tokio::test]
async fn a_million_recipients_are_not_remembered() {
    let target = Target::open(10);
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
    target.recovers(0).await;
}

#[tokio::test]
async fn a_pipelined_flood_of_commands_that_lead_nowhere_ends_the_session() {
    let target = Target::open(10);
    let mut client = target.client().await;
    client.send(HELLO).await;
    client.send("NOOP\r\n".repeat(100_000)).await;
    let heard = client.rest().await;
    assert!(heard.lines().last().is_some_and(|line| line.starts_with("421")), "{heard}");
    target.recovers(0).await;
}

#[tokio::test]
async fn what_stands_behind_starttls_is_not_taken_for_secured() {
    let target = Target::open(10);
    let mut client = target.client().await;
    client.send(HELLO).await;
    client.hears("250 ").await;
    client.send(format!("STARTTLS\r\n{ENVELOPE}DATA\r\n")).await;
    client.hears("220").await;
    // No handshake comes, but more of the same: that is no TLS, and the end.
    client.send("MAIL FROM:<a@a.test>\r\n".repeat(100)).await;
    let heard = client.rest().await;
    assert!(!heard.contains("250") && !heard.contains("354"), "{heard}");
    target.recovers(0).await;
}

#[tokio::test]
async fn no_dot_but_a_real_one_ends_a_message() {
    for smuggled in ["\n.\n", "\r\n.\r\r\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"] {
        let target = Target::open(10);
        let mut client = target.client().await;
        client.send(format!("{HELLO}{ENVELOPE}DATA\r\n")).await;
        client.hears("354").await;
        client.send(format!("one{smuggled}MAIL FROM:<evil@a.test>\r\nRCPT TO:<c@example.com>\r\nDATA\r\ntwo")).await;
        client.send("\r\n.\r\nQUIT\r\n").await;
        let heard = client.rest().await;
        assert_eq!(heard.matches("354").count() + heard.matches("250 2.1.0").count(), 0, "{smuggled:?}: {heard}");
        assert!(heard.starts_with('5'), "a bare line end refuses the message: {smuggled:?}: {heard}");
        target.recovers(0).await;
    }
}

/// The session refuses by itself what is no message, or more than it reads; the client heard it, so the books say it.
#[tokio::test]
async fn what_no_rule_refused_is_in_the_books_too() {
    let target = Target::open(10);
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
        client.hears("220").await;
        client.send(format!("{HELLO}{said}{then}")).await;
        client.hears(end).await;
    }
    let books = target.recovered(0).await;
    let said: Vec<_> =
        books.replies.iter().map(|reply| (reply.count, &*reply.stage, &*reply.text, &*reply.rule)).collect();
    let expected = [
        (3, "rcpt", "452 4.5.3 Too many recipients", ""),
        (2, "end-of-data", "550 5.6.11 Message contains bare CR or LF", ""),
        (1, "data", "552 5.3.4 Message size exceeds limit", ""),
        (1, "mail", "552 5.3.4 Message size exceeds limit", ""),
    ];
    assert_eq!(said, expected);
    let totals = books.totals;
    assert_eq!((totals.bounced, totals.deferred, totals.queued, totals.attempts), (4, 3, 0, 8), "{totals:?}");
}

/// A byte a minute: the command is not there when its time is up, however often a byte comes.
#[tokio::test]
async fn whoever_dribbles_a_command_is_told_to_go() {
    let target = Target::with(10, Span::from_secs(2));
    let mut client = target.client().await;
    client.hears("220").await;
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
    target.recovers(0).await;
}
