//! Policies for which the shortest time can be worked out by hand: the oracle takes exactly that long, to the
//! microsecond, and is never refused.
//!
//! In all of them `n` messages are there at the start, a round trip takes `R`, a connection is set up in three of
//! them, a transaction takes two and the service time `S`.

use super::lab;

/// Microseconds.
const R: u64 = 40_000;
const S: u64 = 500_000;
const SET_UP: u64 = 3 * R;
const TRANSACTION: u64 = 2 * R + S;
const HOUR: u64 = 3_600_000_000;

const FIXED: &str = r#"
[rule.rate]
at = "mail"
per = "client-ip"
count = "messages"
window = { fixed = "1h" }
limit = 100
answer = { reply = "later" }
"#;

const CONNECTIONS: &str = r#"
[rule.connections]
at = "connect"
per = "client-ip"
count = "open-connections"
window = "gauge"
limit = 5
answer = { reply = "go-away", close = true }
"#;

const TWENTY: &str = r#"
[rule.twenty]
at = "mail"
count = "messages"
window = "session"
limit = 20
answer = { reply = "go-away", close = true }
"#;

/// The microsecond at which the oracle has delivered `n` messages under these rules, without ever being refused.
fn takes(n: u64, rules: &str) -> u64 {
    let (at, deferred) = takes_and_defers(n, rules);
    assert_eq!(deferred, 0);
    at
}

/// The same, and how often it was deferred on the way.
fn takes_and_defers(n: u64, rules: &str) -> (u64, u64) {
    let (service, trip) = (S / 1_000, R / 1_000);
    let profile = format!(
        r#"
name = "lab"
title = "Lab"
domains = ["lab.example"]
mx = ["mx.lab.example"]
[service]
per-message = "{service}ms"
per-recipient = "0s"
[reply.later]
code = 451
text = "later"
[reply.go-away]
code = 421
text = "go away"
{rules}"#
    );
    let text = format!(
        r#"
duration = "2d"
[[provider]]
profile = "lab.toml"
[[source]]
ip = "192.0.2.1"
[[stream]]
arrivals = {{ at-once = {{ recipients = {n} }} }}
[network]
rtt = "{trip}ms"
[[strategy]]
preset = "oracle"
"#
    );
    let trial = &lab::trials(&lab::scenario(&text, &profile), 1)[0];
    let totals = trial.cells[0].totals;
    assert_eq!((totals.delivered, totals.attempts), (n, n + totals.deferred), "{totals:?}");
    (trial.settled_us.unwrap(), totals.deferred)
}

#[test]
fn without_limits_everything_takes_one_transaction() {
    assert_eq!(takes(500, ""), SET_UP + TRANSACTION);
}

#[test]
fn a_fixed_window_ends_in_its_last_frame() {
    for n in [100_u64, 101, 250, 1_000] {
        let frames = n.div_ceil(100);
        let wait = if frames == 1 { SET_UP } else { (frames - 1) * HOUR };
        assert_eq!(takes(n, FIXED), wait + TRANSACTION, "{n} messages");
    }
}

/// Judged at the end of data, the transaction may begin so early that it ends with the new frame.
#[test]
fn a_fixed_window_at_end_of_data_ends_with_its_last_frame() {
    assert_eq!(takes(250, &FIXED.replace("\"mail\"", "\"end-of-data\"")), 2 * HOUR);
}

/// Judged at connect, an open connection goes on: one that was let in lasts for everything.
#[test]
fn a_fixed_window_at_connect_does_not_hold_back_open_connections() {
    let rules = FIXED.replace("\"mail\"", "\"connect\"") + CONNECTIONS;
    assert_eq!(takes(1_000, &rules), SET_UP + 200 * TRANSACTION);
}

#[test]
fn c_connections_take_a_round_for_every_c_messages() {
    for n in [5_u64, 6, 500] {
        assert_eq!(takes(n, CONNECTIONS), SET_UP + n.div_ceil(5) * TRANSACTION, "{n} messages");
    }
}

#[test]
fn c_transactions_take_a_round_for_every_c_messages() {
    let rules = CONNECTIONS.replace("\"connect\"", "\"mail\"").replace("open-connections", "open-transactions");
    assert_eq!(takes(500, &rules), SET_UP + 100 * TRANSACTION);
}

/// A limit on connections that is told at MAIL: who is over it is never heard, and need not come.
#[test]
fn connections_counted_at_mail_are_connections() {
    assert_eq!(takes(500, &CONNECTIONS.replace("\"connect\"", "\"mail\"")), SET_UP + 100 * TRANSACTION);
}

#[test]
fn twenty_messages_a_connection_cost_a_set_up_for_every_twenty() {
    let rules = format!("{CONNECTIONS}{TWENTY}");
    for n in [500_u64, 505] {
        let rounds = n.div_ceil(5);
        assert_eq!(takes(n, &rules), rounds.div_ceil(20) * SET_UP + rounds * TRANSACTION, "{n} messages");
    }
}

/// Five connections of twenty messages carry a frame of a hundred; each frame finds them spent.
#[test]
fn all_of_them_together() {
    let rules = format!("{FIXED}{CONNECTIONS}{TWENTY}");
    // The last frame's connections are set up before it begins.
    assert_eq!(takes(1_000, &rules), 9 * HOUR + 20 * TRANSACTION);
}

#[test]
fn a_token_bucket_takes_its_burst_and_then_its_rate() {
    let bucket = "{ token-bucket = { per = \"1h\", burst = 7 } }";
    let rules = FIXED.replace("{ fixed = \"1h\" }", bucket).replace("limit = 100", "limit = 70");
    for n in [7_u64, 8, 333] {
        assert_eq!(takes(n, &rules), SET_UP + ((n - 7) * HOUR).div_ceil(70) + TRANSACTION, "{n} messages");
    }
}

#[test]
fn a_sliding_log_lets_its_limit_through_once_in_its_length() {
    let rules = FIXED.replace("fixed", "sliding");
    for n in [100_u64, 101, 1_000] {
        assert_eq!(takes(n, &rules), SET_UP + (n.div_ceil(100) - 1) * HOUR + TRANSACTION, "{n} messages");
    }
}

/// At the end of data the first hundred are counted a transaction after MAIL, and every later hundred exactly an hour
/// later.
#[test]
fn a_sliding_log_at_end_of_data() {
    let rules = FIXED.replace("fixed", "sliding").replace("\"mail\"", "\"end-of-data\"");
    assert_eq!(takes(1_000, &rules), SET_UP + TRANSACTION + 9 * HOUR);
}

/// A tarpit lets everything pass, later: a hundred connections and ten seconds beat five connections.
#[test]
fn a_tarpit_is_no_limit() {
    let rules = CONNECTIONS.replace("{ reply = \"go-away\", close = true }", "{ tarpit = \"10s\" }");
    assert_eq!(takes(500, &rules), 10_000_000 + SET_UP + TRANSACTION);
}

/// What the load of the day forbids waits for the hour at which it does not.
#[test]
fn a_limit_that_goes_with_the_load() {
    let load = "limit = 100\nload = [{ from = \"0s\", factor = 0.0 }, { from = \"6h\", factor = 1.0 }]";
    assert_eq!(takes(150, &FIXED.replace("limit = 100", load)), 7 * HOUR + TRANSACTION);
}

/// Every recipient is deferred once, at RCPT, and comes back when the delay is over: not a moment later, and before
/// new mail.
#[test]
fn a_greylist_costs_its_delay() {
    let greylist = r#"
[rule.greylist]
at = "rcpt"
check = { greylist = { delay = "5min", retry-within = "12h", remember = "36d" } }
answer = { reply = "later" }
"#;
    let five_minutes = HOUR / 12;
    assert_eq!(takes_and_defers(300, greylist), (SET_UP + five_minutes + TRANSACTION, 300));
    // A hundred transactions an hour: one hour's are all first attempts, the next hour's all second ones.
    let rules = format!("{FIXED}{greylist}");
    assert_eq!(takes_and_defers(300, &rules), (5 * HOUR + TRANSACTION, 300));
}

#[test]
fn an_outage_ends() {
    let rules = r#"
[rule.outage]
at = "mail"
check = { outage = { from = "0s", until = "2h" } }
answer = { reply = "later" }
"#;
    assert_eq!(takes(50, rules), 2 * HOUR + TRANSACTION);
}
