//! What a person can get wrong in a profile, and what a scenario can change in one.

use toml::Value;

use super::*;
use crate::provider::{RuleAction, RuleKind, TierValue, Window};
use crate::smtp::Stage;
use crate::time::Span;

/// A small profile in which everything is right.
const RIGHT: &str = r#"
name = "small"
title = "Small"
domains = ["small.example"]
mx = ["mx.small.example"]

[tiers]
poor = [0, 0.5]
good = [0.5, 1]

[reply.later]
code = 421
enhanced = "4.7.0"
text = "later"

[reply.never]
code = 550
text = "never"

[rule.connections]
at = "connect"
per = "client-ip"
count = "open-connections"
window = "gauge"
limit = { tiers = { poor = 1, good = { unknown = [5, 20] } } }
answer = { reply = "later" }
hold = { ladder = ["5min", "1h"], at = "mail" }

[rule.unknown]
at = "rcpt"
check = "unknown-recipient"
answer = { reply = "never" }
"#;

fn document(text: &str) -> Document {
    Document::new("small.toml", text)
}

/// What is said when one piece of the right profile is replaced.
fn fault(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from}");
    match parse(&document(&RIGHT.replacen(from, to, 1))) {
        Ok(_) => panic!("accepted: {to}"),
        Err(diagnostic) => diagnostic.to_string(),
    }
}

/// The text that a fault points at, and what is said of it.
fn pointed(from: &str, to: &str) -> String {
    let text = RIGHT.replacen(from, to, 1);
    let diagnostic = parse(&document(&text)).expect_err(to);
    let (line, column) = diagnostic.line_and_column();
    let rest: String = text.lines().nth(line - 1).unwrap_or_default().chars().skip(column - 1).take(24).collect();
    let help = diagnostic.suggestion().map(|help| format!(" | {help}")).unwrap_or_default();
    format!("`{rest}`: {}{help}", diagnostic.message())
}

#[test]
fn the_right_profile_is_right() {
    let policy = parse(&document(RIGHT)).unwrap_or_else(|d| panic!("{d}"));
    let rule = &policy.rules[0];
    let RuleKind::Limit(limit) = &rule.kind else { panic!("{:?}", rule.kind) };
    assert_eq!(limit.value.by_tier, [TierValue::Exactly(1), TierValue::Unknown { low: 5, high: 20 }]);
    assert_eq!(limit.window, Window::Gauge);
    assert!(matches!(rule.action, RuleAction::Reply { close: true, .. }));
    assert_eq!(
        rule.hold.as_ref().map(|hold| (hold.at, hold.after, hold.ladder[1].span)),
        Some((Stage::Mail, 1, Span::HOUR))
    );
    assert!(matches!(policy.rules[1].action, RuleAction::Reply { close: false, .. }));
}

#[test]
fn faults_are_drawn_where_they_are() {
    insta::assert_snapshot!(
        [
            fault("reply = \"later\"", "reply = \"latr\""),
            fault("good = [0.5, 1]", "good = [0.4, 1]"),
            fault("poor = 1, good", "pooor = 1, good"),
            fault("\"4.7.0\"", "\"5.7.0\""),
            fault("window = \"gauge\"", "window = { fixed = \"1h\" }"),
        ]
        .join("\n\n")
    );
}

const LIMIT: &str = "{ tiers = { poor = 1, good = { unknown = [5, 20] } } }";
const COUNTING: &str = "count = \"open-connections\"\nwindow = \"gauge\"";
const WHOLE: &str = "at = \"connect\"\nper = \"client-ip\"\ncount = \"open-connections\"\nwindow = \"gauge\"";
const CHECK: &str = "at = \"rcpt\"\ncheck = \"unknown-recipient\"";

/// What is written in the small profile, and what is written in its place.
const FAULTS: &[(&str, &str)] = &[
    ("name = \"small\"", "name = \"\""),
    ("name = \"small\"", "naem = \"small\""),
    ("domains = [\"small.example\"]", "domains = []"),
    ("domains = [\"small.example\"]", "domains = [\"not a domain\"]"),
    ("mx = [\"mx.small.example\"]", "mx = [\"a.example\", \"A.example\"]"),
    ("good = [0.5, 1]", "good = [0.6, 1]"),
    ("good = [0.5, 1]", "good = [0.5, 0.9]"),
    ("good = [0.5, 1]", "good = [0.5, 0.5]"),
    ("good = [0.5, 1]", "good = [0.5, 1.5]"),
    ("code = 421", "code = 621"),
    ("code = 421", "code = 250"),
    ("\"4.7.0\"", "\"4.7\""),
    ("text = \"later\"", "text = \"\""),
    ("text = \"later\"", "text = \"later\"\nconfidence = \"published\""),
    ("[reply.never]", "[reply.later]"),
    (LIMIT, "-1"),
    (LIMIT, "1.5"),
    (LIMIT, "20000000"),
    (LIMIT, "\"unlimited\""),
    (LIMIT, "{ unknown = [20, 5] }"),
    (LIMIT, "{ unknwon = [5, 20] }"),
    (LIMIT, "{ tiers = { poor = 1 } }"),
    (LIMIT, "{ tiers = { poor = 1, good = \"lots\" } }"),
    (COUNTING, "count = \"messages\"\nwindow = { fixed = \"0s\" }"),
    (COUNTING, "count = \"messages\"\nwindow = { sliding = \"1 fortnight\" }"),
    (COUNTING, "count = \"messages\"\nwindow = \"gauge\""),
    (COUNTING, "count = \"messages\"\nwindow = { token-bucket = { per = \"1h\", burst = 0 } }"),
    (COUNTING, "count = \"messages\"\nwindow = \"fixed\""),
    (COUNTING, "count = \"messages\"\nwindow = \"session\""),
    (COUNTING, "count = \"mesages\"\nwindow = \"session\""),
    (COUNTING, "window = \"gauge\""),
    (WHOLE, "at = \"connect\"\ncount = \"messages\"\nwindow = \"session\""),
    (WHOLE, "at = \"mail\"\ncount = \"connections\"\nwindow = \"session\""),
    (WHOLE, "at = \"mail\"\ncount = \"messages\"\nwindow = \"message\""),
    (WHOLE, "at = \"connect\"\nper = \"client-ip\"\ncount = \"open-transactions\"\nwindow = \"gauge\""),
    (WHOLE, "at = \"mail\"\nper = \"recipient\"\ncount = \"messages\"\nwindow = { fixed = \"1h\" }"),
    (WHOLE, "at = \"mail\"\ncount = \"messages\"\nwindow = { fixed = \"1h\" }"),
    (CHECK, "at = \"mail\"\ncheck = \"unknown-recipient\""),
    (CHECK, "at = \"rcpt\"\ncheck = \"spam-content\""),
    (CHECK, "at = \"rcpt\"\ncheck = { size = \"20MB\" }\nper = \"client-ip\""),
    (CHECK, "at = \"connect\"\ncheck = { size = \"20MB\" }"),
    (CHECK, "at = \"rcpt\"\ncheck = { size = \"20\u{20ac}\" }"),
    (CHECK, "at = \"mail\"\ncheck = { unauthenticated = \"either\" }"),
    (CHECK, "at = \"mail\"\ncheck = { greylist = { delay = \"5min\", retry-within = \"1h\", remember = \"36d\" } }"),
    (CHECK, "at = \"rcpt\"\ncheck = { greylist = { delay = \"2h\", retry-within = \"1h\", remember = \"36d\" } }"),
    (CHECK, "at = \"rcpt\"\ncheck = { outage = { from = \"3h\", until = \"2h\" } }"),
    (CHECK, "at = \"rcpt\"\ncheck = { busy = { every = \"0s\", lasts = \"1s\" } }"),
    (CHECK, "at = \"rcpt\"\ncheck = { reputation = { below = 1.2 } }"),
    (CHECK, "at = \"mail\"\ncheck = { early-talker = \"6s\" }"),
    (CHECK, "at = \"connect\"\ncheck = { early-talker = \"0s\" }"),
    (CHECK, "at = \"rctp\"\ncheck = \"unknown-recipient\""),
    ("answer = { reply = \"never\" }", "answer = { close = true }"),
    ("answer = { reply = \"never\" }", "answer = \"dorp\""),
    ("answer = { reply = \"never\" }", "cost = 0.1"),
    ("[\"5min\", \"1h\"]", "[]"),
    ("[\"5min\", \"1h\"]", "[\"5min\", \"0s\"]"),
    ("at = \"mail\" }", "replies = [\"later\"] }"),
    ("at = \"mail\" }", "after = 0 }"),
    ("at = \"mail\" }", "wihtin = \"1h\" }"),
    ("hold = {", "load = [{ from = \"1h\", factor = 1.0 }]\nhold = {"),
    ("hold = {", "load = [{ from = \"0s\", factor = -1.0 }]\nhold = {"),
    ("hold = {", "load = [{ from = \"0s\", factor = 1 }, { from = \"0s\", factor = 2 }]\nhold = {"),
    ("[tiers]", "[listener]\nworkers = 0\nbacklog = 1\n[tiers]"),
    ("[tiers]", "[service]\nper-message = { uniform = [\"2s\", \"1s\"] }\nper-recipient = \"1s\"\n[tiers]"),
];

#[test]
fn every_fault_has_its_message() {
    let said: Vec<String> = FAULTS.iter().map(|(from, to)| pointed(from, to)).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_profile_has_no_more_than_64_rules() {
    let rule = |n: u32| format!("[rule.r{n}]\nat = \"rcpt\"\ncheck = \"always\"\nanswer = \"drop\"\n");
    let many = (0..63).map(rule).collect::<Vec<_>>().concat();
    let diagnostic = parse(&document(&format!("{RIGHT}{many}"))).expect_err("65 rules");
    assert_eq!(diagnostic.message(), "a profile has at most 64 rules");
}

#[test]
fn a_limit_of_nothing_lets_nothing_in() {
    let policy = parse(&document(&RIGHT.replacen("poor = 1,", "poor = 0,", 1))).unwrap();
    let RuleKind::Limit(limit) = &policy.rules[0].kind else { panic!() };
    assert_eq!(limit.value.by_tier[0], TierValue::Exactly(0));
}

fn change(path: &str, value: &str) -> Change {
    let table: toml::Table = format!("v = {value}").parse().unwrap();
    Change { path: path.split_terminator('.').map(str::to_owned).collect(), value: table["v"].clone() }
}

fn changed(changes: &[Change]) -> Result<Policy, String> {
    parse_with(&document(RIGHT), changes).map_err(|error| match error {
        ProfileError::Document(diagnostic) => diagnostic.to_string(),
        ProfileError::Change { index, message, help } => format!("{index}: {message} | {}", help.unwrap_or_default()),
    })
}

#[test]
fn a_scenario_changes_any_value() {
    let policy = changed(&[
        change("rule.connections.limit", "7"),
        change("rule.connections.hold.after", "3"),
        change("rule.unknown.enabled", "false"),
        change("reply.never", "{ text = \"no\" }"),
        change("rule.extra", "{ at = \"mail\", check = \"always\", answer = { tarpit = \"1s\" } }"),
    ])
    .unwrap();
    let names: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["connections", "unknown", "extra"]);
    let RuleKind::Limit(limit) = &policy.rules[0].kind else { panic!() };
    assert_eq!(limit.value.by_tier, [TierValue::Exactly(7); 2]);
    assert_eq!(policy.rules[0].hold.as_ref().map(|hold| hold.after), Some(3));
    assert_eq!(policy.rules[0].attribution.source, "changed by the scenario");
    let said = change("rule", "{ connections = { source = \"our own log\", limit = 7 } }");
    assert_eq!(changed(&[said]).unwrap().rules[0].attribution.source, "our own log");
    assert!(!policy.rules[1].enabled);
    assert_eq!(policy.replies[1].to_string(), "550 no");
    assert_eq!(changed(&[]).unwrap().rules.len(), 2);
}

#[test]
fn two_changes_that_belong_together_are_judged_together() {
    let tiers = change("tiers", "{ all = [0, 1] }");
    let limit = change("rule.connections.limit", "{ tiers = { all = 3 } }");
    assert_eq!(changed(&[tiers.clone(), limit]).unwrap().tiers.len(), 1);
    assert!(changed(&[change("title", "\"T\""), tiers]).unwrap_err().starts_with("1: "));
}

#[test]
fn the_change_that_is_wrong_gets_the_blame() {
    let (right, after) = (change("rule.connections.limit", "7"), change("about", "\"x\""));
    let cases = [
        change("rule.conections.limit", "7"),
        change("rule.conections", "{ limit = 7 }"),
        change("rule", "{ conections = { limit = 7 } }"),
        change("rule.brand-new.limit", "7"),
        change("reply.nevr.code", "451"),
        change("rule.connections.limti", "7"),
        change("rule.connections.limit", "-7"),
        change("rule.connections.limit.poor", "7"),
        change("rule.connections.at.once", "7"),
        change("reputation.start", "0.5"),
        change("reputtaion.start", "0.5"),
        change("title", "7"),
        change("", "7"),
    ];
    let said: Vec<String> =
        cases.into_iter().map(|wrong| changed(&[right.clone(), wrong, after.clone()]).expect_err("wrong")).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_fault_of_the_profile_itself_is_not_a_change_s() {
    let broken = document(&RIGHT.replacen("code = 421", "code = 1", 1));
    assert!(matches!(parse_with(&broken, &[change("title", "\"T\"")]), Err(ProfileError::Document(_))));
}

#[test]
fn a_timeline_speaks_the_grammar_of_limits() {
    let policy = parse(&document(RIGHT)).unwrap();
    let ceiling = |text: &str| ceiling(&change("limit", text).value, &policy).map(|ceiling| ceiling.by_tier);
    assert_eq!(ceiling("3"), Ok(vec![TierValue::Exactly(3); 2]));
    assert_eq!(ceiling("\"none\""), Ok(vec![TierValue::Unlimited; 2]));
    assert_eq!(ceiling("{ tiers = { poor = 0, good = 9 } }"), Ok(vec![TierValue::Exactly(0), TierValue::Exactly(9)]));
    assert_eq!(
        ceiling("{ tiers = { poor = 0, god = 9 } }"),
        Err("there is no tier `god`; did you mean `good`?".to_owned())
    );
    assert_eq!(ceiling("-3"), Err("a limit cannot be negative (-3); 0 lets nothing in".to_owned()));
    assert!(super::ceiling(&Value::Boolean(true), &policy).is_err());
}

#[test]
fn the_schema_knows_every_part() {
    let schema = schemars::schema_for!(ProfileSpec).to_value().to_string();
    for word in
        ["open-connections", "token-bucket", "log-normal", "unknown-recipient", "tarpit", "ladder", "rest-toward"]
    {
        assert!(schema.contains(word), "{word}");
    }
}
