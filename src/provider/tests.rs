//! The engine, stage by stage: what each kind of rule refuses, where, and what it counts.

mod accounts;
mod administration;
mod between_stages;
mod early_talker;
mod greylist;
mod hosts;
mod recipients;
pub(crate) mod reputation;
mod sender_dns;

use super::*;
use crate::dist::Dist;
use crate::rng::Seed;
use crate::smtp::Stage::{Connect, Data, Ehlo, EndOfData, Mail, Rcpt};
use crate::smtp::{Reply, Stage};
use crate::time::{Span, Time};
use crate::units::*;

/// A policy with these rules and nothing else.
pub(crate) fn policy(rules: Vec<Rule>) -> Policy {
    let reply = |code: u16| Reply { code: code.try_into().unwrap(), enhanced: None, text: "no".to_owned() };
    Policy {
        name: "test".to_owned(),
        title: "Test".to_owned(),
        domains: ServedDomains::new(["test.example"]),
        mx: vec!["mx.test.example".to_owned()],
        hosts: 1,
        replies: vec![reply(421), reply(450), reply(550)],
        notes: vec![ReplyNote::default(); 3],
        tiers: vec![Tier { name: "all".to_owned(), from: Fraction::NONE }],
        reputation: None,
        placement: None,
        listener: None,
        service: ServiceTimes { per_message: Dist::Constant(Span::ZERO), per_recipient: Dist::Constant(Span::ZERO) },
        rules,
    }
}

const HOUR: Window = Window::Fixed { length: Span::HOUR, aligned: Aligned::Clock, offset: Span::ZERO };
const MINUTE: Span = Span::from_secs(60);

fn rule(at: Stage, kind: RuleKind) -> Rule {
    Rule {
        name: "rule".to_owned(),
        at,
        kind,
        action: RuleAction::Reply { reply: ReplyId(1), close: false },
        hold: None,
        enabled: true,
        attribution: Attribution::default(),
    }
}

fn limit(at: Stage, meter: Meter, scope: Scope, window: Window, most: u32) -> Rule {
    let value = LimitValue::by_tier(vec![TierValue::Exactly(most)]);
    let counted = Counted::Acceptances;
    rule(at, RuleKind::Limit(Limit { meter, scope, window, counted, value, reputation_of: ReputationOf::ClientIp }))
}

fn limit_of(rule: &mut Rule) -> &mut Limit {
    match &mut rule.kind {
        RuleKind::Limit(limit) => limit,
        RuleKind::Check(_) => panic!("the rule is a check"),
    }
}

const PLAIN: Client = Client { network: NetworkId(0), listed: false, ptr: true, history: History::NONE };
const ENVELOPE: Envelope = Envelope {
    sender_domain: SenderDomainId(0),
    sender_local_part: LocalPartLength::Octets(4),
    size: 1_000,
    dns: true,
    spf: true,
    dkim: true,
    dmarc: true,
    spam: false,
};

fn to(id: u64) -> Recipient {
    Recipient { id, domain: DomainId(0), mailbox: Some(Mailbox::Exists), local_octets: 3, engaged: None }
}

fn with_mailbox(mailbox: Mailbox) -> Recipient {
    Recipient { mailbox: Some(mailbox), ..to(0) }
}

fn with_reputation(score: f64) -> History {
    History { reputation: Some(Fraction::clamped(score)), ..History::NONE }
}

fn at(minutes: u64) -> Time {
    Time::ZERO + MINUTE.times(minutes)
}

/// A provider with these rules and two clients: an ordinary one, and one that has everything against it.
fn lab(rules: Vec<Rule>) -> Provider {
    lab_of(policy(rules))
}

fn lab_of(policy: Policy) -> Provider {
    let mut provider = Provider::new(policy, Seed(1).into(), Span::ZERO);
    provider.meet_client(at(0), PLAIN);
    provider.meet_client(at(0), Client { listed: true, ptr: false, history: with_reputation(0.0), ..PLAIN });
    provider.meet_sender(at(0), &History::NONE);
    provider.meet_sender(at(0), &History::NONE);
    provider
}

const GOOD: ClientId = ClientId(0);
const BAD: ClientId = ClientId(1);

/// Where a whole session with one message is refused first; `None` where it is delivered. The session is closed.
fn refused_at(
    provider: &mut Provider,
    now: Time,
    client: ClientId,
    envelope: Envelope,
    who: &[Recipient],
) -> Option<Stage> {
    let (Some(session), _) = provider.connect(now, client) else { return Some(Connect) };
    let stage = talk(provider, now, session, envelope, who);
    provider.close(session);
    stage
}

/// EHLO and one message on a session.
fn talk(
    provider: &mut Provider,
    now: Time,
    session: SessionId,
    envelope: Envelope,
    who: &[Recipient],
) -> Option<Stage> {
    if !provider.ehlo(now, session).accepted() {
        return Some(Ehlo);
    }
    send(provider, now, session, envelope, who)
}

/// One message on a session; recipients that are refused are left out.
fn send(
    provider: &mut Provider,
    now: Time,
    session: SessionId,
    envelope: Envelope,
    who: &[Recipient],
) -> Option<Stage> {
    if !provider.mail(now, session, envelope).accepted() {
        return Some(Mail);
    }
    let accepted = who.iter().filter(|who| provider.rcpt(now, session, **who).accepted()).count();
    let stage = if accepted == 0 {
        Some(Rcpt)
    } else if !provider.data(now, session).accepted() {
        Some(Data)
    } else if !provider.end_of_data(now, session).accepted() {
        Some(EndOfData)
    } else {
        None
    };
    provider.abort(session);
    stage
}

fn delivers(provider: &mut Provider, now: Time) -> bool {
    refused_at(provider, now, GOOD, ENVELOPE, &[to(0)]).is_none()
}

/// Every question at every stage at which it can be asked: the guilty are refused there, the innocent pass.
#[test]
fn every_check_refuses_at_its_stage_and_only_whom_it_should() {
    let spam = Envelope { spam: true, ..ENVELOPE };
    let large = Envelope { size: 2_000, ..ENVELOPE };
    let forged = Envelope { spf: false, dkim: false, dmarc: false, ..ENVELOPE };
    let low = RuleKind::Check(Check::Reputation(LowReputation {
        below: Fraction::clamped(0.5),
        of: ReputationOf::ClientIp,
        refuse: Fraction::ALL,
    }));
    let verp = Envelope { sender_local_part: LocalPartLength::Octets(66), ..ENVELOPE };
    let outage = RuleKind::Check(Check::Outage(Outage { from: at(0), until: at(1) }));
    let everywhere = [Connect, Ehlo, Mail, Rcpt, Data, EndOfData];
    let cases: [(RuleKind, &[Stage], ClientId, Envelope, Mailbox); 13] = [
        (RuleKind::Check(Check::BlockList), &everywhere, BAD, ENVELOPE, Mailbox::Exists),
        (RuleKind::Check(Check::NoPtr), &everywhere, BAD, ENVELOPE, Mailbox::Exists),
        (low, &everywhere, BAD, ENVELOPE, Mailbox::Exists),
        (
            RuleKind::Check(Check::Size(SizeLimit { largest: Bytes(1_999) })),
            &[Mail, Rcpt, Data, EndOfData],
            GOOD,
            large,
            Mailbox::Exists,
        ),
        (RuleKind::Check(Check::Unauthenticated(Auth::Spf)), &[Data, EndOfData], GOOD, forged, Mailbox::Exists),
        (RuleKind::Check(Check::Unauthenticated(Auth::Dkim)), &[Data, EndOfData], GOOD, forged, Mailbox::Exists),
        (RuleKind::Check(Check::Unauthenticated(Auth::Either)), &[Data, EndOfData], GOOD, forged, Mailbox::Exists),
        (RuleKind::Check(Check::Unauthenticated(Auth::Dmarc)), &[Data, EndOfData], GOOD, forged, Mailbox::Exists),
        (RuleKind::Check(Check::Spam), &[EndOfData], GOOD, spam, Mailbox::Exists),
        (RuleKind::Check(Check::Mailbox(Mailbox::Unknown)), &[Rcpt, EndOfData], GOOD, ENVELOPE, Mailbox::Unknown),
        (RuleKind::Check(Check::Mailbox(Mailbox::Full)), &[Rcpt, EndOfData], GOOD, ENVELOPE, Mailbox::Full),
        (RuleKind::Check(Check::LongLocalPart(LongLocalPart { longest: 64 })), &[Mail], GOOD, verp, Mailbox::Exists),
        (outage, &everywhere, GOOD, ENVELOPE, Mailbox::Exists),
    ];
    for (test, stages, client, envelope, mailbox) in cases {
        for stage in stages {
            let provider = &mut lab(vec![rule(*stage, test.clone())]);
            let refused = refused_at(provider, at(0), client, envelope, &[with_mailbox(mailbox)]);
            assert_eq!(refused, Some(*stage), "{test:?}");
            assert_eq!(provider.activity(RuleId(0), at(0)).refused, 1, "{test:?} at {stage}");
            assert_eq!(refused_at(provider, at(1), GOOD, ENVELOPE, &[to(0)]), None, "{test:?} at {stage}");
        }
    }
}

#[test]
fn a_rule_that_is_switched_off_is_not_asked() {
    let mut off = rule(Mail, RuleKind::Check(Check::Always));
    off.enabled = false;
    let mut provider = lab(vec![off]);
    assert!(delivers(&mut provider, at(0)));
    provider.apply(at(0), &PolicyChange::Enabled(RuleId(0), true));
    assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[to(0)]), Some(Mail));
}

#[test]
fn the_first_refusal_wins_and_what_comes_after_it_counts_nothing() {
    let first = limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 1);
    let second = limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 2);
    let mut provider = lab(vec![first, second]);
    for _ in 0..5 {
        delivers(&mut provider, at(0));
    }
    assert_eq!((provider.activity(RuleId(0), at(0)).refused, provider.activity(RuleId(1), at(0)).refused), (4, 0));
    provider.apply(at(0), &PolicyChange::Enabled(RuleId(0), false));
    assert!(delivers(&mut provider, at(0)), "only one message came through to the second rule");
    assert!(!delivers(&mut provider, at(0)));
}

/// Three tries at a limit of two, a minute apart, in a window that looks back two and a half minutes: what is refused
/// either counts or does not.
#[test]
fn attempts_count_where_the_profile_says_so() {
    for (counts, fourth) in [(Counted::Acceptances, true), (Counted::Attempts, false)] {
        let window = Window::Sliding { length: Span::from_secs(150) };
        let mut rule = limit(Mail, Meter::Messages, Scope::ClientIp, window, 2);
        limit_of(&mut rule).counted = counts;
        let mut provider = lab(vec![rule]);
        let tries: Vec<bool> = (0..4).map(|minute| delivers(&mut provider, at(minute))).collect();
        assert_eq!(tries, [true, true, false, fourth], "{counts:?}");
    }
}

/// Charter's kind of limit: counted in the session, looked at when the next connection comes.
#[test]
fn what_is_counted_later_is_refused_at_the_next_connection() {
    let mut provider = lab(vec![limit(Connect, Meter::Messages, Scope::ClientIp, HOUR, 2)]);
    let session = provider.connect(at(0), GOOD).0.unwrap();
    for _ in 0..5 {
        assert_eq!(send(&mut provider, at(0), session, ENVELOPE, &[to(0)]), None, "who is inside stays inside");
    }
    assert_eq!(refused_at(&mut provider, at(1), GOOD, ENVELOPE, &[to(0)]), Some(Connect));
    assert_eq!(refused_at(&mut provider, at(1), BAD, ENVELOPE, &[to(0)]), None, "another client");
    assert_eq!(refused_at(&mut provider, at(60), GOOD, ENVELOPE, &[to(0)]), None, "another hour");
}

#[test]
fn recipients_count_at_the_end_of_data_only_where_they_were_accepted() {
    let unknown = rule(Rcpt, RuleKind::Check(Check::Mailbox(Mailbox::Unknown)));
    let rate = limit(EndOfData, Meter::Recipients, Scope::ClientIp, HOUR, 3);
    let mut provider = lab(vec![unknown, rate]);
    let mixed = [to(1), with_mailbox(Mailbox::Unknown), to(2)];
    assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &mixed), None);
    assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &mixed), Some(EndOfData), "two do not fit");
    assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[to(3)]), None, "one does");
}

#[test]
fn bytes_are_weighed_at_the_end_of_data_and_looked_at_before() {
    let rate = |stage| limit(stage, Meter::Bytes, Scope::ClientIp, HOUR, 2_500);
    let tries = |stage| -> Vec<bool> {
        let mut provider = lab(vec![rate(stage)]);
        (0..4).map(|_| delivers(&mut provider, at(0))).collect()
    };
    assert_eq!(tries(EndOfData), [true, true, false, false], "a third thousand does not fit");
    assert_eq!(tries(Mail), [true, true, true, false], "500 are left, the size is not asked");
}

/// A limit per sender domain, asked at RCPT: a message with three recipients is one message.
#[test]
fn a_message_counts_once_however_many_recipients_are_asked_about() {
    let mut provider = lab(vec![limit(Rcpt, Meter::Messages, Scope::SenderDomain, HOUR, 2)]);
    let three = [to(1), to(2), to(3)];
    let tries: Vec<_> = (0..3).map(|_| refused_at(&mut provider, at(0), GOOD, ENVELOPE, &three)).collect();
    assert_eq!(tries, [None, None, Some(Rcpt)]);
}

/// Microsoft says it at MAIL: a connection that carries many messages is one connection.
#[test]
fn a_connection_counts_once_however_often_it_is_asked_about() {
    let mut provider = lab(vec![limit(Mail, Meter::Connections, Scope::ClientIp, HOUR, 2)]);
    for _ in 0..2 {
        let session = provider.connect(at(0), GOOD).0.unwrap();
        let tries = [0; 3].map(|_| send(&mut provider, at(0), session, ENVELOPE, &[to(0)]));
        assert_eq!(tries, [None, None, None]);
    }
    assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[to(0)]), Some(Mail));
}

#[test]
fn a_gauge_gives_slots_back_to_those_it_took_them_for() {
    let mut provider = lab(vec![limit(Mail, Meter::OpenConnections, Scope::SenderDomain, Window::Gauge, 1)]);
    let from = |domain| Envelope { sender_domain: SenderDomainId(domain), ..ENVELOPE };
    for _ in 0..3 {
        let first = provider.connect(at(0), GOOD).0.unwrap();
        assert_eq!(send(&mut provider, at(0), first, from(1), &[to(0)]), None);
        assert_eq!(refused_at(&mut provider, at(0), GOOD, from(1), &[to(0)]), Some(Mail), "one is open");
        assert_eq!(refused_at(&mut provider, at(0), GOOD, from(0), &[to(0)]), None, "another domain");
        provider.close(first);
    }
}

#[test]
fn who_came_in_while_there_was_no_limit_counts_when_there_is_one() {
    let mut rule = limit(Connect, Meter::OpenConnections, Scope::ClientIp, Window::Gauge, 0);
    let limit_value = |amount| LimitValue::by_tier(vec![amount]);
    limit_of(&mut rule).value = limit_value(TierValue::Unlimited);
    let mut provider = lab(vec![rule]);
    let sessions = [0; 3].map(|_| provider.connect(at(0), GOOD).0.unwrap());
    provider.apply(at(0), &PolicyChange::Limit(RuleId(0), limit_value(TierValue::Exactly(2))));
    provider.close(sessions[0]);
    assert!(provider.connect(at(0), GOOD).0.is_none(), "two are still open");
    provider.close(sessions[1]);
    assert!(provider.connect(at(0), GOOD).0.is_some());
}

#[test]
fn a_session_that_is_over_leaves_nothing_to_the_next() {
    let minute = Window::Sliding { length: MINUTE };
    let mut held = limit(Mail, Meter::Messages, Scope::Session, minute, 1);
    let action = RuleAction::Reply { reply: ReplyId(0), close: true };
    held.hold = None;
    let mut provider = lab(vec![held.clone()]);
    assert!(delivers(&mut provider, at(0)));
    assert!(delivers(&mut provider, at(0)), "the same number, but another session");

    // A hold is for the client: a session that is held would only have to be opened again.
    let ladder = vec![HoldStep { span: Span::HOUR, action }];
    held.hold = Some(Hold { ladder, after: 1, within: MINUTE, forget: Span::DAY, at: Connect, renewed: false });
    let mut provider = lab(vec![held]);
    let session = provider.connect(at(0), GOOD).0.unwrap();
    assert_eq!(send(&mut provider, at(0), session, ENVELOPE, &[to(0)]), None);
    assert_eq!(send(&mut provider, at(0), session, ENVELOPE, &[to(0)]), Some(Mail));
    provider.close(session);
    assert_eq!(refused_at(&mut provider, at(30), GOOD, ENVELOPE, &[to(0)]), Some(Connect));
    assert_eq!(refused_at(&mut provider, at(30), BAD, ENVELOPE, &[to(0)]), None, "another client");
    assert_eq!(refused_at(&mut provider, at(60), GOOD, ENVELOPE, &[to(0)]), None);
}

/// Broken at MAIL, held at connect, with a text of its own for every step.
#[test]
fn a_hold_is_enforced_at_its_own_stage_and_climbs() {
    let mut rule = limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 1);
    let step = |minutes, reply| HoldStep {
        span: MINUTE.times(minutes),
        action: RuleAction::Reply { reply: ReplyId(reply), close: true },
    };
    let ladder = vec![step(5, 0), step(30, 2)];
    rule.hold = Some(Hold { ladder, after: 2, within: Span::HOUR, forget: Span::DAY, at: Connect, renewed: false });
    let mut provider = lab(vec![rule]);
    let mut stage = |minute| refused_at(&mut provider, at(minute), GOOD, ENVELOPE, &[to(0)]);
    let heard = [0, 1, 2, 3, 6, 7, 8, 9].map(&mut stage);
    // Two violations begin a hold of five minutes, the next two one of half an hour.
    assert_eq!(
        heard,
        [None, Some(Mail), Some(Mail), Some(Connect), Some(Connect), Some(Mail), Some(Mail), Some(Connect)]
    );
    let Decision::Refuse(refusal) = provider.connect(at(37), GOOD).1.decision else { panic!("still held") };
    assert_eq!(refusal.action, RuleAction::Reply { reply: ReplyId(2), close: true });
    let activity = provider.activity(RuleId(0), at(60));
    assert_eq!((activity.holds, activity.held), (2, MINUTE.times(35)));
    assert_eq!(refused_at(&mut provider, at(60), GOOD, ENVELOPE, &[to(0)]), None);
}

/// Yahoo says only after the message who does not exist; who does gets it.
#[test]
fn unknown_users_after_the_message_do_not_spoil_it_for_the_others() {
    let mut provider = lab(vec![rule(EndOfData, RuleKind::Check(Check::Mailbox(Mailbox::Unknown)))]);
    let session = provider.connect(at(0), GOOD).0.unwrap();
    let message = |provider: &mut Provider, who: &[Recipient]| {
        assert!(provider.mail(at(0), session, ENVELOPE).accepted());
        assert!(who.iter().all(|who| provider.rcpt(at(0), session, *who).accepted()));
        assert!(provider.data(at(0), session).accepted());
        let accepted = provider.end_of_data(at(0), session).accepted();
        (accepted, provider.undeliverable().iter().map(|(place, _)| *place).collect::<Vec<u32>>())
    };
    let unknown = with_mailbox(Mailbox::Unknown);
    assert_eq!(message(&mut provider, &[unknown, to(1), unknown]), (true, vec![0, 2]));
    assert_eq!(message(&mut provider, &[to(1)]), (true, vec![]));
    assert_eq!(message(&mut provider, &[unknown]), (false, vec![0]), "a message that reaches no recipient is refused");
}

#[test]
fn a_tarpit_delays_and_lets_pass_also_for_single_recipients_at_the_end_of_data() {
    let pit = |seconds, at, test| Rule { action: RuleAction::Tarpit(Span::from_secs(seconds)), ..rule(at, test) };
    let mut provider = lab(vec![
        pit(3, Mail, RuleKind::Check(Check::Always)),
        pit(4, Mail, RuleKind::Check(Check::Always)),
        pit(5, EndOfData, RuleKind::Check(Check::Mailbox(Mailbox::Trap))),
    ]);
    let session = provider.connect(at(0), GOOD).0.unwrap();
    let verdict = provider.mail(at(0), session, ENVELOPE);
    assert!(verdict.accepted() && verdict.tarpit == Span::from_secs(7), "{verdict:?}");
    provider.rcpt(at(0), session, with_mailbox(Mailbox::Trap));
    let verdict = provider.end_of_data(at(0), session);
    assert!(verdict.accepted() && verdict.tarpit == Span::from_secs(5), "{verdict:?}");
}

fn two_tiers(rule: Rule) -> Policy {
    let mut policy = policy(vec![rule]);
    let tier = |name: &str, from| Tier { name: name.to_owned(), from: Fraction::clamped(from) };
    policy.tiers = vec![tier("poor", 0.0), tier("good", 0.5)];
    policy
}

#[test]
fn the_limit_is_that_of_the_tier_at_the_moment() {
    let mut rule = limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 0);
    limit_of(&mut rule).value = LimitValue::by_tier(vec![TierValue::Exactly(1), TierValue::Exactly(3)]);
    let mut provider = lab_of(two_tiers(rule));
    assert!(delivers(&mut provider, at(0)) && delivers(&mut provider, at(0)));
    provider.apply(at(0), &PolicyChange::Reputation(GOOD, Fraction::clamped(0.4)));
    assert!(!delivers(&mut provider, at(0)), "one too many for the poor");
    provider.apply(at(0), &PolicyChange::Reputation(GOOD, Fraction::ALL));
    assert!(delivers(&mut provider, at(0)), "the third for the good");
    assert!(!delivers(&mut provider, at(0)));
}

#[test]
fn unknown_limits_are_drawn_by_the_seed_within_their_range_and_keep_their_order() {
    let draw = |seed| {
        let mut rule = limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 0);
        let unknown = |low, high| TierValue::Unknown { low, high };
        limit_of(&mut rule).value = LimitValue::by_tier(vec![unknown(1, 10), unknown(5, 50)]);
        let limits = Provider::new(two_tiers(rule), Seed(seed).into(), Span::ZERO).activity(RuleId(0), at(0)).limits;
        (limits[0].unwrap(), limits[1].unwrap())
    };
    let drawn: Vec<(u32, u32)> = (0..500).map(draw).collect();
    assert!(drawn.iter().all(|(poor, good)| (1..=10).contains(poor) && (5..=50).contains(good) && poor <= good));
    assert!((1..=10).all(|n| drawn.iter().any(|(poor, _)| *poor == n)), "every number comes up");
    assert_eq!(draw(7), draw(7));
}

/// A trial that starts at 22:00, with a limit that is doubled from midnight on: frames and load go by the provider's
/// clock.
#[test]
fn the_load_goes_by_the_time_of_day() {
    let mut rule = limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 1);
    let step = |hours, factor| LoadStep { from: Span::HOUR.times(hours), factor };
    limit_of(&mut rule).value.load = vec![step(0, 2.0), step(6, 0.5), step(12, 1.0)];
    let mut provider = Provider::new(policy(vec![rule]), Seed(1).into(), Span::HOUR.times(22));
    provider.meet_client(at(0), PLAIN);
    provider.meet_sender(at(0), &History::NONE);
    let mut many = |minute| (0..5).filter(|_| delivers(&mut provider, at(minute))).count();
    let hours = [("22:30", 30), ("23:59", 119), ("0:00", 120), ("5:59", 479), ("6:00", 480), ("12:00", 840)];
    let passed = hours.map(|(_, minute)| many(minute));
    assert_eq!(passed, [1, 1, 2, 2, 0, 1], "{hours:?}");
}

#[test]
fn a_policy_change_holds_from_its_moment_on() {
    let mut provider = lab(vec![limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 1)]);
    assert!(delivers(&mut provider, at(0)) && !delivers(&mut provider, at(1)));
    let limit_value = |n| LimitValue::by_tier(vec![TierValue::Exactly(n)]);
    provider.apply(at(0), &PolicyChange::Limit(RuleId(0), limit_value(2)));
    assert!(delivers(&mut provider, at(2)) && !delivers(&mut provider, at(3)), "what was counted still counts");
    provider.apply(at(0), &PolicyChange::Limit(RuleId(0), limit_value(0)));
    assert!(!delivers(&mut provider, at(60)), "a limit of nothing lets nothing in");
}

#[test]
fn scopes_tell_apart_whom_they_should() {
    // Whether a second message is refused that differs from the first in one thing.
    let second = |scope, at_stage, change: &dyn Fn(&mut Envelope, &mut Recipient) -> ClientId| {
        let mut provider = lab(vec![limit(at_stage, Meter::Messages, scope, HOUR, 1)]);
        assert!(delivers(&mut provider, at(0)));
        let (mut envelope, mut who) = (ENVELOPE, to(0));
        let client = change(&mut envelope, &mut who);
        refused_at(&mut provider, at(0), client, envelope, &[who]).is_some()
    };
    let same = |_: &mut Envelope, _: &mut Recipient| GOOD;
    let client = |_: &mut Envelope, _: &mut Recipient| BAD;
    let sender = |envelope: &mut Envelope, _: &mut Recipient| {
        envelope.sender_domain = SenderDomainId(1);
        GOOD
    };
    let recipient = |_: &mut Envelope, who: &mut Recipient| {
        who.id = 9;
        GOOD
    };
    let domain = |_: &mut Envelope, who: &mut Recipient| {
        who.domain = DomainId(1);
        GOOD
    };
    for (scope, stage, counted_together) in [
        (Scope::ClientIp, Mail, [true, false, true, true, true]),
        (Scope::ClientNetwork, Mail, [true, true, true, true, true]),
        (Scope::ClientIpAndHost, Mail, [true, false, true, true, true]),
        (Scope::Account, Mail, [true, false, true, true, true]),
        (Scope::Provider, Mail, [true, true, true, true, true]),
        (Scope::SenderDomain, Mail, [true, true, false, true, true]),
        (Scope::ClientIpAndSenderDomain, Mail, [true, false, false, true, true]),
        (Scope::Recipient, Rcpt, [true, true, true, false, true]),
        (Scope::RecipientDomain, Rcpt, [true, true, true, true, false]),
        (Scope::ClientIpAndRecipientDomain, Rcpt, [true, false, true, true, false]),
        (Scope::SenderDomainAndRecipient, Rcpt, [true, true, false, false, true]),
    ] {
        let found = [
            second(scope, stage, &same),
            second(scope, stage, &client),
            second(scope, stage, &sender),
            second(scope, stage, &recipient),
            second(scope, stage, &domain),
        ];
        assert_eq!(found, counted_together, "{scope:?}: same, client, sender, recipient, domain");
    }
}

/// Asked at RCPT and counted at the end of data: each message counts for its own domain.
#[test]
fn late_counting_finds_every_recipients_counter() {
    let mut provider = lab(vec![limit(Rcpt, Meter::Bytes, Scope::RecipientDomain, HOUR, 1_000)]);
    let away = Recipient { domain: DomainId(5), ..to(0) };
    assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[away]), None);
    assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[away]), Some(Rcpt));
    assert_eq!(refused_at(&mut provider, at(0), GOOD, ENVELOPE, &[to(0)]), None, "another domain");
}

#[test]
fn a_sliding_log_remembers_what_the_load_lets_through() {
    let mut sliding = limit(Mail, Meter::Messages, Scope::ClientIp, Window::Sliding { length: Span::HOUR }, 10);
    limit_of(&mut sliding).value.load = vec![LoadStep { from: Span::ZERO, factor: 2.0 }];
    let mut provider = lab(vec![sliding]);
    let delivered = (0..59).filter(|minute| delivers(&mut provider, at(*minute))).count();
    assert_eq!(delivered, 20);
    assert!(delivers(&mut provider, at(60)), "the first is an hour ago");
    assert!(!delivers(&mut provider, at(60)));
}

#[test]
fn a_share_of_a_limit_is_whole_where_it_is_whole() {
    assert_eq!([(100, 0.29), (10, 0.9), (7, 0.5)].map(|(n, factor)| LimitValue::scaled(n, factor)), [29, 9, 3]);
}

#[test]
fn switching_a_rule_off_lifts_its_holds() {
    let mut held = limit(Mail, Meter::Messages, Scope::ClientIp, HOUR, 1);
    let step = HoldStep { span: Span::DAY, action: held.action };
    held.hold =
        Some(Hold { ladder: vec![step], after: 1, within: Span::HOUR, forget: Span::DAY, at: Connect, renewed: false });
    let mut provider = lab(vec![held]);
    assert!(delivers(&mut provider, at(0)) && !delivers(&mut provider, at(1)) && !delivers(&mut provider, at(70)));
    provider.apply(at(0), &PolicyChange::Enabled(RuleId(0), false));
    assert!(delivers(&mut provider, at(71)));
}
