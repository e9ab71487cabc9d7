//! What a person can get wrong in a profile, and what a scenario can change in one.

mod standing;

use super::*;
use crate::diagnostic::render;
use crate::provider::{
    Confidence, LimitAmount, LimitValue, Meaning, PolicyChange, RuleAction, RuleKind, TierValue, Window,
};
use crate::smtp::Stage;
use crate::time::Span;
use crate::units::RuleId;

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
        Err(found) => render(&found, false).to_string(),
    }
}

/// The text that a fault points at, and what is said of it.
fn pointed(from: &str, to: &str) -> String {
    let text = RIGHT.replacen(from, to, 1);
    let said = parse(&document(&text)).expect_err(to).into_iter().map(|diagnostic| {
        let (line, column) = diagnostic.line_and_column();
        let rest: String = text.lines().nth(line - 1).unwrap_or_default().chars().skip(column - 1).take(24).collect();
        let help = diagnostic.suggestion().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("`{rest}`: {}{help}", diagnostic.message())
    });
    said.collect::<Vec<_>>().join("\n  ")
}

#[test]
fn the_right_profile_is_right() {
    let policy = parse(&document(RIGHT)).unwrap_or_else(|d| panic!("{}", render(&d, false)));
    let rule = &policy.rules[0];
    let RuleKind::Limit(limit) = &rule.kind else { panic!("{:?}", rule.kind) };
    assert_eq!(tier_values(&limit.value), [TierValue::Exactly(1), TierValue::Unknown { low: 5, high: 20 }]);
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
    ("text = \"later\"", "text = \"later\"\nmeans = \"rates\""),
    ("text = \"later\"", "text = \"later\"\nadvice = \" \""),
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
    (COUNTING, "count = \"messages\"\nwindow = { fixed = { length = \"24h\", zone = \"Europe/Berlin\" } }"),
    (COUNTING, "count = \"messages\"\nwindow = { fixed = { length = \"1h\", offset = \"1h\" } }"),
    (COUNTING, "count = \"messages\"\nwindow = { fixed = { length = \"1h\", offset = \"5min\", zone = \"UTC+1\" } }"),
    (
        COUNTING,
        "count = \"messages\"\nwindow = { fixed = { length = \"1h\", aligned = \"first\", offset = \"5min\" } }",
    ),
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
    ("domains = [\"small.example\"]", "domains = [\"a.*.example\", \"*.b.example\", \"*.B.example\", \"*\"]"),
    ("domains = [\"small.example\"]", "domains = \"*x\""),
    ("text = \"later\"", "text = \"{ip} {from-domain} {{id}\""),
    (CHECK, "at = \"mail\"\ncheck = \"relaying\""),
    (CHECK, "at = \"end-of-data\"\ncheck = \"relaying\""),
    (CHECK, "at = \"mail\"\ncheck = { long-local-part = 63 }"),
    (CHECK, "at = \"data\"\ncheck = { long-local-part = 64 }"),
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
    let found = parse(&document(&format!("{RIGHT}{many}"))).expect_err("65 rules");
    assert_eq!(found[0].message(), "a profile has at most 64 rules");
}

#[test]
fn a_reply_may_say_what_it_means() {
    let said = |more: &str| {
        let text = RIGHT.replacen("text = \"later\"", &format!("text = \"later\"\n{more}"), 1);
        let note = parse(&document(&text)).unwrap().notes[0].clone();
        (note.means, note.advice().map(str::to_owned))
    };
    assert_eq!(said(""), (None, None));
    assert_eq!(said("means = \"busy\""), (Some(Meaning::Busy), Some(Meaning::Busy.advice().to_owned())));
    assert_eq!(said("advice = \"ask\""), (None, Some("ask".to_owned())));
}

#[test]
fn a_limit_of_nothing_lets_nothing_in() {
    let policy = parse(&document(&RIGHT.replacen("poor = 1,", "poor = 0,", 1))).unwrap();
    let RuleKind::Limit(limit) = &policy.rules[0].kind else { panic!() };
    assert_eq!(tier_values(&limit.value)[0], TierValue::Exactly(0));
}

/// A line of `set`.
fn change(path: &str, value: &str) -> Document {
    Document::new("set", format!("{path} = {value}"))
}

fn changed(changes: &[Document]) -> Result<Policy, String> {
    let mut overlays = Vec::new();
    for change in changes {
        let mut check = Checker::new(change);
        let overlay = Overlay::read(change, &mut check);
        overlays.push(check.finish(overlay).map_err(|found| render(&found, false).to_string())?);
    }
    parse_with(&document(RIGHT), &overlays).map_err(|found| {
        let said = found.iter().map(|one| {
            let help = one.suggestion().map(|help| format!(" | {help}")).unwrap_or_default();
            let (line, column) = one.line_and_column();
            format!("{}:{line}:{column}: {}{help}", one.document_name(), one.message())
        });
        said.collect::<Vec<_>>().join("\n")
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
    assert_eq!(tier_values(&limit.value), [TierValue::Exactly(7); 2]);
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
    let alone = changed(&[change("title", "\"T\""), tiers]).unwrap_err();
    assert!(alone.contains("small.toml:25:21: there is no tier `poor`"), "{alone}");
}

#[test]
fn the_change_that_is_wrong_is_named() {
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
        change("\"\"", "7"),
    ];
    let said: Vec<String> =
        cases.into_iter().map(|wrong| changed(&[right.clone(), wrong, after.clone()]).expect_err("wrong")).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_mistake_of_the_profile_itself_is_told_in_the_profile() {
    let (broken, change) = (document(&RIGHT.replacen("code = 421", "code = 1", 1)), change("title", "\"T\""));
    let overlay = Overlay::read(&change, &mut Checker::new(&change)).unwrap();
    let found = parse_with(&broken, &[overlay]).expect_err("no code");
    assert_eq!((found.len(), found[0].document_name()), (1, "small.toml"));
}

#[test]
fn a_rule_changes_in_the_grammar_of_limits() {
    let policy = parse(&document(RIGHT)).unwrap();
    let by_tier =
        |text: &str| match rule_change(&Document::new("change", format!("limit = {text}")), &policy, RuleId(0)) {
            Ok(changes) => match changes.as_slice() {
                [PolicyChange::Limit(RuleId(0), value)] => Ok(tier_values(value)),
                other => panic!("{other:?}"),
            },
            Err(found) => Err(found.iter().map(Diagnostic::message).collect::<Vec<_>>().join("; ")),
        };
    assert_eq!(by_tier("3"), Ok(vec![TierValue::Exactly(3); 2]));
    assert_eq!(by_tier("\"none\""), Ok(vec![TierValue::Unlimited; 2]));
    assert_eq!(by_tier("{ tiers = { poor = 0, good = 9 } }"), Ok(vec![TierValue::Exactly(0), TierValue::Exactly(9)]));
    assert_eq!(
        by_tier("{ tiers = { poor = -1, god = 9, bad = \"lots\" } }"),
        Err("a limit cannot be negative (-1); 0 lets nothing in; there is no tier `god`; `lots` is not a limit; write a \
             whole number, \"none\", or { unknown = [LOW, HIGH] }"
            .to_owned())
    );
    assert_eq!(by_tier("-3"), Err("a limit cannot be negative (-3); 0 lets nothing in".to_owned()));
    assert!(by_tier("true").is_err());
}

#[test]
fn an_audit_lists_what_was_not_published() {
    let said = "\nsource = \"a page\"\nconfidence = \"published\"\nlimit-confidence = \"reported\"";
    let text = RIGHT.replacen("hold = {", &format!("{}\nhold = {{", said.trim_start()), 1);
    let audit = audit(&document(&text)).unwrap();
    let unpublished: Vec<String> = audit
        .unpublished()
        .map(|one| {
            format!("{} {}: {} ({})", one.confidence, one.key, one.says, one.source.as_deref().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        unpublished,
        ["reported rule.connections.limit: open connections per client IP: at most 1 (poor), 5 to 20? (good) (a page)",]
    );
    let published: Vec<&str> = audit
        .numbers
        .iter()
        .filter(|one| one.confidence == Confidence::Published)
        .map(|one| one.key.as_str())
        .collect();
    assert_eq!(published, ["rule.connections.hold"]);
    assert!(
        audit.in_words().starts_with("small: 2 numbers: 1 published, 1 reported, 0 assumed\n"),
        "{}",
        audit.in_words()
    );
}

#[test]
fn two_profiles_stand_beside_each_other() {
    let other = RIGHT.replacen("name = \"small\"", "name = \"other\"", 1).replacen(LIMIT, "3", 1);
    let other = other.replacen("text = \"never\"", "text = \"no\"\nmeans = \"unknown-user\"", 1);
    let other = other.replacen(CHECK, "at = \"end-of-data\"\ncheck = \"unknown-recipient\"\nenabled = false", 1);
    let compared = compare(&document(RIGHT), &document(&other)).unwrap();
    assert_eq!(compared.profiles, ["small", "other"]);
    let rows = compared.rules.iter().map(|row| format!("{} | {} | {:?}", row.stage, row.about, row.said));
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            "connect | open connections per client IP | [[\"at most 1 (poor), 5 to 20? (good): 421 4.7.0, closes; held \
             for 5m, 1h, forgotten after 1d\"], [\"at most 3: 421 4.7.0, closes; held for 5m, 1h, forgotten after 1d\"]]",
            "rcpt | unknown recipients | [[\"550\"], []]",
            "end-of-data | unknown recipients | [[], [\"(off) 550 (unknown-user)\"]]",
        ]
    );
    let replies = compared.replies.iter().map(|row| format!("{:?} {:?}", row.means, row.said));
    assert_eq!(
        replies.collect::<Vec<_>>(),
        ["Some(UnknownUser) [[], [\"550 no\"]]", "None [[\"421 4.7.0 later\", \"550 never\"], [\"421 4.7.0 later\"]]",]
    );
}

#[test]
fn the_schema_knows_every_part() {
    let schema = schemars::schema_for!(ProfileSpec).to_value().to_string();
    for word in [
        "open-connections",
        "token-bucket",
        "log-normal",
        "unknown-recipient",
        "tarpit",
        "ladder",
        "known-after",
        "list-quality",
    ] {
        assert!(schema.contains(word), "{word}");
    }
}

/// The number of every tier of a limit that goes by tiers.
fn tier_values(value: &LimitValue) -> Vec<TierValue> {
    match &value.amount {
        LimitAmount::Tiers(by_tier) => by_tier.clone(),
        other => panic!("no limit by tier: {other:?}"),
    }
}
