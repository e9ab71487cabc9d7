//! Senders whose domain has no DNS records.

use super::*;

#[test]
fn a_sender_without_dns_is_refused_where_it_is_named() {
    let provider = &mut lab(vec![rule(Mail, RuleKind::Check(Check::NoSenderDns))]);
    let lost = Envelope { dns: false, ..ENVELOPE };
    assert_eq!(refused_at(provider, at(0), GOOD, lost, &[to(0)]), Some(Mail));
    assert_eq!(refused_at(provider, at(0), GOOD, ENVELOPE, &[to(0)]), None);
}
