//! Reputation, allowances, ladders and time-outs that cannot be.

use mxlab::diagnostic::{Document, render};

/// A profile in which everything is in motion.
const DYNAMIC: &str = r#"name = "mine"
title = "My Provider"
domains = ["mine.example"]
mx = ["mx.mine.example"]

[tiers]
poor = [0.0, 0.5]
good = [0.5, 1.0]

[reputation]
stranger = 0.4
complaints = 0.003
unknown-recipients = 0.05
spam-traps = 0.0005
unauthenticated = 0.05
spam = 0.06
believed-at = 300
evidence = "12h"
worsens = "24h"
improves = "7d"
known-after = "3d"
forgets = "8d"

[allowance]
stranger = 300
inherited = 0.1
most = 400000
growth = 2.0
memory = "10d"

[reply.no]
code = 450
text = "no"

[rule.volume]
at = "mail"
per = "client-ip"
count = "messages"
window = { fixed = { length = "24h", zone = "UTC-5" } }
limit = { allowance = 0.2 }
answer = { reply = "no" }
hold = { ladder = ["5min"] }

[rule.idle]
at = "ehlo"
check = { idle = "6min" }
answer = { reply = "no", close = true }
"#;

#[test]
fn dynamics_that_cannot_be_are_told() {
    let said = |old: &str, new: &str| {
        assert_eq!(DYNAMIC.matches(old).count(), 1, "{old}");
        let document = Document::new("mine.toml", DYNAMIC.replace(old, new));
        match mxlab::provider::profile::parse(&document) {
            Ok(_) => format!("{new}\naccepted"),
            Err(found) => render(&found, false).to_string(),
        }
    };
    assert!(said("stranger = 0.4\n", "stranger = 0.41\n").ends_with("accepted"));
    let slips = [
        ("complaints = 0.003", "complaints = 0.0"),
        ("good = [0.5, 1.0]", "good = [0.4, 1.0]"),
        ("evidence = \"12h\"", "evidence = \"0s\""),
        ("improves = \"7d\"", "improves = \"0s\""),
        ("stranger = 300", "stranger = 0"),
        ("most = 400000", "most = 0"),
        ("allowance = 0.2", "allowance = 0.0"),
        ("ladder = [\"5min\"]", "ladder = []"),
        ("UTC-5", "Europe/Berlin"),
        ("\"6min\"", "\"0s\""),
        ("{ reply = \"no\", close = true }", "{ tarpit = \"1s\" }"),
        ("at = \"ehlo\"", "at = \"mail\""),
    ];
    insta::assert_snapshot!(slips.map(|(old, new)| said(old, new)).join("\n\n----\n\n"));
}
