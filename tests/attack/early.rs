//! Clients that talk before they are greeted, at a provider with a check for early talkers.

use mxlab::record::ReplyCount;

use super::target::AttackTarget;

/// The greeting is a second late, and early talkers get Exim's reply.
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
async fn early_talkers_are_refused_and_patient_clients_are_not() {
    let target = AttackTarget::with_rules(WATCHFUL);
    let mut patient = target.client().await;
    for _ in 0..3 {
        let mut hasty = target.client().await;
        hasty.send("EHLO a.test\r\nMAIL FROM:<a@a.test>\r\n").await;
        assert_eq!(hasty.read_to_end().await, "554 SMTP synchronization error\r\n", "that and no greeting");
    }
    patient.expect_line("220 ").await;
    patient.send("EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n").await;
    patient.expect_line("221").await;
    let cell = target.recovered_cell(1).await;
    let [ReplyCount { stage, text, rule, count, .. }] = &cell.replies[..] else { panic!("{:?}", cell.replies) };
    assert_eq!(
        (stage.as_str(), text.as_str(), rule.as_str(), *count),
        ("connect", "554 SMTP synchronization error", "early", 3)
    );
    assert_eq!((cell.totals.connections, cell.totals.connections_refused), (5, 3));
}

#[tokio::test]
async fn hanging_up_before_a_delayed_greeting_leaves_no_session() {
    let target = AttackTarget::with_rules(WATCHFUL);
    for _ in 0..20 {
        drop(target.client().await);
    }
    target.recovered_cell(0).await;
}

/// The limit refuses first, and late: its reply comes whatever the client says meanwhile.
#[tokio::test]
async fn another_refusal_at_connect_comes_before_that_of_early_talkers() {
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
    let target = AttackTarget::with_rules(&format!("{full}{WATCHFUL}"));
    let mut first = target.client().await;
    first.expect_line("220 ").await;
    let mut second = target.client().await;
    second.send("EHLO a.test\r\n").await;
    assert_eq!(second.read_to_end().await, "421 full\r\n");
    drop(first);
    target.wait_until_empty().await;
    target.recovered_cell(0).await;
}

#[tokio::test]
async fn a_tarpit_for_early_talkers_delays_the_greeting() {
    let target = AttackTarget::with_rules(&WATCHFUL.replace("{ reply = \"early\" }", "{ tarpit = \"1s\" }"));
    let mut hasty = target.client().await;
    hasty.send("EHLO a.test\r\nQUIT\r\n").await;
    let heard = hasty.read_to_end().await;
    assert!(heard.starts_with("220 ") && heard.contains("221 "), "{heard}");
    target.recovered_cell(0).await;
}
