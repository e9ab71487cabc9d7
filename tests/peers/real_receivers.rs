//! Receivers whose code is public, as they are shipped, beside our profiles of them: the same client, at the same time,
//! must be refused by both with the same words.
//!
//! Limits that are off until one is set are set to the same on both sides, and windows of a minute and more to
//! ten seconds. Everything else is as it comes.

use std::thread;
use std::time::Duration;

use super::caller::{Caller, Pattern, SideBySide};
use super::exim::Exim;
use super::haraka::Haraka;
use super::postfix::{Front, Postfix};
use super::served::Served;

/// Mailboxes of a domain that exist.
fn mailboxes(n: usize, domain: &str) -> Vec<String> {
    (0..n).map(|n| format!("r{n}@{domain}")).collect()
}

/// Our profile of a receiver, with these values set.
fn ours(profile: &str, set: &[&str]) -> Served {
    Served::start(profile, &set.iter().flat_map(|value| ["--set", *value]).collect::<Vec<_>>())
}

// ---- Postfix --------------------------------------------------------------------------------------------------------

/// Real Postfix and ours; `None` where there is no Postfix.
fn postfix(front: Front, settings: &[&str], set: &[&str], pattern: Pattern) -> Option<SideBySide> {
    let (theirs, at) = Postfix::receive(front, settings)?;
    let ours = ours("postfix", set);
    let compared = SideBySide::of(pattern, at, ours.at);
    theirs.stop();
    Some(compared)
}

const OF_POSTFIX: &str = "postfix.example";
const TOO_MANY_CONNECTIONS: &str = "421 4.7.0 mx.postfix.example Error: too many connections from 127.0.0.1";
/// anvil's frames.
const TEN_SECONDS: &str = "anvil_rate_time_unit = 10s";

/// Fifty connections of one client are its limit without a line of configuration; a client that leaves makes room.
#[test]
fn postfix_minds_connections_in_parallel() {
    let pattern: Pattern = |caller| {
        let mut open: Vec<_> = (0..54).map(|_| caller.greet()).collect();
        for line in open.drain(..10).flatten() {
            caller.quit(line);
        }
        caller.until(caller.now() + Duration::from_millis(500));
        open.extend((0..12).map(|_| caller.greet()));
        for line in open.into_iter().flatten() {
            caller.quit(line);
        }
    };
    let Some(compared) = postfix(Front::Smtpd, &[], &[], pattern) else { return };
    compared.agree(&[(TOO_MANY_CONNECTIONS, 6)]);
}

#[test]
fn postfix_minds_connections_in_quick_succession() {
    let pattern: Pattern = |caller| {
        for _ in 0..9 {
            caller.look_in();
        }
        // What was refused counts, and nothing is forgotten before the frame is over.
        caller.until(Duration::from_secs(8));
        caller.look_in();
        caller.until(Duration::from_secs(20));
        for _ in 0..9 {
            caller.look_in();
        }
    };
    let settings = [TEN_SECONDS, "smtpd_client_connection_rate_limit = 5"];
    let set = ["rule.connection-rate.limit=5", "rule.connection-rate.window={fixed={length='10s',aligned='first'}}"];
    let Some(compared) = postfix(Front::Smtpd, &settings, &set, pattern) else { return };
    compared.agree(&[(TOO_MANY_CONNECTIONS, 9)]);
}

#[test]
fn postfix_minds_messages_in_quick_succession() {
    let pattern: Pattern = |caller| {
        let mut line = caller.greet().unwrap();
        let mut send = |caller: &mut Caller, messages: usize| {
            for _ in 0..messages {
                caller.message(&mut line, &mailboxes(1, OF_POSTFIX));
            }
        };
        send(caller, 8);
        caller.until(Duration::from_secs(8));
        send(caller, 1);
        caller.until(Duration::from_millis(11_500));
        send(caller, 8);
        // A new connection changes nothing.
        line = caller.greet().unwrap();
        caller.message(&mut line, &mailboxes(1, OF_POSTFIX));
    };
    let settings = [TEN_SECONDS, "smtpd_client_message_rate_limit = 5"];
    let set = ["rule.message-rate.limit=5", "rule.message-rate.window={fixed={length='10s',aligned='first'}}"];
    let Some(compared) = postfix(Front::Smtpd, &settings, &set, pattern) else { return };
    compared.agree(&[("450 4.7.1 Error: too much mail from 127.0.0.1", 8)]);
}

/// Recipients who do not exist count too.
#[test]
fn postfix_minds_recipients_in_quick_succession() {
    let pattern: Pattern = |caller| {
        let mut to = mailboxes(4, OF_POSTFIX);
        to.push("unknown.1@postfix.example".to_owned());
        for begins in [0, 20] {
            caller.until(Duration::from_secs(begins));
            let mut line = caller.greet().unwrap();
            for _ in 0..4 {
                caller.message(&mut line, &to);
            }
            caller.quit(line);
        }
    };
    let settings = [TEN_SECONDS, "smtpd_client_recipient_rate_limit = 12"];
    let set = ["rule.recipient-rate.limit=12", "rule.recipient-rate.window={fixed={length='10s',aligned='first'}}"];
    let Some(compared) = postfix(Front::Smtpd, &settings, &set, pattern) else { return };
    let unknown = "550 5.1.1 <unknown.1@postfix.example>: Recipient address rejected: User unknown in local recipient \
                   table";
    compared.agree(&[("450 4.7.1 Error: too many recipients from 127.0.0.1", 16), (unknown, 4)]);
}

/// A thousand recipients a message, ten megabytes, no relaying, and twenty errors: all without a line of configuration.
#[test]
fn postfix_minds_what_a_session_does() {
    let pattern: Pattern = |caller| {
        let mut line = caller.greet().unwrap();
        caller.message(&mut line, &mailboxes(1_010, OF_POSTFIX));
        caller.message(&mut line, &["someone@elsewhere.example".to_owned()]);
        caller.say(&mut line, "MAIL FROM:<news@sender.example> SIZE=20000000");
        caller.quit(line);
        let mut line = caller.greet().unwrap();
        caller.message(&mut line, &vec!["unknown@postfix.example".to_owned(); 22]);
    };
    let Some(compared) = postfix(Front::Smtpd, &[], &[], pattern) else { return };
    compared.agree(&[
        ("452 4.5.3 Error: too many recipients", 10),
        ("454 4.7.1 <someone@elsewhere.example>: Relay access denied", 1),
        ("552 5.3.4 Message size exceeds fixed limit", 1),
        ("550 5.1.1 <unknown@postfix.example>: Recipient address rejected: User unknown in local recipient table", 20),
        ("421 4.7.0 mx.postfix.example Error: too many errors", 1),
        ("closed", 2),
    ]);
}

#[test]
fn postscreen_minds_who_talks_before_the_greeting() {
    let pattern: Pattern = |caller| {
        for _ in 0..2 {
            assert!(caller.connect("EHLO client.example\r\n").is_none());
        }
        let mut line = caller.greet().unwrap();
        assert!(caller.now() > Duration::from_millis(1_900), "every greeting is put off");
        caller.message(&mut line, &mailboxes(1, OF_POSTFIX));
        caller.quit(line);
    };
    let settings = ["postscreen_greet_action = drop", "postscreen_greet_wait = 2s"];
    let set = ["rule.pregreet.enabled=true", "rule.pregreet.check={early-talker='2s'}"];
    let Some(compared) = postfix(Front::Postscreen, &settings, &set, pattern) else { return };
    compared.agree(&[("521 5.5.1 Protocol error", 2)]);
}

#[test]
fn postscreen_wants_to_see_a_stranger_twice() {
    let pattern: Pattern = |caller| {
        for _ in 0..3 {
            let mut line = caller.greet().unwrap();
            caller.message(&mut line, &mailboxes(2, OF_POSTFIX));
            caller.quit(line);
            thread::sleep(Duration::from_millis(1_500));
        }
    };
    let settings = ["postscreen_pipelining_enable = yes", "postscreen_greet_wait = 1s"];
    let Some(compared) = postfix(Front::Postscreen, &settings, &["rule.tested.enabled=true"], pattern) else { return };
    compared.agree(&[("450 4.3.2 Service currently unavailable", 2)]);
}

// ---- Exim -----------------------------------------------------------------------------------------------------------

/// Real Exim and ours; `None` where there is no Exim.
fn exim(settings: &str, at_mail: &str, set: &[&str], pattern: Pattern) -> Option<SideBySide> {
    let theirs = Exim::start(settings, at_mail)?;
    let ours = ours("exim", set);
    Some(SideBySide::of(pattern, theirs.at, ours.at))
}

/// Twenty connections in all are its limit without a line of configuration; a client that leaves makes room.
#[test]
fn exim_minds_connections_in_parallel() {
    let pattern: Pattern = |caller| {
        let mut open: Vec<_> = (0..23).map(|_| caller.greet()).collect();
        caller.quit(open.remove(0).unwrap());
        caller.until(caller.now() + Duration::from_secs(1));
        open.extend((0..2).map(|_| caller.greet()));
        for line in open.into_iter().flatten() {
            caller.quit(line);
        }
    };
    let Some(compared) = exim("", "", &[], pattern) else { return };
    compared.agree(&[("421 Too many concurrent SMTP connections; please try again later.", 4)]);
    let settings = "smtp_accept_max_per_host = 4";
    let Some(compared) = exim(settings, "", &["rule.connections-of-host.limit=4"], pattern) else { return };
    let of_host = "421 Too many concurrent SMTP connections from this IP address; please try again later.";
    compared.agree(&[(of_host, 20)]);
}

/// Messages on a connection, recipients of a message, size, unknown users, relaying; and talking before the greeting,
/// which it has nothing against.
#[test]
fn exim_minds_what_a_session_does() {
    let pattern: Pattern = |caller| {
        let early = caller.connect("EHLO client.example\r\n").unwrap();
        caller.quit(early);
        let mut line = caller.greet().unwrap();
        caller.say(&mut line, "MAIL FROM:<news@sender.example> SIZE=90000000");
        caller.message(&mut line, &mailboxes(8, "exim.example"));
        for _ in 0..6 {
            let to = ["a@exim.example", "unknown@exim.example", "b@elsewhere.example"];
            caller.message(&mut line, &to.map(str::to_owned));
        }
        caller.quit(line);
    };
    let settings = "smtp_accept_max_per_connection = 5\nrecipients_max = 5";
    let set = ["rule.messages-per-connection.limit=5", "rule.recipients-per-message.limit=5"];
    let Some(compared) = exim(settings, "", &set, pattern) else { return };
    compared.agree(&[
        ("552 Message size exceeds maximum permitted", 1),
        ("452 too many recipients", 3),
        ("550 Unknown user", 3),
        ("550 relay not permitted", 3),
        ("421 too many messages in this connection", 3),
    ]);
}

/// Begins messages by the clock, so many and one every so often, from a moment on. What comes late is not made up for:
/// that would be a burst.
fn begin_messages(caller: &mut Caller, from: Duration, messages: u32, every: Duration) {
    let mut line = caller.greet().unwrap();
    let mut due = from;
    for _ in 0..messages {
        caller.until(due);
        if caller.say(&mut line, "MAIL FROM:<news@sender.example>") {
            caller.say(&mut line, "RSET");
        }
        due = (due + every).max(caller.now());
    }
    caller.quit(line);
}

/// `ratelimit` in one of its modes.
fn ratelimit(mode: &str, limit: u32, pattern: Pattern) -> Option<SideBySide> {
    let at_mail = format!(
        "  defer ratelimit = {limit} / 10s / {mode}\n        message = Sender rate exceeds $sender_rate_limit messages \
         per $sender_rate_period\n"
    );
    let set = [
        format!("rule.rate-{mode}.enabled=true"),
        format!("rule.rate-{mode}.limit={limit}"),
        format!("rule.rate-{mode}.window={{average='10s'}}"),
        format!("reply.rate.text='Sender rate exceeds {limit} messages per 10s'"),
    ];
    // RSET, which the pattern says instead of a message, is not its subject.
    exim("smtp_accept_max_nonmail = 1000", &at_mail, &set.each_ref().map(String::as_str), pattern)
}

/// Who goes on while it is refused stays out; who rests comes in again. Moments are chosen so that a third of a second
/// decides nothing.
#[test]
fn exim_in_strict_mode_minds_a_high_rate() {
    let pattern: Pattern = |caller| {
        let every = Duration::from_millis(250);
        for (from, messages) in [(0, 60), (19, 8), (31, 8)] {
            begin_messages(caller, Duration::from_secs(from), messages, every);
        }
    };
    let Some(compared) = ratelimit("strict", 6, pattern) else { return };
    compared.agree(&[("451 Sender rate exceeds 6 messages per 10s", 70)]);
}

/// Who goes on is let in as often as the limit allows.
#[test]
fn exim_in_leaky_mode_minds_a_high_rate() {
    let pattern: Pattern = |caller| begin_messages(caller, Duration::ZERO, 120, Duration::from_millis(250));
    let Some(compared) = ratelimit("leaky", 10, pattern) else { return };
    let refused = compared.agree_in_total();
    assert!((80..=84).contains(&refused), "{refused}");
}

// ---- Haraka ---------------------------------------------------------------------------------------------------------

/// Real Haraka and ours, with one of the plugin's limits and our rule about it; `None` where there is no Haraka.
fn haraka(limits: &str, rule: &str, set: &[&str], pattern: Pattern) -> Option<SideBySide> {
    let concurrency = if rule == "connections" { "" } else { "[concurrency]\nenabled=false\n" };
    let theirs = Haraka::start(&format!("{concurrency}{limits}"))?;
    let all = ["connections", "connection-rate", "recipient-rate", "rate-of-recipient"];
    let others = all.iter().filter(|other| **other != rule);
    let off = others.flat_map(|other| ["", "-wait"].map(|wait| format!("rule.{other}{wait}.enabled=false")));
    // Each limit stands twice: once to make wait, once to refuse.
    let set = set.iter().flat_map(|value| ["", "-wait"].map(|wait| format!("rule.{rule}{wait}.{value}")));
    let set: Vec<String> = off.chain(set).collect();
    let ours = ours("haraka", &set.iter().map(String::as_str).collect::<Vec<_>>());
    Some(SideBySide::of(pattern, theirs.at, ours.at))
}

#[test]
fn haraka_minds_connections_in_parallel() {
    let pattern: Pattern = |caller| {
        let mut open: Vec<_> = (0..5).map(|_| caller.greet()).collect();
        assert!(caller.now() > Duration::from_secs(6), "each refusal takes three seconds");
        caller.quit(open.remove(0).unwrap());
        caller.until(caller.now() + Duration::from_millis(500));
        open.extend((0..2).map(|_| caller.greet()));
        for line in open.into_iter().flatten() {
            caller.quit(line);
        }
    };
    let Some(compared) = haraka("[concurrency]\nenabled=true\nmax=3\n", "connections", &[], pattern) else { return };
    compared.agree(&[("421 Too many concurrent connections", 3)]);
}

#[test]
fn haraka_minds_connections_in_quick_succession() {
    let pattern: Pattern = |caller| {
        for _ in 0..7 {
            caller.look_in();
        }
        // What was refused counts, and counts for exactly ten seconds.
        caller.until(Duration::from_millis(15_500));
        for _ in 0..6 {
            caller.look_in();
        }
    };
    let limits = "[rate_conn]\nenabled=true\n127=5/10s\n";
    let set = ["window={sliding='10s'}"];
    let Some(compared) = haraka(limits, "connection-rate", &set, pattern) else { return };
    compared.agree(&[("421 connection rate limit exceeded", 3)]);
}

/// Counted at RCPT, also where relaying is refused, and looked at with the next connection.
#[test]
fn haraka_minds_recipients_of_a_client() {
    let pattern: Pattern = |caller| {
        let mut line = caller.greet().unwrap();
        caller.message(&mut line, &mailboxes(10, "haraka.example"));
        caller.quit(line);
        let mut line = caller.greet().unwrap();
        caller.message(&mut line, &["someone@elsewhere.example".to_owned()]);
        caller.quit(line);
        caller.look_in();
        caller.until(Duration::from_secs(14));
        caller.look_in();
    };
    let limits = "[rate_rcpt_host]\nenabled=true\n127=10/10s\n";
    let set = ["limit=11", "window={fixed={length='10s',aligned='first'}}"];
    let Some(compared) = haraka(limits, "recipient-rate", &set, pattern) else { return };
    let relaying = "550 I cannot deliver mail for <someone@elsewhere.example>";
    compared.agree(&[(relaying, 1), ("421 recipient rate limit exceeded", 1)]);
}

#[test]
fn haraka_minds_messages_to_one_mailbox() {
    let pattern: Pattern = |caller| {
        let mut line = caller.greet().unwrap();
        for _ in 0..7 {
            caller.message(&mut line, &["a@haraka.example".to_owned(), "b@haraka.example".to_owned()]);
        }
        caller.until(Duration::from_secs(25));
        caller.message(&mut line, &["a@haraka.example".to_owned()]);
        caller.quit(line);
    };
    let limits = "[rate_rcpt]\nenabled=true\ndefault=5/10s\n";
    let set = ["limit=5", "window={fixed={length='10s',aligned='first'}}"];
    let Some(compared) = haraka(limits, "rate-of-recipient", &set, pattern) else { return };
    compared.agree(&[("450 rate limit exceeded", 4)]);
}
