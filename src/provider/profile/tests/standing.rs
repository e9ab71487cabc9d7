//! Reputation, allowance and placement as profiles write them, and what is said where they make no sense.

use super::{RIGHT, document};
use crate::provider::profile::parse;
use crate::provider::{DailyVolume, LimitAmount, RuleKind};

const REPUTATION: &str = r#"
[reputation]
stranger = 0.4
complaints = 0.003
unknown-recipients = 0.05
spam-traps = 0.0005
unauthenticated = 0.05
spam = 0.05
believed-at = 300
evidence = "12h"
worsens = "24h"
improves = "12d"
known-after = "3d"
forgets = "7d"

[allowance]
stranger = { unknown = [100, 200] }
most = 10000
growth = 2.0
memory = "10d"

[placement]
most = 0.9
half-at = 0.7
slope = 0.1

[rule.rate]
at = "mail"
per = "client-ip"
count = "messages"
window = { fixed = "1h" }
limit = { allowance = 0.2, at-least = 5, at-most = { unknown = [50, 90] } }
wobble = { spread = 0.2, period = "5h" }
answer = { reply = "later" }

[rule.curve]
at = "mail"
per = "client-ip"
count = "refusals"
window = { average = "1h" }
limit = { score = [[0.2, 5], [0.8, 50]] }
answer = { reply = "later" }
"#;

fn said(from: &str, to: &str) -> String {
    let text = format!("{RIGHT}{REPUTATION}");
    assert!(text.contains(from), "{from}");
    let found = parse(&document(&text.replacen(from, to, 1))).expect_err(to);
    let one = |found: &crate::diagnostic::Diagnostic| {
        let (line, _) = found.line_and_column();
        format!("{line}: {} | {}", found.message(), found.suggestion().unwrap_or_default())
    };
    found.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[test]
fn all_of_it_can_be_read() {
    let policy = parse(&document(&format!("{RIGHT}{REPUTATION}"))).unwrap();
    let model = policy.reputation.unwrap();
    assert_eq!(model.allowance.stranger, DailyVolume { low: 100.0, high: 200.0 });
    let amounts = policy.rules.iter().filter_map(|rule| match &rule.kind {
        RuleKind::Limit(limit) => Some(&limit.value.amount),
        RuleKind::Check(_) => None,
    });
    let kinds: Vec<bool> = amounts.map(|amount| matches!(amount, LimitAmount::Tiers(_))).collect();
    assert_eq!(kinds, [true, false, false]);
    assert!(policy.placement.is_some());
}

#[test]
fn what_makes_no_sense_is_said_where_it_stands() {
    for (from, to, expected) in [
        ("complaints = 0.003", "complaints = 0.0", "a rate of 0 is never kept to"),
        ("stranger = 0.4", "stranger = 0.0", "who starts at 0 can never send"),
        ("evidence = \"12h\"", "evidence = \"0s\"", "no time at all makes no sense here"),
        ("improves = \"12d\"", "improves = \"0s\"", "no time at all makes no sense here"),
        ("believed-at = 300", "believed-at = 0", "0 makes no sense here"),
        ("growth = 2.0", "growth = 0.5", "a growth of 0.5 makes no sense"),
        ("{ unknown = [100, 200] }", "0", "an allowance of 0 never lets anything in"),
        ("most = 10000", "most = 50", "the best name may send less than a stranger"),
        ("memory = \"10d\"", "memory = \"0s\"", "no time at all makes no sense here"),
        ("slope = 0.1", "slope = 0.0", "0 makes no sense here"),
        ("allowance = 0.2,", "allowance = 0.0,", "0 makes no sense here"),
        ("at-least = 5", "at-least = 500", "at most is less than at least"),
        ("at-least = 5", "at-least = \"none\"", "at least without end is no limit"),
        ("at-least = 5", "at-leats = 5", "at-leats"),
        ("spread = 0.2", "spread = 2.0", "2 makes no sense here"),
        ("period = \"5h\"", "period = \"0s\"", "no time at all makes no sense here"),
        ("[[0.2, 5], [0.8, 50]]", "[]", "a curve has at least one point"),
        ("[[0.2, 5], [0.8, 50]]", "[[0.8, 5], [0.2, 50]]", "points out of order"),
        ("[[0.2, 5], [0.8, 50]]", "[[0.2, 50], [0.8, 5]]", "a better score gets less here"),
        ("[[0.2, 5], [0.8, 50]]", "[[1.2, 5]]", "1.2 is not a score"),
        ("believed-at = 300", "believed-at = 300\ngain = 0.1", "the score follows the rates in time"),
        ("believed-at = 300", "believed-at = 300\nsurge = 0.1", "volume costs no reputation"),
        ("memory = \"10d\"", "memory = \"10d\"\nvolume-floor = 5", "unknown field `volume-floor`"),
        ("hold = {", "cost = 0.1\nhold = {", "a refusal costs no reputation"),
        ("hold = { ladder = [\"5min\", \"1h\"]", "hold = { ladder = []", "a ladder has 1 to"),
    ] {
        let said = said(from, to);
        assert!(said.contains(expected), "{to}: {said}");
    }
    let alone =
        format!("{RIGHT}{}", REPUTATION.split("[allowance]").nth(1).map(|rest| format!("[allowance]{rest}")).unwrap());
    let found = parse(&document(&alone)).expect_err("an allowance without a reputation");
    assert!(found.iter().any(|one| one.message().contains("an allowance needs a reputation")), "{found:?}");
}
