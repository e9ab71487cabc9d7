//! Recipients that are another provider's, and local parts that are long.

use super::*;

/// Whatever else is asked about recipients: what is not the provider's is neither counted nor unknown.
#[test]
fn relaying_is_refused_before_all_else_and_only_where_a_recipient_is_foreign() {
    let greedy = limit(Rcpt, Meter::Recipients, Scope::ClientIp, HOUR, 1);
    let unknown = rule(Rcpt, RuleKind::Check(Check::Mailbox(Mailbox::Unknown)));
    let relaying = rule(Rcpt, RuleKind::Check(Check::Relaying));
    let provider = &mut lab(vec![greedy, unknown, relaying]);
    let foreign = Recipient { mailbox: None, ..to(0) };
    for _ in 0..3 {
        assert_eq!(refused_at(provider, at(0), GOOD, ENVELOPE, &[foreign]), Some(Rcpt));
    }
    let refused = |provider: &Provider| [0, 1, 2].map(|rule| provider.activity(RuleId(rule), at(0)).refused);
    assert_eq!(refused(provider), [0, 0, 3]);
    assert!(delivers(provider, at(0)), "nothing was counted so far");
    assert_eq!(refused_at(provider, at(0), GOOD, ENVELOPE, &[foreign]), Some(Rcpt));
    assert_eq!(refused(provider), [0, 0, 4], "nor is the limit asked once it is reached");
    assert!(provider.policy().is_foreign("yahoo.com") && !provider.policy().is_foreign("Test.Example"));
    assert!(!provider.policy().is_foreign(""), "postmaster");
    provider.apply(at(0), &PolicyChange::Enabled(RuleId(2), false));
    assert!(!provider.policy().is_foreign("yahoo.com"));
}

/// As with haraka-plugin-limit: counted at RCPT, also where another rule refuses; looked at with the next connection.
#[test]
fn a_limit_on_attempts_that_is_asked_early_counts_what_another_rule_refuses() {
    let mut early = limit(Connect, Meter::Recipients, Scope::ClientIp, HOUR, 1);
    limit_of(&mut early).counted = Counted::Attempts;
    let relaying = rule(Rcpt, RuleKind::Check(Check::Relaying));
    let provider = &mut lab(vec![early, relaying]);
    let foreign = Recipient { mailbox: None, ..to(0) };
    assert_eq!(refused_at(provider, at(0), GOOD, ENVELOPE, &[foreign]), Some(Rcpt));
    assert_eq!(refused_at(provider, at(0), GOOD, ENVELOPE, &[foreign]), Some(Connect));
}

/// A recipient's own local part is what counts at RCPT, not the sender's.
#[test]
fn a_long_local_part_is_refused_where_it_is_named() {
    let longest = Check::LongLocalPart(LongLocalPart { longest: 64 });
    let provider = &mut lab(vec![rule(Rcpt, RuleKind::Check(longest))]);
    let verp = Envelope { sender_local_part: LocalPartLength::Octets(66), ..ENVELOPE };
    let long = Recipient { local_octets: 65, ..to(0) };
    assert_eq!(refused_at(provider, at(0), GOOD, verp, &[to(0)]), None);
    assert_eq!(refused_at(provider, at(0), GOOD, ENVELOPE, &[long]), Some(Rcpt));
}
