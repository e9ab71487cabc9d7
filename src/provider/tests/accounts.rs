//! Counters of accounts, which clients log in to.

use super::*;

const SHOP: AccountId = AccountId(0);
const NEWS: AccountId = AccountId(1);

/// Where a message is refused that a client sends by an account; `None` where it is delivered.
fn refused_by(provider: &mut Provider, client: ClientId, account: Option<AccountId>) -> Option<Stage> {
    let session = provider.connect(at(0), client).0.unwrap();
    if let Some(account) = account {
        provider.log_in(session, account);
    }
    let refused = talk(provider, at(0), session, ENVELOPE, &[to(0)]);
    provider.close(session);
    refused
}

#[test]
fn an_account_is_counted_whatever_the_client() {
    let mut provider = lab(vec![limit(Mail, Meter::Messages, Scope::Account, HOUR, 2)]);
    assert_eq!(refused_by(&mut provider, GOOD, Some(SHOP)), None);
    assert_eq!(refused_by(&mut provider, BAD, Some(SHOP)), None, "from another address");
    assert_eq!(refused_by(&mut provider, GOOD, Some(SHOP)), Some(Mail));
    assert_eq!(refused_by(&mut provider, GOOD, Some(NEWS)), None, "another account has its own counter");
}

/// Account number 0 is not client number 0.
#[test]
fn who_has_not_logged_in_is_an_account_of_its_own() {
    let mut provider = lab(vec![limit(Mail, Meter::Messages, Scope::Account, HOUR, 1)]);
    assert_eq!(refused_by(&mut provider, GOOD, Some(SHOP)), None);
    assert_eq!(refused_by(&mut provider, GOOD, None), None);
    assert_eq!(refused_by(&mut provider, BAD, None), None);
    assert_eq!(refused_by(&mut provider, GOOD, None), Some(Mail));
}

#[test]
fn a_session_number_that_is_used_again_is_logged_in_to_nothing() {
    let mut provider = lab(vec![limit(Mail, Meter::OpenConnections, Scope::Account, Window::Gauge, 1)]);
    let first = provider.connect(at(0), GOOD).0.unwrap();
    provider.log_in(first, SHOP);
    assert_eq!(talk(&mut provider, at(0), first, ENVELOPE, &[to(0)]), None);
    provider.close(first);
    let again = provider.connect(at(0), GOOD).0.unwrap();
    assert_eq!((again, talk(&mut provider, at(0), again, ENVELOPE, &[to(0)])), (first, None));
    assert_eq!(refused_by(&mut provider, BAD, Some(SHOP)), None, "its place is free");
    assert_eq!(refused_by(&mut provider, GOOD, None), Some(Mail), "and that of the client is taken");
}

/// Accounts have no hold before anybody can have logged in.
#[test]
fn a_held_account_is_refused_from_wherever_it_comes() {
    let mut held = limit(Mail, Meter::Messages, Scope::Account, HOUR, 1);
    let step = HoldStep { span: MINUTE.times(5), action: held.action };
    held.hold =
        Some(Hold { ladder: vec![step], after: 1, within: Span::DAY, forget: Span::DAY, at: Mail, renewed: false });
    let mut provider = lab(vec![held]);
    for refused in [None, Some(Mail)] {
        assert_eq!(refused_by(&mut provider, GOOD, Some(SHOP)), refused);
    }
    assert_eq!(provider.active_holds(at(1), GOOD), [], "an account may be anybody's");
    assert_eq!(refused_by(&mut provider, BAD, Some(SHOP)), Some(Mail));
    assert_eq!(refused_by(&mut provider, GOOD, Some(NEWS)), None);
}
