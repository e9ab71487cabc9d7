//! What an administrator can look at and undo: holds of one client, and everything at once.

use super::reputation::REPUTATION;
use super::*;

const HELD: Span = MINUTE.times(30);

/// One message an hour; a client that sends more is held at connect, with a longer step the second time.
fn strict(scope: Scope) -> Rule {
    let mut rule = limit(if scope.is_of_recipient() { Rcpt } else { Mail }, Meter::Messages, scope, HOUR, 1);
    if rule.at == Rcpt {
        limit_of(&mut rule).meter = Meter::Recipients;
    }
    let step = |span| HoldStep { span, action: rule.action };
    let ladder = vec![step(HELD), step(Span::DAY)];
    rule.hold =
        Some(Hold { ladder, after: 1, within: Span::HOUR, forget: Span::DAY.times(9), at: rule.at, renewed: false });
    rule
}

fn stage(provider: &mut Provider, minute: u64, client: ClientId) -> Option<Stage> {
    refused_at(provider, at(minute), client, ENVELOPE, &[to(0)])
}

#[test]
fn a_hold_that_is_released_is_over_and_forgotten() {
    for scope in [
        Scope::ClientIp,
        Scope::ClientNetwork,
        Scope::ClientIpAndHost,
        Scope::Account,
        Scope::ClientIpAndSenderDomain,
        Scope::ClientIpAndRecipientDomain,
    ] {
        let mut provider = lab(vec![strict(scope)]);
        assert_eq!(provider.active_holds(at(0), GOOD), []);
        assert_eq!(stage(&mut provider, 0, GOOD), None);
        assert!(stage(&mut provider, 50, GOOD).is_some(), "{scope:?}: a violation");
        assert_eq!(provider.active_holds(at(50), GOOD), [(RuleId(0), at(80))], "{scope:?}");
        assert!(stage(&mut provider, 70, GOOD).is_some(), "{scope:?}: in the next hour, but held");
        assert_eq!(provider.release_holds(at(70), GOOD), 1);
        assert_eq!(provider.active_holds(at(70), GOOD), []);
        assert_eq!(provider.release_holds(at(70), GOOD), 0, "{scope:?}: there is none any more");
        assert_eq!(provider.activity(RuleId(0), at(300)).held, MINUTE.times(20), "{scope:?}: served until released");
        assert_eq!(stage(&mut provider, 70, GOOD), None);
        assert!(stage(&mut provider, 71, GOOD).is_some());
        assert_eq!(provider.active_holds(at(71), GOOD), [(RuleId(0), at(101))], "{scope:?}: the first step again");
    }
}

#[test]
fn releasing_one_client_leaves_the_others_held() {
    let mut provider = lab(vec![strict(Scope::ClientIp), strict(Scope::SenderDomain)]);
    for client in [GOOD, BAD] {
        stage(&mut provider, 0, client);
        stage(&mut provider, 1, client);
    }
    assert_eq!(provider.release_holds(at(2), GOOD), 1);
    assert_eq!(provider.active_holds(at(2), BAD).len(), 1);
    assert_eq!(stage(&mut provider, 3, GOOD), Some(Mail), "the sender domain's hold is not the client's");
}

#[test]
fn starting_again_undoes_everything_but_time() {
    let mut policy = policy(vec![strict(Scope::ClientIp)]);
    policy.reputation = Some(REPUTATION);
    let mut provider = lab_of(policy);
    let start = provider.clone();
    let newcomer = provider.meet_client(at(0), Client { network: NetworkId(7), ..PLAIN });
    provider.meet_sender(at(0), &History::NONE);
    provider.complain(at(0), GOOD, SenderDomainId(0));
    provider.complain(at(0), newcomer, SenderDomainId(2));
    provider.apply(at(0), &PolicyChange::Limit(RuleId(0), LimitValue::by_tier(vec![TierValue::Exactly(0)])));
    assert!(stage(&mut provider, 0, GOOD).is_some());
    provider.reset_to(&start, at(1));
    let stranger = start.reputation(at(0), GOOD);
    assert_eq!(provider.reputation(at(1), GOOD), stranger);
    assert_eq!(provider.reputation(at(1), BAD), start.reputation(at(0), BAD), "as it was introduced");
    assert_eq!(provider.reputation(at(1), newcomer), stranger);
    assert_eq!(provider.active_holds(at(1), GOOD), []);
    assert_eq!(provider.activity(RuleId(0), at(1)).refused, 0);
    assert_eq!(stage(&mut provider, 1, GOOD), None);
    assert!(stage(&mut provider, 2, GOOD).is_some(), "one an hour, as at the start");
}

#[test]
fn a_connected_client_stays_and_counts_after_a_reset() {
    let open = limit(Connect, Meter::OpenConnections, Scope::ClientIp, Window::Gauge, 2);
    let transactions = limit(Mail, Meter::OpenTransactions, Scope::SenderDomain, Window::Gauge, 1);
    let mut provider = lab(vec![open, transactions]);
    let start = provider.clone();
    let first = provider.connect(at(0), GOOD).0.unwrap();
    let gone = provider.connect(at(0), GOOD).0.unwrap();
    provider.close(gone);
    assert!(provider.mail(at(0), first, ENVELOPE).accepted());
    provider.reset_to(&start, at(1));
    assert_eq!(provider.open_sessions(), 1);
    let second = provider.connect(at(1), GOOD).0.unwrap();
    assert!(provider.connect(at(1), GOOD).0.is_none(), "the first counts");
    assert!(!provider.mail(at(1), second, ENVELOPE).accepted(), "and so does its transaction");
    assert!(provider.rcpt(at(1), first, to(0)).accepted() && provider.end_of_data(at(1), first).accepted());
    assert!(provider.mail(at(2), second, ENVELOPE).accepted());
    provider.close(first);
    provider.close(second);
    let all: Vec<_> = (0..3).map(|_| provider.connect(at(3), GOOD).0.is_some()).collect();
    assert_eq!(all, [true, true, false]);
}

#[test]
fn the_days_before_a_new_start_are_no_silence() {
    let mut policy = policy(Vec::new());
    policy.reputation = Some(REPUTATION);
    let mut provider = Provider::new(policy, Seed(1).into(), Span::ZERO);
    provider.meet_client(at(0), Client { history: with_reputation(0.9), ..PLAIN });
    let start = provider.clone();
    let days = |days: u64| at(days * 24 * 60);
    assert!(provider.reputation(days(20), GOOD) < provider.reputation(days(1), GOOD), "half forgotten");
    provider.reset_to(&start, days(20));
    assert_eq!(provider.reputation(days(20), GOOD), start.reputation(at(0), GOOD));
}
