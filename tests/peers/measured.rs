//! Real Postfix against `mxlab serve`, under conditions under which it was measured against servers that were not
//! mxlab's (`tests/facts/postfix-measured.tsv`). The wire must not change what Postfix does: the same share of the
//! recipients is deferred in the first pass, within two points, or within the spread of the repeats where that is
//! wider.
//!
//! Time is real here: the README's experiment takes up to six minutes, most of which is waiting. Its conditions
//! are to run side by side (`cargo test --test peers measured -- --nocapture --test-threads 10`). What minds a tenth of
//! a second, or how fast the machine takes a burst in, is for a quiet machine (`.ci/run peers_in_quiet`).

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::mail_log::Delivery;
use super::postfix::Postfix;
use super::process::{tail, until};
use super::served::Served;

/// What a server enforces, and what Postfix is told.
struct Condition {
    /// The id without the number of the repeat.
    id: &'static str,
    /// What is switched on in the profile that the scenarios about Postfix use, too.
    server: Vec<String>,
    main_cf: Vec<String>,
    recipients: usize,
}

/// Back-off times of the bursts: as they were measured.
const SHORT: [&str; 3] = ["minimal_backoff_time = 30s", "maximal_backoff_time = 240s", "queue_run_delay = 30s"];
/// For the first pass, at the most.
const PATIENCE: Duration = Duration::from_mins(8);

/// Every recipient takes a second, as in the README.
const EVEN: &str = "'1s'";
/// Every recipient takes its own time.
const UNEVEN: &str = "{ uniform = ['500ms', '1500ms'] }";

#[test]
fn readme_1_n_without_cache() {
    readme("t-1N-nocache", "1/concurrency", EVEN);
}

#[test]
fn readme_1_n_with_cache() {
    readme("t-1N-cache", "1/concurrency", EVEN);
}

#[test]
#[ignore = "on a machine that does nothing else: a constant feedback minds how completions bunch together"]
fn readme_1_without_cache() {
    readme("t-1-nocache", "1", EVEN);
}

#[test]
#[ignore = "on a machine that does nothing else: a constant feedback minds how completions bunch together"]
fn readme_1_with_cache() {
    readme("t-1-cache", "1", EVEN);
}

#[test]
#[ignore = "on a machine that does nothing else: a constant feedback minds how completions bunch together"]
fn readme_a_quarter_without_cache() {
    readme("t-q-nocache", "0.25", EVEN);
}

#[test]
#[ignore = "on a machine that does nothing else: a constant feedback minds how completions bunch together"]
fn readme_a_quarter_with_cache() {
    readme("t-q-cache", "0.25", EVEN);
}

#[test]
fn uneven_1_n() {
    readme("tj-1N-nocache", "1/concurrency", UNEVEN);
}

#[test]
fn uneven_1() {
    readme("tj-1-nocache", "1", UNEVEN);
}

#[test]
fn uneven_a_quarter() {
    readme("tj-q-nocache", "0.25", UNEVEN);
}

/// Sixty messages a minute, 451 at MAIL: the first pass takes sixty and is over in seconds.
#[test]
fn sixty_a_minute() {
    let server = set(&["rule.rate.enabled=true", "service.per-recipient=100ms"]);
    burst(&Condition { id: "d1-451mail", server, main_cf: short(), recipients: 600 });
}

/// Twenty messages a connection, then 421 at MAIL: forty of a thousand, one for every connection that was used up.
#[test]
fn twenty_a_connection() {
    let server = set(&["rule.twenty.enabled=true", "service.per-recipient=100ms"]);
    burst(&Condition { id: "e", server, main_cf: short(), recipients: 1_000 });
}

/// Three transactions at a time, 451 at MAIL: Postfix takes that for a success, keeps all its connections, and is
/// through with the burst in seconds.
#[test]
#[ignore = "on a machine that does nothing else: it is over in three seconds, or a slow machine delivers meanwhile"]
fn three_transactions() {
    burst(&Condition { id: "c-txn", server: set(&[THREE, HALF_A_SECOND]), main_cf: short(), recipients: 600 });
}

/// The same, but a connection counts from its beginning to its end.
#[test]
#[ignore = "on a machine that does nothing else: it is over in three seconds, or a slow machine delivers meanwhile"]
fn three_connections_as_mail_counts_them() {
    let server = set(&[THREE, HALF_A_SECOND, "rule.transactions.count='open-connections'"]);
    burst(&Condition { id: "c-conn", server, main_cf: short(), recipients: 600 });
}

/// The same, and a connection too many is told 421 and loses the connection.
#[test]
#[ignore = "on a machine that does nothing else: it is over in three seconds, or a slow machine delivers meanwhile"]
fn three_transactions_and_closed() {
    let server = set(&[THREE, HALF_A_SECOND, "rule.transactions.answer={ reply = 'busy', close = true }"]);
    burst(&Condition { id: "k-c421", server, main_cf: short(), recipients: 600 });
}

const THREE: &str = "rule.transactions.enabled=true";
const HALF_A_SECOND: &str = "service.per-recipient=500ms";

/// Three at a time, and five messages a second, which is less than they carry: nothing is deferred.
#[test]
#[ignore = "on a machine that does nothing else: half a second late, and a fourth transaction is refused"]
fn paced_below_what_three_transactions_carry() {
    paced("p-c-txn", &[THREE, HALF_A_SECOND]);
}

#[test]
#[ignore = "on a machine that does nothing else: a tenth of a second late, and a fourth connection is refused"]
fn paced_below_what_three_connections_carry() {
    paced("p-b", &["rule.connections.enabled=true", "rule.connections.limit=3", HALF_A_SECOND]);
}

fn paced(id: &'static str, server: &[&str]) {
    let condition = Condition { id, server: set(server), main_cf: short(), recipients: 600 };
    run(&condition, |postfix| {
        postfix.inject_paced(condition.recipients, Duration::from_millis(200), "receiver.example");
    });
}

fn short() -> Vec<String> {
    SHORT.map(str::to_owned).into()
}

/// The experiment of Postfix's `SCHEDULER_README`: one message to 2,000 recipients, two a delivery, a second for each
/// at a server that takes five connections and refuses the others with 421.
fn readme(id: &'static str, feedback: &str, service: &str) {
    let cache = if id.ends_with("-nocache") { "no" } else { "yes" };
    let main_cf = [
        "minimal_backoff_time = 7200s".to_owned(),
        "maximal_backoff_time = 7200s".to_owned(),
        "queue_run_delay = 7200s".to_owned(),
        "smtp_destination_recipient_limit = 2".to_owned(),
        "smtp_destination_concurrency_limit = 20".to_owned(),
        "initial_destination_concurrency = 5".to_owned(),
        format!("default_destination_concurrency_positive_feedback = {feedback}"),
        format!("default_destination_concurrency_negative_feedback = {feedback}"),
        format!("smtp_connection_cache_on_demand = {cache}"),
    ];
    let server = vec!["rule.connections.enabled=true".to_owned(), format!("service.per-recipient={service}")];
    let condition = Condition { id, server, main_cf: main_cf.into(), recipients: 2_000 };
    run(&condition, |postfix| postfix.inject("-m 1 -r 2000 -t r@receiver.example"));
}

fn set(changes: &[&str]) -> Vec<String> {
    changes.iter().map(|change| (*change).to_owned()).collect()
}

/// Messages to one recipient each, as fast as Postfix takes them.
fn burst(condition: &Condition) {
    run(condition, |postfix| {
        postfix.inject(&format!("-m {} -s 10 -d -N -t r@receiver.example", condition.recipients));
    });
}

fn run(condition: &Condition, mail: impl FnOnce(&Postfix)) {
    let profile = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/profiles/postfix-receiver.toml");
    let options: Vec<&str> = condition.server.iter().flat_map(|change| ["--set", change.as_str()]).collect();
    let served = Served::start(profile, &options);
    let settings: Vec<&str> = condition.main_cf.iter().map(String::as_str).collect();
    let Some(postfix) = Postfix::start(served.at, &settings) else { return };
    mail(&postfix);
    let first = || first_pass(&postfix.deliveries("@receiver.example"));
    until("every recipient is tried once", PATIENCE, || {
        thread::sleep(Duration::from_millis(500));
        first().len() >= condition.recipients
    });
    let first = first();
    let log = postfix.stop();
    let connections = served.end().figure("connections");
    compare(condition.id, &first, connections, &log);
}

/// What became of every recipient at the first attempt.
fn first_pass(seen: &[Delivery]) -> BTreeMap<String, Delivery> {
    let mut first = BTreeMap::new();
    for delivery in seen {
        first.entry(delivery.to.clone()).or_insert_with(|| delivery.clone());
    }
    first
}

fn compare(id: &str, first: &BTreeMap<String, Delivery>, connections: u64, log: &str) {
    let tried: Vec<_> = first.values().filter(|one| !one.suspended).collect();
    let deferred = tried.iter().filter(|one| one.status == "deferred").count();
    let ours = 100.0 * deferred as f64 / tried.len() as f64;
    let measured = measured(id);
    let (low, high) = measured.iter().fold((f64::MAX, f64::MIN), |(l, h), (share, _)| (l.min(*share), h.max(*share)));
    let middle = measured.iter().map(|(share, _)| share).sum::<f64>() / measured.len() as f64;
    let of: Vec<&str> = measured.iter().map(|(_, connections)| connections.as_str()).collect();
    eprintln!(
        "{id:14} deferred {ours:5.2} %, measured {low:.2} to {high:.2}; connections {connections}, measured {of:?}"
    );
    let room = (high - low).max(2.0);
    assert!((ours - middle).abs() <= room, "{id}: {ours:.2} % for {middle:.2} ± {room:.2}\n{}", tail(log));
}

/// Per cent of those tried that were deferred in the first pass, and connections of the whole run, in every repeat.
fn measured(id: &str) -> Vec<(f64, String)> {
    let rows = include_str!("../facts/postfix-measured.tsv").lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let ours = rows.filter(|row| row[0].rsplit_once("-r").is_some_and(|(of, _)| of == id));
    let repeats: Vec<_> = ours
        .map(|row| {
            let [deferred, suspended] = [row[1], row[2]].map(|share| share.parse::<f64>().unwrap());
            (100.0 * deferred / (1.0 - suspended), row[5].to_owned())
        })
        .collect();
    assert!(!repeats.is_empty(), "nothing was measured of {id}");
    repeats
}
