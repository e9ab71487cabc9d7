//! What a client does between the stages: nothing for long, commands that do nothing, a login that fails; and sessions
//! that last too long.

use super::*;

/// A rule of which one violation holds a client for an hour, from its next connection on.
fn with_hold(rule: Rule) -> Rule {
    let ladder = vec![HoldStep { span: Span::HOUR, action: RuleAction::Drop }];
    let hold = Hold { ladder, after: 1, within: Span::HOUR, forget: Span::DAY, at: Connect, renewed: false };
    Rule { hold: Some(hold), ..rule }
}

fn idle(seconds: u64) -> Rule {
    rule(Ehlo, RuleKind::Check(Check::Idle(IdleLimit { longest: Span::from_secs(seconds) })))
}

#[test]
fn the_strictest_limit_on_silence_ends_a_session() {
    let mut off = idle(1);
    off.enabled = false;
    let mut provider = lab(vec![idle(300), off, with_hold(idle(30))]);
    assert_eq!(provider.idle_limit(), Some(Span::from_secs(30)));
    let session = provider.connect(at(0), GOOD).0.unwrap();
    assert_eq!(talk(&mut provider, at(0), session, ENVELOPE, &[to(0)]), None, "no command is refused for it");
    let verdict = provider.idle_expired(at(1), session);
    let action = RuleAction::Reply { reply: ReplyId(1), close: false };
    assert_eq!(verdict.decision, Decision::Refuse(Refusal { rule: RuleId(2), action }));
    provider.close(session);
    assert_eq!(refused_at(&mut provider, at(2), GOOD, ENVELOPE, &[to(0)]), Some(Connect), "held, as by any rule");
    assert_eq!(refused_at(&mut provider, at(90), GOOD, ENVELOPE, &[to(0)]), None);
}

#[test]
fn without_a_limit_on_silence_there_is_none() {
    let mut provider = lab(Vec::new());
    assert_eq!(provider.idle_limit(), None);
    let session = provider.connect(at(0), GOOD).0.unwrap();
    assert!(provider.idle_expired(at(60), session).accepted());
}

#[test]
fn a_session_that_is_too_old_takes_no_more_messages() {
    let oldest = RuleKind::Check(Check::SessionAge(SessionAge { oldest: MINUTE.times(10) }));
    let mut provider = lab(vec![rule(Mail, oldest)]);
    let session = provider.connect(at(0), GOOD).0.unwrap();
    assert_eq!(talk(&mut provider, at(0), session, ENVELOPE, &[to(0)]), None);
    assert_eq!(send(&mut provider, at(10), session, ENVELOPE, &[to(0)]), None);
    assert_eq!(send(&mut provider, at(11), session, ENVELOPE, &[to(0)]), Some(Mail));
    let message =
        ProposedMessage { envelope: ENVELOPE, domain: DomainId(0), recipients: 1, until_end_of_data: Span::ZERO };
    assert_eq!(provider.may_send(at(11), session, &message), Forecast::NewSession);
    provider.close(session);
    assert_eq!(refused_at(&mut provider, at(12), GOOD, ENVELOPE, &[to(0)]), None, "a new one is young");
}

#[test]
fn commands_that_do_nothing_are_counted_in_the_session_or_since_mail() {
    for (window, refused) in [(Window::Session, [false, false, true]), (Window::Message, [false, false, false])] {
        let mut provider = lab(vec![limit(Ehlo, Meter::IdleCommands, Scope::Session, window, 2)]);
        let session = provider.connect(at(0), GOOD).0.unwrap();
        let mut idle = || !provider.idle_command(at(0), session).accepted();
        let before = [idle(), idle()];
        assert_eq!(talk(&mut provider, at(0), session, ENVELOPE, &[to(0)]), None, "nothing else is counted");
        assert_eq!([before[0], before[1], !provider.idle_command(at(0), session).accepted()], refused, "{window:?}");
        provider.close(session);
        let next = provider.connect(at(0), GOOD).0.unwrap();
        assert!(provider.idle_command(at(0), next).accepted(), "a new session begins at zero");
    }
}

#[test]
fn logins_that_fail_are_counted_over_time_and_hold() {
    let rules = vec![with_hold(limit(Ehlo, Meter::AuthFailures, Scope::ClientIp, HOUR, 2))];
    let mut provider = lab(rules);
    for n in 0..3 {
        assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[to(0)]), None);
        let session = provider.connect(at(0), GOOD).0.unwrap();
        assert_eq!(provider.auth_failed(at(0), session).accepted(), n < 2);
        provider.close(session);
    }
    assert_eq!(refused_at(&mut provider, at(1), GOOD, ENVELOPE, &[to(0)]), Some(Connect));
    assert_eq!(refused_at(&mut provider, at(1), BAD, ENVELOPE, &[to(0)]), None, "nobody else is");
}

#[test]
fn a_message_is_measured_again_when_it_is_there() {
    let mut provider = lab(vec![rule(Mail, RuleKind::Check(Check::Size(SizeLimit { largest: Bytes(1_999) })))]);
    let session = provider.connect(at(0), GOOD).0.unwrap();
    for (bytes, fits) in [(1_999, true), (2_000, false)] {
        assert!(provider.mail(at(0), session, Envelope { size: 0, ..ENVELOPE }).accepted(), "it did not say");
        assert!(provider.rcpt(at(0), session, to(0)).accepted());
        provider.set_message_size(session, bytes);
        assert_eq!(provider.end_of_data(at(0), session).accepted(), fits, "{bytes}");
    }
}
