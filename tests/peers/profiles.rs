//! A thousand recipients from real Postfix to each provider. What Postfix writes in its log and what the provider
//! writes in its books are two accounts of the same conversations, and must not differ by one recipient or one word.
//!
//! The clocks of the providers run thirty times faster, Postfix retries within seconds: no limit but the allowance is
//! raised, and all but the stubborn rest is delivered within the time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bodies;
use super::mail_log::{Delivery, deliveries, tally};
use super::postfix::Postfix;
use super::process::{comes, tail, until};
use super::serve_results::{Event, ServeResults};
use super::served::Served;

/// Back-off times that fit the time a test has.
const IMPATIENT: [&str; 3] = ["minimal_backoff_time = 2s", "maximal_backoff_time = 4s", "queue_run_delay = 2s"];
/// A stranger may send what the campaign brings, and is not shut out for going on while it is told to wait: in twenty
/// minutes of a provider's time no warm-up is done, and what Postfix bounces at MAIL has no recipient that a server
/// could count.
const OPTIONS: [&str; 6] = ["--speed", "30", "--set", "allowance.stranger=20000", "--set", "allowance.most=1000000"];
/// For a thousand recipients; what is not delivered by then counts as deferred, on both sides.
const PATIENCE: Duration = Duration::from_secs(40);
const RECIPIENTS: usize = 1_000;

#[test]
fn charter_and_postfix_agree() {
    campaign("charter", "@charter.net", single);
}

#[test]
fn yahoo_and_postfix_agree() {
    campaign("yahoo", "@yahoo.com", single);
}

#[test]
fn microsoft_and_postfix_agree() {
    campaign("microsoft", "@outlook.com", single);
}

/// Five recipients a message, and a message to fifty of whom half do not exist: refused one by one, at RCPT.
#[test]
fn gmail_and_postfix_agree() {
    campaign("gmail", "@gmail.com", |postfix, domain| {
        postfix.inject(&format!("-m 190 -s 10 -d -r 5 -N -t list{domain}"));
        let to = (0..25).flat_map(|n| [format!("unknown.{n}{domain}"), format!("known.{n}{domain}")]);
        postfix.post(&to.collect::<Vec<_>>(), b"Subject: to fifty\n\nhello\n");
    });
}

/// Messages to one recipient each: 950 who exist, and five who do not, ten times each.
fn single(postfix: &Postfix, domain: &str) {
    postfix.inject(&format!("-m 950 -s 10 -d -N -t ann{domain}"));
    for n in 0..5 {
        postfix.inject(&format!("-m 10 -s 5 -d -t unknown.{n}{domain}"));
    }
}

/// Mail to a provider until nothing waits any more, or the time is over; then the two accounts are compared.
fn campaign(profile: &str, domain: &str, mail: impl FnOnce(&Postfix, &str)) {
    let patience = if profile == "charter" { "rule.time-out.enabled=false" } else { "rule.patience.enabled=false" };
    let served = Served::start(profile, &[OPTIONS.as_slice(), &["--set", patience]].concat());
    let Some(postfix) = Postfix::start(served.at, &IMPATIENT) else { return };
    mail(&postfix, domain);
    comes(PATIENCE, || outcomes(&postfix.deliveries(domain)).settled() >= RECIPIENTS);
    postfix.settle();
    let log = postfix.stop();
    let results = served.end();
    let seen = deliveries(&log, domain);
    eprintln!("{profile}: {:?} in {} attempts", outcomes(&seen), seen.iter().filter(|one| !one.suspended).count());
    agree(&seen, &results, &log);
}

/// How many recipients ended how. The same address may get several messages; only refused ones do here.
#[derive(Debug, PartialEq, Eq)]
struct Outcomes {
    sent: usize,
    bounced: usize,
    deferred: usize,
}

impl Outcomes {
    const fn settled(&self) -> usize {
        self.sent + self.bounced
    }
}

fn outcomes(seen: &[Delivery]) -> Outcomes {
    let count = |status: &str| seen.iter().filter(|one| one.status == status).count();
    let (sent, bounced) = (count("sent"), count("bounced"));
    let mut last = BTreeMap::new();
    for one in seen {
        last.insert((&one.to, &one.queue), &one.status);
    }
    let deferred = last.values().filter(|status| **status == "deferred").count();
    Outcomes { sent, bounced, deferred }
}

fn agree(seen: &[Delivery], results: &ServeResults, log: &str) {
    let ended = outcomes(seen);
    assert_eq!(ended.settled() + ended.deferred, RECIPIENTS, "Postfix lost some: {ended:?}\n{}", tail(log));
    let told = |what: &str| format!("{what}\n{}", tail(log));
    // Delivered: by the log, the events, the summary, and by name in what was kept.
    assert_eq!(ended.sent as u64, results.accepted(), "{}", told("delivered, by the events"));
    assert_eq!(ended.sent as u64, results.figure("delivered"), "{}", told("delivered, by the summary"));
    let sent = seen.iter().filter(|one| one.status == "sent").map(|one| one.to.as_str());
    let kept = results.kept.iter().flat_map(|kept| kept.to.iter().map(String::as_str));
    assert_eq!(tally(sent), tally(kept), "{}", told("who has their mail"));
    // Refused: every attempt by the words of its reply, some of which have a number that no other has.
    assert_eq!(ended.bounced as u64, results.figure("bounced"), "{}", told("bounced"));
    let unanswered = seen.iter().filter(|one| one.status != "sent" && !one.suspended && one.reply.is_none());
    assert_eq!(unanswered.collect::<Vec<_>>(), Vec::<&Delivery>::new(), "{}", told("refused without a word"));
    let heard = seen.iter().filter_map(|one| one.reply.as_deref());
    // Postfix writes the lines of a reply behind each other.
    let said: Vec<String> = results.refused_for_cause().map(Event::reply_in_one_line).collect();
    let (heard, said) = (tally(heard), tally(said.iter().map(String::as_str)));
    let differing: Vec<_> = heard.iter().filter(|one| said.get(one.0) != Some(one.1)).collect();
    let unheard: Vec<_> = said.iter().filter(|one| heard.get(one.0) != Some(one.1)).collect();
    assert!(differing.is_empty() && unheard.is_empty(), "heard {differing:?}, said {unheard:?}");
    // Who is refused before a recipient is named has made no attempt that the server could count.
    let attempts = seen.iter().filter(|one| !one.suspended).count();
    assert_eq!(attempts as u64, results.figure("attempts") + results.turned_away(), "{}", told("attempts"));
}

/// Leading dots, empty lines and bytes above 127 come through Postfix and the wire as they were posted.
#[test]
fn bodies_come_through_postfix_unharmed() {
    let served = Served::start("open", &[]);
    let Some(postfix) = Postfix::start(served.at, &[]) else { return };
    let bodies: Vec<_> = bodies::all().into_iter().filter(|body| body.name != "long lines").collect();
    for body in &bodies {
        let to = [format!("{}@open.example", body.address())];
        postfix.post(&to, &[body.headers().replace("\r\n", "\n").as_bytes(), b"\n", &body.with_bare_lf()].concat());
    }
    until("all are sent", PATIENCE, || outcomes(&postfix.deliveries("@open.example")).sent == bodies.len());
    postfix.stop();
    let results = served.end();
    for body in &bodies {
        body.arrived_in(&results, |kept| kept.body());
    }
}
