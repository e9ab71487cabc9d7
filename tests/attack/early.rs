//! Clients that talk before they are greeted, at a provider that looks for them.

use mxlab::record::ReplyCount;

use super::target::Target;

/// The greeting comes a second late, and whoever talks before it hears what Exim says.
const WATCHFUL: &str = r#"
[reply.early]
code = 554
text = "SMTP synchronization error"

[rule.early]
at = "connect"
check = { early-talker = "1s" }
answer = { reply = "early" }
"#;

#[tokio::test]
async fn whoever_talks_before_the_greeting_is_refused_and_whoever_waits_is_not() {
    let target = Target::stricter(WATCHFUL);
    let mut patient = target.client().await;
    for _ in 0..3 {
        let mut hasty = target.client().await;
        hasty.send("EHLO a.test\r\nMAIL FROM:<a@a.test>\r\n").await;
        assert_eq!(hasty.rest().await, "554 SMTP synchronization error\r\n", "that and no greeting");
    }
    patient.hears("220 ").await;
    patient.send("EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n").await;
    patient.hears("221").await;
    let books = target.recovered(1).await;
    let [ReplyCount { stage, text, rule, count, .. }] = &books.replies[..] else { panic!("{:?}", books.replies) };
    assert_eq!(
        (stage.as_str(), text.as_str(), rule.as_str(), *count),
        ("connect", "554 SMTP synchronization error", "early", 3)
    );
    assert_eq!((books.totals.connections, books.totals.connections_refused), (5, 3));
}

#[tokio::test]
async fn whoever_hangs_up_before_the_greeting_is_gone() {
    let target = Target::stricter(WATCHFUL);
    for _ in 0..20 {
        drop(target.client().await);
    }
    target.recovered(0).await;
}

/// The limit speaks first, and late: it is heard whatever the client says meanwhile.
#[tokio::test]
async fn whoever_is_refused_for_something_else_hears_that() {
    let full = r#"
[rule.pit]
at = "connect"
check = "always"
answer = { tarpit = "500ms" }

[rule.full]
at = "connect"
per = "client-ip"
count = "open-connections"
window = "gauge"
limit = 1
answer = { reply = "full" }

[reply.full]
code = 421
text = "full"
"#;
    let target = Target::stricter(&format!("{full}{WATCHFUL}"));
    let mut first = target.client().await;
    first.hears("220 ").await;
    let mut second = target.client().await;
    second.send("EHLO a.test\r\n").await;
    assert_eq!(second.rest().await, "421 full\r\n");
    drop(first);
    target.empties().await;
    target.recovered(0).await;
}

#[tokio::test]
async fn a_tarpit_for_early_talkers_lets_them_wait_longer_and_go_on() {
    let target = Target::stricter(&WATCHFUL.replace("{ reply = \"early\" }", "{ tarpit = \"1s\" }"));
    let mut hasty = target.client().await;
    hasty.send("EHLO a.test\r\nQUIT\r\n").await;
    let heard = hasty.rest().await;
    assert!(heard.starts_with("220 ") && heard.contains("221 "), "{heard}");
    target.recovered(0).await;
}
