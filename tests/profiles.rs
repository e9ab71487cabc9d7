//! The built-in profiles against the facts: real reply texts, a source for every number, and limits that make sense.

use mxlab::provider::profile::{NAMES, audit, built_in, describe, parse};
use mxlab::provider::{Hold, Limit, LimitAmount, LimitValue, Policy, RuleAction, RuleKind, TierValue};
use mxlab::smtp::Reply;

#[test]
fn every_built_in_profile_can_be_read() {
    for name in NAMES {
        let policy = policy(name);
        assert_eq!(&policy.name, name);
        assert!(!policy.title.is_empty(), "{name}");
    }
    assert!(built_in("no-such-profile").is_none());
}

#[test]
fn every_reply_is_one_that_a_real_server_gave() {
    let facts: Vec<Vec<&str>> =
        FACTS.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t').collect()).collect();
    let is_fact = |name: &str, reply: &Reply| {
        let enhanced = reply.enhanced.map(|e| e.to_string()).unwrap_or_default();
        let row = [name, &reply.code.to_string(), &enhanced, &reply.text.replace('\n', " ")];
        facts.iter().any(|fact| fact[..4] == row)
    };
    for name in NAMES.iter().filter(|name| **name != "open") {
        for reply in &policy(name).replies {
            let generic = match *name {
                "charter" => ["<{rcpt}> User unknown", "Relaying mail to {rcpt_domain} is not allowed"]
                    .contains(&reply.text.as_str()),
                // Of a daily limit that is published no log is known.
                "exchange-tenant" => reply.enhanced.is_some_and(|enhanced| enhanced.to_string() == "5.1.90"),
                "charter-2010" => reply.text == "<{rcpt}> User unknown",
                "bt" | "cox" | "free" | "t-online" => {
                    ["<{rcpt}> User unknown", "<{rcpt}>: Relaying denied"].contains(&reply.text.as_str())
                }
                "orange" => ["Too many recipients", "<{rcpt}>: Relaying denied"].contains(&reply.text.as_str()),
                "att" | "barracuda" | "comcast" | "gmail" | "gmx" | "godaddy" | "google-workspace" | "laposte"
                | "microsoft" | "qq" | "rackspace" | "sfr" | "yahoo-japan" => reply.text == "<{rcpt}>: Relaying denied",
                _ => false,
            };
            assert!(generic || is_fact(name, reply), "{name}: nobody has seen: {reply}");
        }
    }
}

#[test]
fn every_fact_is_used() {
    for fact in FACTS.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = fact.split('\t').collect();
        let said = |reply: &Reply| reply.text.replace('\n', " ") == columns[3] && reply.code.to_string() == columns[1];
        assert!(policy(columns[0]).replies.iter().any(said), "{fact}");
    }
}

#[test]
fn every_reply_of_a_profile_is_given_by_some_rule() {
    for name in NAMES {
        let policy = policy(name);
        let mut given: Vec<usize> = policy
            .rules
            .iter()
            .flat_map(|rule| {
                let held = rule.hold.iter().flat_map(|hold: &Hold| hold.ladder.iter().map(|step| step.action));
                std::iter::once(rule.action).chain(held)
            })
            .filter_map(|answer| match answer {
                RuleAction::Reply { reply, .. } => Some(reply.index()),
                _ => None,
            })
            .collect();
        given.sort_unstable();
        given.dedup();
        assert_eq!(given, (0..policy.replies.len()).collect::<Vec<_>>(), "{name}");
    }
}

/// A reader who does not know the provider learns from its replies what to do.
#[test]
fn every_reply_says_what_it_means() {
    for name in NAMES {
        let policy = policy(name);
        for (reply, note) in policy.replies.iter().zip(&policy.notes) {
            let means = note.means.unwrap_or_else(|| panic!("{name}: what does this mean: {reply}"));
            let own = note.own_advice.as_deref();
            assert!(own.is_none_or(|own| own != means.advice()), "{name}: {reply}: the meaning advises this anyway");
            assert!(note.advice().is_some_and(|advice| !advice.ends_with('.')), "{name}: {reply}");
        }
    }
}

#[test]
fn every_rule_says_where_it_comes_from() {
    for name in NAMES {
        for rule in policy(name).rules {
            assert!(!rule.attribution.source.is_empty(), "{name}: {}", rule.name);
        }
    }
}

/// A range is what was not published; so the words must not say that its number was.
#[test]
fn no_range_passes_for_published() {
    for name in NAMES {
        let text = describe(&built_in(name).unwrap()).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.contains("unknown: ") {
                let sources = lines.next().unwrap();
                assert!(
                    sources.contains("[the limit: assumed") || sources.contains("[the limit: reported"),
                    "{name}: {line}\n{sources}"
                );
            }
        }
    }
}

/// A range is what is not known outside the provider, so an audit lists each.
#[test]
fn every_range_is_audited() {
    for name in NAMES {
        let audit = audit(&built_in(name).unwrap()).unwrap();
        let unpublished: Vec<&str> = audit.unpublished().map(|number| number.key.as_str()).collect();
        for rule in policy(name).rules {
            let key = format!("rule.{}.limit", rule.name);
            if matches!(&rule.kind, RuleKind::Limit(limit) if limit.value.is_unknown()) {
                assert!(unpublished.contains(&key.as_str()), "{name}: {key}");
            }
        }
    }
}

#[test]
fn a_better_tier_never_gets_less() {
    for name in NAMES {
        for rule in policy(name).rules {
            let RuleKind::Limit(Limit { value: LimitValue { amount: LimitAmount::Tiers(by_tier), .. }, .. }) =
                rule.kind
            else {
                continue;
            };
            let bounds = by_tier.iter().map(|amount| match *amount {
                TierValue::Exactly(n) => (n, n),
                TierValue::Unknown { low, high } => (low, high),
                TierValue::Unlimited => (u32::MAX, u32::MAX),
            });
            let bounds: Vec<(u32, u32)> = bounds.collect();
            assert!(bounds.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "{name}: {}: {bounds:?}", rule.name);
        }
    }
}

/// Where each provider refuses and whether it closes, as the facts say: senders stumble over both.
#[test]
fn providers_close_and_refuse_where_the_facts_say() {
    let closes = |name: &str, rule: &str| {
        let policy = policy(name);
        let rule = policy.rules.iter().find(|r| r.name == rule).unwrap();
        match rule.action {
            RuleAction::Reply { reply, close } => (rule.at.name(), policy.replies[reply.index()].code.get(), close),
            _ => panic!("{} gives no reply", rule.name),
        }
    };
    assert_eq!(closes("charter", "connections"), ("connect", 421, true));
    assert_eq!(closes("yahoo", "volume"), ("mail", 421, true));
    assert_eq!(closes("yahoo", "messages-per-connection"), ("mail", 421, true));
    assert_eq!(closes("yahoo", "unknown-recipient"), ("end-of-data", 554, false));
    assert_eq!(closes("microsoft", "connections"), ("mail", 451, false));
    assert_eq!(closes("microsoft", "recipient-rate"), ("rcpt", 451, false));
    assert_eq!(closes("gmail", "rate"), ("end-of-data", 421, true));
    assert_eq!(closes("gmail", "no-ptr"), ("end-of-data", 550, false));
    assert_eq!(closes("gmail", "unknown-recipient"), ("rcpt", 550, false));
    assert_eq!(closes("exchange-online", "changed-pattern"), ("end-of-data", 451, false));
    assert_eq!(closes("exchange-online", "banned"), ("rcpt", 550, false));
    assert_eq!(closes("comcast", "connections"), ("connect", 421, true));
    assert_eq!(closes("gmx", "message-rate").0, "connect");
    assert_eq!(closes("free", "connections"), ("connect", 421, true));
    assert_eq!(closes("cox", "connections"), ("connect", 421, true));
    assert_eq!(closes("cox", "temporary-block").0, "mail");
    assert_eq!(closes("google-workspace", "mailbox-per-hour"), ("rcpt", 450, false));
    assert_eq!(closes("orange", "connections"), ("connect", 421, true));
    assert_eq!(closes("laposte", "no-ptr"), ("connect", 421, true));
    assert_eq!(closes("t-online", "unknown-ip"), ("connect", 554, true));
    assert_eq!(closes("qq", "per-hour"), ("end-of-data", 550, false));
    assert_eq!(closes("att", "no-ptr"), ("mail", 550, false));
    assert_eq!(closes("rspamd", "spam"), ("end-of-data", 554, false));
}

/// Charter's time-outs look permanent and are not: 5 minutes, an hour, a day.
#[test]
fn charter_holds_with_a_550_at_mail() {
    let policy = policy("charter");
    let hold = policy.rules.iter().find_map(|rule| rule.hold.as_ref()).unwrap();
    assert_eq!(hold.at.name(), "mail");
    let steps: Vec<String> = hold
        .ladder
        .iter()
        .map(|step| match step.action {
            RuleAction::Reply { reply, close } => {
                let reply = &policy.replies[reply.index()];
                format!("{} {} {}", step.span, &reply.to_string()[..9], if close { "closes" } else { "stays" })
            }
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(steps, ["5m 550 5.1.0 stays", "1h 550 5.1.0 stays", "1d 550 5.1.0 stays"]);
}

#[test]
fn a_profile_reads_as_sentences() {
    insta::assert_snapshot!(describe(&built_in("yahoo").unwrap()).unwrap());
}

fn policy(name: &str) -> Policy {
    parse(&built_in(name).expect("a built-in name")).unwrap_or_else(|found| panic!("{found:?}"))
}

const FACTS: &str = include_str!("facts/replies.tsv");
