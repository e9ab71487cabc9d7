//! Clients that talk before they are greeted.

use super::*;

#[test]
fn who_talks_before_the_greeting_is_refused_and_who_waits_is_greeted_late() {
    let ladder = vec![HoldStep { span: Span::HOUR, action: RuleAction::Drop }];
    let hold = Hold { ladder, after: 1, within: Span::HOUR, forget: Span::DAY, at: Connect, renewed: false };
    let pit = Rule {
        action: RuleAction::Tarpit(Span::from_secs(1)),
        ..rule(Connect, RuleKind::Check(Check::EarlyTalker(EarlyTalker { pause: Span::from_secs(9) })))
    };
    let strict = Rule {
        hold: Some(hold),
        ..rule(Connect, RuleKind::Check(Check::EarlyTalker(EarlyTalker { pause: Span::from_secs(6) })))
    };
    let mut off = rule(Connect, RuleKind::Check(Check::EarlyTalker(EarlyTalker { pause: MINUTE })));
    off.enabled = false;
    let open = limit(Connect, Meter::OpenConnections, Scope::ClientIp, Window::Gauge, 1);
    let mut provider = lab(vec![open, off, pit, strict]);
    let (session, verdict) = provider.connect(at(0), GOOD);
    assert_eq!(verdict.tarpit, Span::from_secs(9), "as long as the rule that waits longest");
    assert_eq!(talk(&mut provider, at(0), session.unwrap(), ENVELOPE, &[to(0)]), None, "who waits is greeted");
    provider.close(session.unwrap());

    let session = provider.connect(at(1), GOOD).0.unwrap();
    assert_eq!(provider.open_sessions(), 1, "who waits for a greeting is connected");
    let verdict = provider.talks_early(at(1), session);
    let action = RuleAction::Reply { reply: ReplyId(1), close: false };
    assert_eq!(verdict.decision, Decision::Refuse(Refusal { rule: RuleId(3), action }));
    assert_eq!(verdict.tarpit, Span::from_secs(1), "the rule before it only takes its time");
    assert_eq!(provider.open_sessions(), 0);
    let refused: Vec<u64> = (0..4).map(|rule| provider.activity(RuleId(rule), at(1)).refused).collect();
    assert_eq!(refused, [0, 0, 1, 1]);
    assert_eq!(refused_at(&mut provider, at(2), GOOD, ENVELOPE, &[to(0)]), Some(Connect), "held, as by any rule");
    assert_eq!(refused_at(&mut provider, at(90), GOOD, ENVELOPE, &[to(0)]), None);
}
