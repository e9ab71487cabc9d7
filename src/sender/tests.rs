//! Senders without a world: what they are told, and what they want done.

use std::sync::Arc;

use regex::Regex;

use super::preset;
use super::strategy::breaker::suspend::Suspend;
use super::strategy::{Breaker, Concurrency, Disposition, LimiterScope, ReplyAction, ReplyEffect, ReplyRule, SiteAxes};
use super::*;
use crate::rng::Seed;
use crate::smtp::{Reply, Stage};
use crate::time::{Moments, Span, Time};
use crate::units::{ConnId, DomainId, MailStreamId, ProviderId, RecipientId, ReplyId, SourceId};

const SLOW_DOWN: ReplyId = ReplyId(0);
const UNKNOWN: ReplyId = ReplyId(1);

fn at(secs: u64) -> Time {
    Time::ZERO + Span::from_secs(secs)
}

/// A sender with one source, two sites of a domain each, and so many messages to a single recipient for each site.
fn sender(strategy: &Strategy, recipients: u32) -> Sender {
    let mut intended = Moments::with_capacity(0);
    intended.fill(2 * recipients.max(1) as usize, Time::ZERO);
    let slow_down = Reply { code: 451.try_into().unwrap(), enhanced: None, text: "Slow down".to_owned() };
    let enhanced = Some("4.1.1".parse().unwrap());
    let unknown = Reply { code: 450.try_into().unwrap(), enhanced, text: "Unknown".to_owned() };
    let replies = vec![slow_down, unknown];
    let task = SenderTask {
        intended: Arc::new(intended),
        sources: 1,
        sites: vec![ProviderId(0), ProviderId(1)],
        streams: vec![vec![SourceId(0)]],
        replies: vec![replies.clone(), replies],
    };
    let mut sender = Sender::new(strategy, &task, Seed(1));
    for n in 0..2 * recipients {
        let first = RecipientId(n);
        let delivery = Delivery { ready_at: Time::ZERO, first, count: 1, failures: 0, priority: false };
        sender.handle(Time::ZERO, Event::Injected(injection(delivery, u16::from(n >= recipients))));
    }
    sender
}

fn injection(delivery: Delivery, site: u16) -> Injection {
    Injection { delivery, site: ProviderId(site), domain: DomainId(site), stream: MailStreamId(0) }
}

/// All that a sender wants done now.
fn actions(sender: &mut Sender, now: Time) -> Vec<Action> {
    std::iter::from_fn(|| sender.poll(now, None)).collect()
}

/// The connections that are opened to a site.
fn opened(actions: &[Action], to: ProviderId) -> Vec<ConnId> {
    let connect = |action: &Action| match *action {
        Action::Connect { conn, site, .. } if site == to => Some(conn),
        _ => None,
    };
    actions.iter().filter_map(connect).collect()
}

fn replied(sender: &mut Sender, now: Time, conn: ConnId, result: RecipientResult) {
    let result = TransactionResult { conn, recipients: &[result], closed: true };
    sender.handle(now, Event::Replied(result));
}

#[test]
fn every_site_may_have_axes_of_its_own() {
    let mut strategy = preset::strategy("fixed").unwrap().unwrap();
    let mut narrow = strategy.axes.clone();
    narrow.concurrency = Concurrency::Fixed(2);
    strategy.sites.insert(ProviderId(1), narrow);
    let mut sender = sender(&strategy, 50);
    let actions = actions(&mut sender, Time::ZERO);
    assert_eq!([0, 1].map(|site| opened(&actions, ProviderId(site)).len()), [20, 2]);
}

/// The first two sites of a strategy share a limiter; at the second it does what `change` says.
fn sender_with_a_shared_limiter(change: impl FnOnce(&mut SiteAxes)) -> Sender {
    let mut strategy = preset::strategy("fixed").unwrap().unwrap();
    strategy.axes.scope = LimiterScope::Process;
    let mut other = strategy.axes.clone();
    change(&mut other);
    strategy.sites.insert(ProviderId(1), other);
    sender(&strategy, 50)
}

#[test]
fn sites_that_share_a_limiter_may_differ_in_what_no_limiter_goes_by() {
    let mut sender = sender_with_a_shared_limiter(|axes| axes.retry.give_up = Span::HOUR);
    let actions = actions(&mut sender, Time::ZERO);
    assert_eq!([0, 1].map(|site| opened(&actions, ProviderId(site)).len()).iter().sum::<usize>(), 20);
}

#[test]
#[should_panic(expected = "the same concurrency, pacing and breaker")]
fn sites_that_share_a_limiter_do_not_differ_in_what_it_goes_by() {
    let _ = sender_with_a_shared_limiter(|axes| axes.concurrency = Concurrency::Fixed(2));
}

/// After two such replies within a minute only one delivery at a time goes to the site, for ten minutes; the other site
/// does not notice.
#[test]
fn replies_change_an_axis_until_it_recovers() {
    let mut strategy = preset::strategy("fixed").unwrap().unwrap();
    let (lasts, within) = (Span::from_secs(600), Span::from_secs(60));
    strategy.axes.reading.rules.push(ReplyRule {
        matches: Regex::new("Slow down").unwrap(),
        disposition: Disposition::Defer,
        actions: vec![ReplyAction { effect: ReplyEffect::SetWindow { window: 1, lasts }, after: 2, within }],
    });
    let mut sender = sender(&strategy, 50);
    let begun = actions(&mut sender, at(0));
    let (conns, others) = (opened(&begun, ProviderId(0)), opened(&begun, ProviderId(1)));
    assert_eq!((conns.len(), others.len()), (20, 20));
    replied(&mut sender, at(1), conns[0], RecipientResult::Refused(Stage::Mail, SLOW_DOWN));
    assert_eq!(opened(&actions(&mut sender, at(1)), ProviderId(0)).len(), 1, "one is not enough");
    replied(&mut sender, at(2), conns[1], RecipientResult::Refused(Stage::Mail, SLOW_DOWN));
    let wanted = actions(&mut sender, at(2));
    let recovery = wanted.iter().find_map(|action| match *action {
        Action::WakeAt { timer, at: then } if then == at(602) => Some(timer),
        _ => None,
    });
    assert_eq!(opened(&wanted, ProviderId(0)).len(), 0);
    for conn in &conns[2..] {
        replied(&mut sender, at(3), *conn, RecipientResult::Accepted);
    }
    assert_eq!(opened(&actions(&mut sender, at(3)), ProviderId(0)).len(), 0, "one is still under way");
    replied(&mut sender, at(3), others[0], RecipientResult::Accepted);
    assert_eq!(opened(&actions(&mut sender, at(3)), ProviderId(1)).len(), 1);
    sender.handle(at(602), Event::Due(recovery.expect("a timer for the recovery")));
    assert_eq!(opened(&actions(&mut sender, at(602)), ProviderId(0)).len(), 19);
}

/// Of several recipients, one about whom the site pushes back speaks for all; a mailbox that is unknown says nothing
/// about the site.
#[test]
fn one_recipient_that_is_pushed_back_is_enough() {
    let mut strategy = preset::strategy("fixed").unwrap().unwrap();
    strategy.axes.breaker = Breaker::Suspend(Suspend { after: 1, pause: Span::from_secs(60) });
    let pauses = |results: &[RecipientResult]| {
        let mut sender = sender(&strategy, 0);
        let delivery = Delivery { ready_at: at(0), first: RecipientId(0), count: 2, failures: 0, priority: false };
        sender.handle(at(0), Event::Injected(injection(delivery, 0)));
        let conn = opened(&actions(&mut sender, at(0)), ProviderId(0))[0];
        let result = TransactionResult { conn, recipients: results, closed: true };
        sender.handle(at(1), Event::Replied(result));
        sender.handle(at(1), Event::Injected(injection(delivery, 0)));
        opened(&actions(&mut sender, at(1)), ProviderId(0)).is_empty()
    };
    let [accepted, slow_down, unknown] = [
        RecipientResult::Accepted,
        RecipientResult::Refused(Stage::Rcpt, SLOW_DOWN),
        RecipientResult::Refused(Stage::Rcpt, UNKNOWN),
    ];
    assert!(pauses(&[accepted, slow_down]) && pauses(&[slow_down, accepted]) && pauses(&[unknown, slow_down]));
    assert!(!pauses(&[accepted, unknown]) && !pauses(&[unknown, accepted]));
}
