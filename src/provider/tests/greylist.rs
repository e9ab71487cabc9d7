//! Greylists: who has to come back, and when.

use super::*;

#[test]
fn a_greylist_lets_pass_who_comes_back_in_time() {
    let mut provider = lab(vec![greylist_of(GreylistOf::Triplet)]);
    let day = 24 * 60;
    let mut stage = |minute, id| refused_at(&mut provider, at(minute), GOOD, ENVELOPE, &[to(id)]);
    let early = [0, 4, 5, 6].map(|minute| stage(minute, 1));
    assert_eq!(early, [Some(Rcpt), Some(Rcpt), None, None], "five minutes after the first attempt");
    let late = [0, 61, 65, 66].map(|minute| stage(minute, 2));
    assert_eq!(late, [Some(Rcpt), Some(Rcpt), Some(Rcpt), None], "too late is new");
    assert_eq!([day, 2 * day + 1].map(|minute| stage(minute, 1)), [None, Some(Rcpt)], "forgotten after a day");
    assert_eq!(refused_at(&mut provider, at(6), BAD, ENVELOPE, &[to(1)]), Some(Rcpt), "another client is new");
}

fn greylist_of(of: GreylistOf) -> Rule {
    let greylist = Greylist { delay: MINUTE.times(5), retry_within: Span::HOUR, remember: Span::DAY, of };
    rule(Rcpt, RuleKind::Check(Check::Greylist(greylist)))
}

/// `GOOD` and `BAD` are of one network.
#[test]
fn a_greylist_may_look_at_networks_or_at_clients_alone() {
    let passes_later = |of, client, id| {
        let mut provider = lab(vec![greylist_of(of)]);
        assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[to(1)]), Some(Rcpt), "{of:?}");
        refused_at(&mut provider, at(6), client, ENVELOPE, &[to(id)]).is_none()
    };
    let of = |of| [(GOOD, 1), (BAD, 1), (GOOD, 2)].map(|(client, id)| passes_later(of, client, id));
    assert_eq!(of(GreylistOf::Triplet), [true, false, false]);
    assert_eq!(of(GreylistOf::NetworkTriplet), [true, true, false]);
    assert_eq!(of(GreylistOf::ClientIp), [true, false, true]);
}
