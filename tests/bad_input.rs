//! Bad scenarios: whatever a person gets wrong is shown at its place, with what to do about it; nothing panics.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "bad_input/addresses.rs"]
mod addresses;
#[path = "bad_input/dynamics.rs"]
mod dynamics;
#[path = "bad_input/identities.rs"]
mod identities;
#[path = "bad_input/large.rs"]
mod large;

use std::io;
use std::path::Path;

use mxlab::diagnostic::{Document, render};
use mxlab::scenario::{LoadError, Scenario, explain, load, parse};
use proptest::prelude::*;

const GOOD: &str = r#"question = "What happens?"
seeds = 2
duration = "24h"

[[provider]]
profile = "open"
name = "first"
share = 0.75
domains = { "a.example" = 3, "b.example" = 1 }

[[provider]]
profile = "mine.toml"
set.rule.connections.limit = 8

[[source]]
ip = "192.0.2.1"
count = 2

[[stream]]
name = "newsletter"
arrivals = { at-once = { recipients = 20000, at = "1h" } }
recipients-per-message = [1, 5]
size = { log-normal = { median = "30kB", sigma = 1.0 } }
list = { unknown = 0.01, full = 0.005, traps = 0.0001, complaint-delay = { exponential = "4h" } }

[[stream]]
name = "log"
arrivals = { trace = "mail.csv" }

[network]
rtt = { uniform = ["20ms", "60ms"] }
bandwidth = "10MB"

[[strategy]]
preset = "fixed"
name = "fixed-40"
concurrency = { fixed = 40 }

[[strategy]]
preset = "backoff"
retry = { exponential = { jitter = "decorrelated" }, give-up = "2d" }

[[timeline]]
at = "2h"
provider = "mine"
rule = "connections"
limit = 5

[[expect]]
metric = "deferral-share"
strategy = "fixed-40"
provider = "mine"
min = 0.3
max = 0.37
"#;

const PROFILE: &str = r#"name = "mine"
title = "My Provider"
domains = ["mine.example"]
mx = ["mx.mine.example"]

[reply.busy]
code = 421
text = "too many connections"

[rule.connections]
at = "connect"
per = "client-ip"
count = "open-connections"
window = "gauge"
limit = 20
answer = { reply = "busy", close = true }

[rule.hourly]
at = "mail"
per = "client-ip"
count = "messages"
window = { fixed = "1h" }
limit = 1000
answer = { reply = "busy", close = true }
"#;

const OVERLAPPING: &str = r#"name = "mine"
title = "My Provider"
domains = ["mine.example"]
mx = ["mx.mine.example"]

[tiers]
poor = [0.0, 0.6]
good = [0.5, 1.0]
"#;

const TRACE: &str = "time,recipients,size\n0,x@a.example,10kB\n3600,y@mine.example;z@b.example,20kB\n";

fn files(path: &Path) -> io::Result<String> {
    match path.to_str() {
        Some("mine.toml") => Ok(PROFILE.to_owned()),
        Some("overlapping.toml") => Ok(OVERLAPPING.to_owned()),
        Some("mail.csv") => Ok(TRACE.to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    }
}

fn read(text: &str) -> Result<Scenario, String> {
    parse(&Document::new("scenario.toml", text), Path::new(""), &files)
        .map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))
}

/// What is said when `old` in the good scenario becomes `new`.
fn said(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "{old}");
    match read(&GOOD.replace(old, new)) {
        Ok(_) => format!("{new}\naccepted"),
        Err(said) => said,
    }
}

macro_rules! shows {
    ($($test:ident: $([$old:expr => $new:expr]),+ $(,)?;)*) => {$(
        #[test]
        fn $test() {
            insta::assert_snapshot!([$(said($old, $new)),+].join("\n\n----\n\n"));
        }
    )*};
}

#[test]
fn the_good_scenario_is_good() {
    let scenario = read(GOOD).unwrap();
    assert_eq!(scenario.providers.len(), 2);
    assert_eq!(scenario.domains.len(), 3);
    assert_eq!(scenario.timeline.len(), 1);
    assert_eq!(scenario.expected_recipients(), 20_003);
}

shows! {
    unknown_key:
        ["seeds = 2" => "sedes = 2"],
        ["bandwidth = " => "bandwith = "],
        ["concurrency = { fixed = 40 }" => "concurrency = { fixd = 40 }"],
        ["{ at-once = { recipients = 20000, at = \"1h\" } }" => "{ at-once = { recipient = 20000 } }"];
    wrong_unit:
        ["duration = \"24h\"" => "duration = \"24 hurs\""],
        ["duration = \"24h\"" => "duration = 24"],
        ["duration = \"24h\"" => "duration = \"1 month\""],
        ["bandwidth = \"10MB\"" => "bandwidth = \"10 megs\""],
        ["bandwidth = \"10MB\"" => "bandwidth = 10"],
        ["median = \"30kB\"" => "median = \"30 s\""],
        ["rtt = { uniform = [\"20ms\", \"60ms\"] }" => "rtt = \"20 mils\""],
        ["rtt = { uniform = [\"20ms\", \"60ms\"] }" => "rtt = 20"];
    misspelt_names:
        ["profile = \"open\"" => "profile = \"opne\""],
        ["profile = \"open\"" => "profile = \"sendmail\""],
        ["profile = \"mine.toml\"" => "profile = \"theirs.toml\""],
        ["preset = \"fixed\"" => "preset = \"fixde\""],
        ["provider = \"mine\"\nrule" => "provider = \"mnie\"\nrule"],
        ["rule = \"connections\"" => "rule = \"conections\""],
        ["metric = \"deferral-share\"" => "metric = \"deferal-share\""],
        ["strategy = \"fixed-40\"" => "strategy = \"fixed-4\""],
        ["strategy = \"fixed-40\"\nprovider = \"mine\"" => "strategy = \"oracle\"\nprovider = \"yours\""],
        ["name = \"newsletter\"" => "name = \"newsletter\"\nsources = [\"192.0.2.3\", \"192.0.2\"]"],
        ["trace = \"mail.csv\"" => "trace = \"male.csv\""];
    negative_or_zero:
        ["seeds = 2" => "seeds = 0"],
        ["seeds = 2" => "seeds = -1"],
        ["seeds = 2" => "seeds = 1.5"],
        ["duration = \"24h\"" => "duration = \"0s\""],
        ["duration = \"24h\"" => "duration = \"-5h\""],
        ["share = 0.75" => "share = -1"],
        ["share = 0.75" => "share = nan"],
        ["\"a.example\" = 3, \"b.example\" = 1" => "\"a.example\" = 0, \"b.example\" = 0"],
        ["recipients = 20000" => "recipients = 0"],
        ["recipients-per-message = [1, 5]" => "recipients-per-message = 0"],
        ["recipients-per-message = [1, 5]" => "recipients-per-message = [5, 1]"],
        ["bandwidth = \"10MB\"" => "bandwidth = \"0B\""],
        ["fixed = 40" => "fixed = 0"],
        ["give-up = \"2d\"" => "give-up = \"0s\""],
        ["unknown = 0.01" => "unknown = 1.5"],
        ["unknown = 0.01" => "unknown = 0.999"];
    too_much:
        ["recipients = 20000" => "recipients = 5000000000"],
        ["{ at-once = { recipients = 20000, at = \"1h\" } }" => "{ poisson = { per-hour = 1e9 } }"],
        ["count = 2" => "count = 100000"],
        ["at = \"1h\"" => "at = \"25h\""],
        ["duration = \"24h\"" => "duration = \"90m\""];
    arrivals_that_send_nothing:
        ["{ at-once = { recipients = 20000, at = \"1h\" } }" => "{ stages = [{ lasts = \"1h\", per-hour = 0 }] }"],
        ["{ at-once = { recipients = 20000, at = \"1h\" } }" => "{ stages = [] }"],
        ["{ at-once = { recipients = 20000, at = \"1h\" } }" => "{ diurnal = { recipients = 9, hours = [1, 2] } }"],
        ["at-once = { recipients = 20000, at = \"1h\" }" => "poisson = { per-hour = 5, from = \"3h\", until = \"2h\"}"];
    named_twice:
        ["name = \"first\"" => "name = \"mine\""],
        ["preset = \"backoff\"" => "preset = \"backoff\"\nname = \"fixed-40\""],
        ["preset = \"backoff\"" => "preset = \"backoff\"\nname = \"oracle\""],
        ["\"b.example\" = 1" => "\"mine.example\" = 1"],
        ["name = \"log\"" => "name = \"newsletter\""],
        ["name = \"log\"\n" => ""],
        ["count = 2" => "[[source]]\nip = \"192.0.2.1\""];
    names_that_are_none:
        ["name = \"first\"" => "name = \"../esc/x\""],
        ["name = \"first\"" => "name = \"a\\u001b[31mb\""],
        ["name = \"first\"" => "name = \"all\""],
        ["name = \"first\"" => "name = \"-first\""],
        ["name = \"first\"" => "name = \" \""],
        ["name = \"fixed-40\"" => "name = \"a\\u001b[2Jb\\u202Ec\""],
        ["name = \"fixed-40\"" => "name = \"all\""],
        ["name = \"fixed-40\"" => "name = \"a\\nb\""],
        ["name = \"fixed-40\"" => "name = \"a long name that goes on and on, for more than the hundred characters that anybody would ever want to read in a table\""],
        ["name = \"log\"" => "name = \"all\""],
        ["name = \"log\"" => "name = \"l\\u2066og\""];
    addresses:
        ["ip = \"192.0.2.1\"" => "ip = \"192.0.2.300\""],
        ["ip = \"192.0.2.1\"" => "ip = \"255.255.255.255\""],
        ["count = 2" => "network = \"192.0.2.0/33\""],
        ["count = 2" => "network = \"198.51.100.0/24\""],
        ["\"b.example\" = 1" => "\"user@b.example\" = 1"];
    changes_that_cannot_be:
        ["at = \"2h\"" => "at = \"30h\""],
        ["limit = 5\n" => ""],
        ["limit = 5\n" => "limit = 5\nenabled = false"],
        ["limit = 5\n" => "limit = -5"],
        ["limit = 5\n" => "source = \"192.0.2.1\""],
        ["provider = \"mine\"\nrule = \"connections\"\nlimit = 5" => "source = \"192.0.2.9\"\nreputation = 0.5"];
    expectations_that_cannot_be:
        ["max = 0.37" => "max = 0.1"],
        ["min = 0.3\nmax = 0.37" => ""],
        ["max = 0.37" => "max = nan"];
    changed_profiles:
        ["set.rule.connections.limit = 8" => "set.rule.conections.limit = 8"],
        ["set.rule.connections.limit = 8" => "[provider.set]\nrule.hourly.window = { fixed = \"0s\" }"],
        ["set.rule.connections.limit = 8" => "[provider.set.rule.connections]\nlimit = -8"],
        ["set.rule.connections.limit = 8" => "[provider.set]\nrule.connections = { limit = 3, at = \"conect\" }"],
        ["profile = \"mine.toml\"\nset.rule.connections.limit = 8" => "profile = \"overlapping.toml\""];
    not_toml:
        ["seeds = 2" => "seeds = = 2"],
        ["[network]" => "[network"],
        ["question = \"What happens?\"" => "question = \"What happens?"];
}

/// Names of strategies and streams are for people, who write signs in them.
#[test]
fn names_for_people_may_have_signs() {
    let text = GOOD
        .replace("name = \"fixed-40\"", "name = \"=HYPERLINK(1)\"")
        .replace("strategy = \"fixed-40\"", "strategy = \"=HYPERLINK(1)\"");
    let text = text.replace("name = \"log\"", "name = \"day / 24 – ünlü\"");
    let scenario = read(&text).unwrap();
    assert_eq!(scenario.strategies[0].name, "=HYPERLINK(1)");
}

#[test]
fn an_empty_file_is_told_what_to_add() {
    insta::assert_snapshot!(read("").unwrap_err());
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = GOOD.replace("seeds = 2", "seeds = 0").replace("preset = \"fixed\"", "preset = \"fixde\"");
    let said = read(&text.replace("metric = \"deferral-share\"", "metric = \"deferals\"")).unwrap_err();
    assert_eq!(said.matches("error: ").count(), 3, "{said}");
}

/// The good scenario with another profile.
fn said_of_profile(profile: &str) -> String {
    let files = |path: &Path| match path.to_str() {
        Some("mine.toml") => Ok(profile.to_owned()),
        _ => Ok(TRACE.to_owned()),
    };
    let text = GOOD.replace("set.rule.connections.limit = 8\n", "");
    let found = parse(&Document::new("scenario.toml", text), Path::new(""), &files).expect_err(profile);
    render(&found, false).to_string()
}

#[test]
fn more_than_can_be_numbered_is_told_and_not_numbered() {
    let domains = (0..70_000).map(|n| format!("\"d{n}.example\" = 1, ")).collect::<Vec<_>>().concat();
    let many = GOOD.replace("\"a.example\" = 3, \"b.example\" = 1", domains.trim_end_matches(", "));
    assert!(read(&many).unwrap_err().contains("at most 65535 domains"));

    let streams = (0..70_000)
        .map(|n| {
            let arrivals = "arrivals = { at-once = { recipients = 1 } }";
            format!("[[stream]]\nname = \"s{n}\"\nsender-domain = \"d{n}.example\"\n{arrivals}\n")
        })
        .collect::<Vec<_>>()
        .concat();
    assert!(read(&format!("{GOOD}\n{streams}")).unwrap_err().contains("at most 256 streams"));

    let replies =
        (0..70_000).map(|n| format!("[reply.r{n}]\ncode = 450\ntext = \"no\"\n")).collect::<Vec<_>>().concat();
    assert!(said_of_profile(&format!("{PROFILE}\n{replies}")).contains("at most 64000 replies"));
}

#[test]
fn all_mistakes_of_a_profile_are_told_at_once() {
    let text = PROFILE
        .replace("code = 421", "code = 221")
        .replace("at = \"connect\"", "at = \"conect\"\nenabeld = true")
        .replace("limit = 20\nanswer = { reply = \"busy\"", "limit = 20_000_000\nanswer = { reply = \"bussy\"")
        .replace("{ fixed = \"1h\" }", "{ fixed = \"1 hour and a half\" }")
        .replace("domains = [\"mine.example\"]", "domains = []");
    insta::assert_snapshot!(said_of_profile(&text));
}

#[test]
fn all_missing_keys_of_a_table_are_told_at_once() {
    for (table, missing) in [
        ("[service]", "`per-message` and `per-recipient`"),
        ("[service]\nper-message = \"20ms\"\nper-recipiant = \"1ms\"", ""),
        ("[listener]\nworkers = 0", "`backlog`"),
        ("[listener]", "`workers` and `backlog`"),
        ("[reply.silent]", "`code` and `text`"),
        ("[reply.silent]\ncode = \"many\"", "`text`"),
        (
            "[reputation]\nstranger = 0.5\ncomplaints = 0.1\nspam-traps = 0.1\nspam = 0.1\nbelieved-at = 9\nworsens = \"1d\"",
            "`unknown-recipients`, `unauthenticated`, `evidence`, `improves`, `known-after` and `forgets`",
        ),
    ] {
        let said = said_of_profile(&format!("{PROFILE}\n{table}\n"));
        let told: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("error: missing field")).collect();
        match missing {
            "" => assert!(told.is_empty(), "{said}"),
            _ => assert_eq!(told.iter().map(|rest| rest.trim_start_matches('s').trim()).collect::<Vec<_>>(), [missing]),
        }
        assert!(missing.is_empty() || said.contains("mine.toml:26:1"), "{said}");
    }
}

#[test]
fn all_mistakes_of_one_rule_are_told_at_once() {
    let text = PROFILE
        .replace("at = \"mail\"", "att = \"mail\"")
        .replace("count = \"messages\"", "count = \"mesages\"")
        .replace(
            "limit = 1000\n",
            "limit = { tiers = { poor = 1 } }\nhold = { ladder = [\"0s\"], replies = [\"bsy\"] }\n",
        );
    insta::assert_snapshot!(said_of_profile(&text));
}

#[test]
fn what_only_follows_from_a_mistake_is_not_told() {
    for (old, new) in [
        ("code = 421", "code = \"421\""),
        ("count = \"open-connections\"", "count = 7"),
        ("window = \"gauge\"", "window = { fixed = \"soon\" }"),
        ("limit = 20", "limit = { tiers = { any = \"lots\" } }"),
        ("answer = { reply = \"busy\", close = true }\n\n", "answer = { tarpit = \"soon\" }\n\n"),
        ("name = \"mine\"", "name = 7"),
        ("[reply.busy]", "[tiers]\npoor = [0, \"half\"]\ngood = [0.5, 1]\n\n[reply.busy]"),
    ] {
        assert_eq!(PROFILE.matches(old).count(), 1, "{old}");
        let said = said_of_profile(&PROFILE.replace(old, new));
        assert_eq!(said.matches("error: ").count(), 1, "{new}: {said}");
    }
}

#[test]
fn all_mistakes_of_set_and_timeline_are_told_at_once() {
    let set = "[provider.set]\nrule.connections = { limit = -3, at = \"conect\", answer = { reply = \"bsy\" } }\n\
               rule.hourli.limit = 5\nrule.hourly.window = { fixed = \"1 hour\" }";
    let text = GOOD.replace("set.rule.connections.limit = 8", set).replace(
        "limit = 5\n\n",
        "limit = { tiers = { any = \"lots\", good = 1 } }\n\n[[timeline]]\nat = \"2 hours\"\nrul = \"x\"\n\n",
    );
    insta::assert_snapshot!(read(&text).unwrap_err());
}

#[test]
fn what_is_wrong_is_not_called_missing_too() {
    for (old, new) in [
        ("preset = \"fixed\"\nname = \"fixed-40\"", "preset = 5"),
        ("min = 0.3\nmax = 0.37", "min = \"x\""),
        ("name = \"newsletter\"", "name = 5"),
        ("provider = \"mine\"\nrule", "provider = 5\nrule"),
        ("concurrency = { fixed = 40 }", "pacing = { warm-up = { first-day = \"x\", factor = 2.0 } }"),
    ] {
        let said = said(old, new);
        assert!(!said.contains("write `min`") && !said.contains("needs") && !said.contains("has no name"), "{said}");
        assert!(said.contains("invalid type") || said.contains("expected"), "{said}");
        assert!(!said.contains("whose rule"), "{said}");
    }
}

#[test]
fn a_limit_of_0_lets_nothing_in_and_is_no_mistake() {
    assert!(read(&GOOD.replace("connections.limit = 8", "connections.limit = 0")).is_ok());
}

#[test]
fn a_billion_recipients_are_estimated_and_not_made() {
    let scenario = read(&GOOD.replace("recipients = 20000", "recipients = 1000000000")).unwrap();
    assert!(scenario.memory_per_trial() > 25_000_000_000, "{}", scenario.memory_per_trial());
    assert!(explain(&scenario).contains("1,000,000,000 recipients"));
}

#[test]
fn equal_texts_have_equal_hashes_and_files_count() {
    let hash = |text: &str| read(text).unwrap().hash;
    assert_eq!(hash(GOOD), hash(GOOD));
    assert_ne!(hash(GOOD), hash(&GOOD.replace("seeds = 2", "seeds = 3")));
    let other = |path: &Path| match path.to_str() {
        Some("mine.toml") => Ok(PROFILE.replace("1000", "1001")),
        _ => Ok(TRACE.to_owned()),
    };
    let changed = parse(&Document::new("scenario.toml", GOOD), Path::new(""), &other).unwrap();
    assert_ne!(hash(GOOD), changed.hash);
}

#[test]
fn files_that_are_no_text_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert!(matches!(load(&dir.path().join("nowhere.toml")), Err(LoadError::Unreadable { .. })));
    assert!(matches!(load(dir.path()), Err(LoadError::Unreadable { .. })));
    let wrong = |name, bytes| load(&file(name, bytes)).unwrap_err().to_string();
    let (a, b) = (wrong("a.toml", b"seed = \xFF\n"), wrong("b.toml", b"\x7fELF\n\0\0"));
    assert!(a.ends_with("a.toml: not a text file: a byte that is not UTF-8 at line 1, column 8"), "{a}");
    assert!(b.ends_with("b.toml: not a text file: a zero byte at line 2, column 1"), "{b}");
    let good = file("good.toml", GOOD.as_bytes());
    let Err(LoadError::Invalid(found)) = load(&good) else { panic!("mine.toml is not there") };
    assert!(found[0].message().starts_with("cannot read "), "{}", found[0]);
    file("mine.toml", PROFILE.as_bytes());
    file("mail.csv", b"\xFF\xFE");
    let Err(LoadError::Invalid(found)) = load(&good) else { panic!("mail.csv is no text") };
    assert!(
        found[0].message().ends_with("not a text file: a byte that is not UTF-8 at line 1, column 1"),
        "{}",
        found[0]
    );
    file("mail.csv", TRACE.as_bytes());
    assert_eq!(load(&good).unwrap().name, "good");
}

/// A slip of the fingers: delete, double or replace a few characters.
#[derive(Clone, Debug)]
enum Slip {
    Delete(usize, usize),
    Double(usize, usize),
    Replace(usize, String),
}

fn slip() -> impl Strategy<Value = Slip> {
    let words = prop_oneof![
        Just("-1".to_owned()),
        Just("0".to_owned()),
        Just("1e308".to_owned()),
        Just("nan".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("\"100y\"".to_owned()),
        Just("\"36500d\"".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("\"\"".to_owned()),
        "\\PC{0,4}",
    ];
    prop_oneof![
        (0..GOOD.len(), 1..40usize).prop_map(|(at, length)| Slip::Delete(at, length)),
        (0..GOOD.len(), 1..200usize).prop_map(|(at, length)| Slip::Double(at, length)),
        (0..GOOD.len(), words).prop_map(|(at, word)| Slip::Replace(at, word)),
    ]
}

fn mutated(slips: &[Slip]) -> String {
    let mut text: Vec<char> = GOOD.chars().collect();
    for slip in slips {
        let end = text.len();
        match slip {
            Slip::Delete(at, length) => drop(text.drain((*at).min(end)..(at + length).min(end))),
            Slip::Double(at, length) => {
                let copy: Vec<char> = text[(*at).min(end)..(at + length).min(end)].to_vec();
                text.splice((*at).min(end)..(*at).min(end), copy);
            }
            Slip::Replace(at, word) => {
                // The whole value at that place: what follows `=` up to the next separator.
                let from = (*at).min(end);
                let until =
                    text[from..].iter().position(|c| matches!(c, '\n' | ',' | '}' | ']')).map_or(end, |n| from + n);
                let from = text[..until].iter().rposition(|c| matches!(c, '=' | '[' | '\n')).map_or(0, |n| n + 1);
                text.splice(from..until, word.chars());
            }
        }
    }
    text.into_iter().collect()
}

/// Values that a person could write where another number or text stands.
const NUMBERS: [&str; 9] = ["0", "1", "2", "0.5", "-1", "1e308", "4294967295", "9223372036854775807", "nan"];
const TEXTS: [&str; 16] = [
    "",
    "0s",
    "1us",
    "1h",
    "3h",
    "36500d",
    "0B",
    "8EB",
    "192.0.2.1",
    "255.255.255.255",
    "::1",
    "mine",
    "open",
    "a.example",
    "oracle",
    "aimd",
];

/// The good scenario with other values in some places: it stays TOML, and most of it keeps its types.
fn with_values(places: &[(usize, usize)]) -> String {
    let value = regex::Regex::new(r#""[^"]*"|\b[0-9]+(\.[0-9]+)?\b"#).unwrap();
    let mut text = GOOD.to_owned();
    for (place, choice) in places {
        let found: Vec<_> = value.find_iter(&text).collect();
        let at = found[place % found.len()];
        let new = if at.as_str().starts_with('"') {
            format!("\"{}\"", TEXTS[choice % TEXTS.len()])
        } else {
            NUMBERS[choice % NUMBERS.len()].to_owned()
        };
        text.replace_range(at.range(), &new);
    }
    text
}

/// What is accepted can be said and sized, too; what is not, is drawn.
fn holds(text: &str) {
    match read(text) {
        Ok(scenario) => {
            assert!(!explain(&scenario).is_empty());
            assert!(scenario.memory_per_trial() > 0);
            assert!(u32::try_from(scenario.expected_recipients()).is_ok());
        }
        Err(said) => assert!(said.starts_with("error: "), "{said}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_slip_of_the_fingers_panics(slips in prop::collection::vec(slip(), 1..4)) {
        holds(&mutated(&slips));
    }

    #[test]
    fn no_other_values_panic(places in prop::collection::vec((0..1_000usize, 0..1_000usize), 1..5)) {
        holds(&with_values(&places));
    }
}

#[test]
fn more_queues_than_a_sender_has_are_refused() {
    let many: Vec<String> = (0..2_000).map(|n| format!("\"d{n}.example\" = 1")).collect();
    let text = GOOD.replace("count = 2\n", "count = 9000\n");
    let text = text.replace("\"a.example\" = 3, \"b.example\" = 1", &many.join(", "));
    let said = read(&text).unwrap_err();
    assert!(said.contains("queues"), "{said}");
}

#[test]
fn less_than_one_message_is_no_mail() {
    let text = format!("{SMALL}\n[[stream]]\narrivals = {{ poisson = {{ per-hour = 1e-9 }} }}\n");
    assert!(read(&text).unwrap_err().contains("no mail to send"));
}

/// A scenario without mail.
const SMALL: &str = r#"
question = "q?"
[[provider]]
profile = "open"
[[source]]
ip = "192.0.2.1"
[[strategy]]
preset = "fixed"
"#;
