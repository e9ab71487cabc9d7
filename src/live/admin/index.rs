//! The list of calls, which the API shows to people.

use serde_json::{Value, json};

use super::json::Json;

/// Every call: method, path, and what it does, with an example of a body.
pub const CALLS: &[(&str, &str, &str)] = &[
    ("GET", "/", "this list"),
    ("GET", "/state?clients=200", "clock, providers, rules, and the clients with the most connections"),
    ("GET", "/providers/{name}/rules", "the rules of a provider"),
    ("PATCH", "/providers/{name}/rules/{rule}", r#"{"enabled": false} or {"limit": 5}; a limit as in a profile"#),
    ("PUT", "/providers/{name}/clients/{ip}/reputation", r#"{"score": 0.2}"#),
    ("DELETE", "/providers/{name}/clients/{ip}/holds", "ends the client's holds"),
    (
        "POST",
        "/orders",
        r#"{"stage": "rcpt", "reply": "451 4.7.1 later"} or {"stage": "data", "drop": true} or {"stage": "mail", "slow": "5s"}; "provider" and "times" if you like: what the next messages are answered"#,
    ),
    ("DELETE", "/orders", "forgets the orders that still wait"),
    ("POST", "/complaints", r#"{"provider": "charter", "client": "127.0.0.1", "sender": "news.example"}"#),
    ("GET", "/dns/faults", "what goes wrong with DNS"),
    (
        "PUT",
        "/dns/faults",
        r#"[{"name": "charter.net", "trouble": "servfail"}, {"trouble": {"slow": "2s"}, "share": 0.5}]: what goes wrong from now on and nothing else, for a name and all below it or for all names; "servfail", "nxdomain", "silence" or {"slow": TIME}"#,
    ),
    ("DELETE", "/dns/faults", "nothing goes wrong with DNS any more"),
    ("POST", "/reset", "all as at the start, but for the time and the open sessions; nothing goes wrong with DNS"),
    ("GET", "/metrics", "counters and gauges in the text format of OpenMetrics"),
];

pub(super) async fn index() -> Json<Value> {
    let calls = CALLS.iter().map(|(method, path, what)| json!({ "call": format!("{method} {path}"), "what": what }));
    Json(json!({ "mxlab": env!("CARGO_PKG_VERSION"), "calls": calls.collect::<Vec<_>>() }))
}
