//! What moves reputation, and what does not.

use super::*;
use crate::provider::reputation::tests::MODEL;

/// The model that is held against the facts, for tests of a few messages: little mail is believed, and little is
/// allowed.
pub(crate) const REPUTATION: ReputationModel = ReputationModel {
    stranger: Fraction::clamped(0.4),
    believed_at: 10.0,
    allowance: AllowanceModel {
        stranger: DailyVolume::known(5.0),
        most: DailyVolume::known(1_000_000.0),
        ..MODEL.allowance
    },
    ..MODEL
};

#[test]
fn unknown_recipients_complaints_and_traps_cost_reputation_and_limits_do_not() {
    let after = |mailbox: Mailbox, complains: bool, many: u64| {
        let mut policy = policy(vec![limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 20)]);
        policy.reputation = Some(REPUTATION);
        let mut provider = Provider::new(policy, Seed(1).into(), Span::ZERO);
        provider.meet_client(at(0), Client { history: with_reputation(0.8), ..PLAIN });
        provider.meet_sender(at(0), &with_reputation(0.8));
        for n in 0..many {
            refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[if n == 0 { with_mailbox(mailbox) } else { to(n) }]);
        }
        if complains {
            provider.complain(at(0), GOOD, SenderDomainId(0));
        }
        let score = provider.reputation(at(60), GOOD);
        assert_eq!(provider.sender_reputation(at(60), SenderDomainId(0)), Some(score));
        score
    };
    let clean = after(Mailbox::Exists, false, 20);
    assert!(after(Mailbox::Trap, false, 20) < clean);
    assert!(after(Mailbox::Unknown, false, 20) < clean, "a provider that accepts everybody still notices");
    assert!(after(Mailbox::Exists, true, 20) < clean);
    assert_eq!(after(Mailbox::Exists, false, 200), clean, "what is refused by a limit is no evidence");
}

#[test]
fn only_a_look_at_the_mailbox_makes_a_recipient_known_to_be_unknown() {
    let blind = rule(Rcpt, RuleKind::Check(Check::Always));
    let look = rule(Rcpt, RuleKind::Check(Check::Mailbox(Mailbox::Unknown)));
    for (rules, is_known) in [(vec![blind, look.clone()], false), (vec![look], true)] {
        let mut policy = policy(rules);
        policy.reputation = Some(REPUTATION);
        let mut provider = lab_of(policy);
        let before = provider.reputation(at(60), GOOD);
        let stage = refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[with_mailbox(Mailbox::Unknown)]);
        assert_eq!(stage, Some(Rcpt));
        assert_eq!(provider.reputation(at(60), GOOD) < before, is_known);
    }
}
