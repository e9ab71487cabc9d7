//! A scenario in words, as a person would read it.

use std::io;
use std::path::Path;

use super::*;
use crate::diagnostic::Document;
use crate::provider::profile;
use crate::scenario::parse;

const SCENARIO: &str = r#"
question = "How many connections will Charter take from a sender like me?"
seeds = 3
duration = "12h"
starts-at = "8h"

[[provider]]
profile = "mine.toml"
share = 3

[[provider]]
profile = "open"
domains = { "a.example" = 1, "b.example" = 2 }

[[source]]
ip = "192.0.2.1"
count = 4
reputation = 0.8
daily-volume = 20000

[[source]]
ip = "198.51.100.7"
ptr = false
listed = true

[[stream]]
name = "newsletter"
arrivals = { at-once = { recipients = 20000, at = "10min" } }
list = { unknown = 0.01, traps = 0.0001, engaged = 0.3, complaints = 0.001 }
priority = "engaged-first"

[[stream]]
name = "receipts"
arrivals = { stages = [{ lasts = "1h", per-hour = 100 }, { lasts = "2h", per-hour = 1000 }] }
recipients-per-message = [1, 3]
size = { log-normal = { median = "30kB", sigma = 1.0 } }
authentication = { dkim = false }
sender-domain = "shop.example"
sources = ["198.51.100.7"]
priority = "first"

[network]
rtt = { uniform = ["20ms", "60ms"] }
reset = 0.01
bad-hosts = 0.25
bad-how = "never-greets"

[[strategy]]
preset = "fixed"
name = "fixed-40"
concurrency = { fixed = 40 }

[[strategy]]
preset = "aimd"
reading = [{ matches = "too many", means = "slow-down" }]

[[timeline]]
at = "2h"
provider = "mine"
rule = "connections"
limit = 2

[[timeline]]
at = "1h"
source = "192.0.2.1"
reputation = 0.2

[[expect]]
metric = "deferral-share"
strategy = "fixed-40"
provider = "mine"
min = 0.3
max = 0.37

[[expect]]
metric = "delivered-share"
strategy = "oracle"
min = 0.9
"#;

const PROFILE: &str = r#"
name = "mine"
title = "My Provider"
domains = ["mine.example"]
mx = ["mx.mine.example"]

[tiers]
poor = [0.0, 0.5]
good = [0.5, 1.0]

[reply.busy]
code = 421
text = "too many connections"

[rule.connections]
at = "connect"
per = "client-ip"
count = "open-connections"
window = "gauge"
limit = { tiers = { poor = 1, good = { unknown = [5, 10] } } }
answer = { reply = "busy", close = true }

[rule.hourly]
at = "mail"
per = "client-ip"
count = "messages"
window = { fixed = "1h" }
limit = 1000
answer = { reply = "busy", close = true }
"#;

#[test]
fn a_scenario_in_words() {
    let files = |path: &Path| match path.to_str() {
        Some("dir/mine.toml") => Ok(PROFILE.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let scenario = parse(&Document::new("dir/how-many.toml", SCENARIO), Path::new("dir"), &files);
    let scenario = scenario.unwrap_or_else(|found| panic!("{}", found[0]));
    insta::assert_snapshot!(explain(&scenario));
}

#[test]
fn a_greeting_that_comes_late_is_said() {
    let rule = "[rule.early]\nat = \"connect\"\ncheck = { early-talker = \"6s\" }\nanswer = { reply = \"busy\" }\n";
    let policy = profile::parse(&Document::new("mine.toml", format!("{PROFILE}\n{rule}"))).unwrap();
    let said = "every greeting comes 6s later; who talks before it is refused".to_owned();
    assert_eq!(profile::limits_in_short(&policy).last(), Some(&("early", said)));
    let sentence = profile::sentence(&policy.rules[2], &policy);
    let said = "at connect: to a client that talks before the greeting, which comes 6s later: \"421 too many \
                connections\" and close";
    assert_eq!(sentence, said);
}

#[test]
fn every_built_in_profile_can_be_said() {
    // Some serve the same domains at other times, and a domain has one provider.
    let provider = |name: &&str| format!("[[provider]]\nprofile = \"{name}\"\ndomains = {{ \"{name}.test\" = 1 }}\n");
    let providers: Vec<String> = profile::NAMES.iter().map(provider).collect();
    let rest = "[[source]]\nip = \"192.0.2.1\"\n[[stream]]\narrivals = { diurnal = { recipients = 1000000 } }\n\
        [[strategy]]\npreset = \"oracle\"";
    let none = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let scenario = parse(&Document::new("all.toml", providers.concat() + rest), Path::new(""), &none);
    let said = explain(&scenario.unwrap_or_else(|found| panic!("{}", found[0])));
    for name in profile::NAMES {
        assert!(said.contains(&format!(" {name} (")), "{name}:\n{said}");
    }
    assert!(said.contains("1,000,000 recipients"), "{said}");
    assert!(said.contains("5 trials: 1 strategy, 5 seeds each (1 to 5)"), "{said}");
    assert!(said.lines().count() < 14 * profile::NAMES.len(), "{said}");
}
