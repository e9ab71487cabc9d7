//! Small worlds whose outcome can be worked out by hand.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::trial;
use crate::dist::Dist;
use crate::provider::tests::reputation::REPUTATION;
use crate::provider::*;
use crate::record::Trial;
use crate::rng::Seed;
use crate::scenario::{BadHost, Change, Domain, Network, Scenario, Source};
use crate::sender::strategy::pacing::token_bucket::TokenBucket;
use crate::sender::strategy::retry::list::WaitList;
use crate::sender::strategy::{
    Breaker, Concurrency, LimiterScope, Pacing, ProcessLimits, Reading, Retry, RetrySchedule, SessionSettings,
    SiteAxes, Strategy,
};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::trial::TrialInput;
use crate::units::*;
use crate::workload::{Arrivals, Authentication, ListQuality, MailStream, Priority, Size, Workload, generate};

fn policy(rules: Vec<Rule>, service: Span) -> Policy {
    let service = ServiceTimes { per_message: Dist::Constant(service), per_recipient: Dist::Constant(Span::ZERO) };
    Policy { service, ..tests::policy(rules) }
}

fn limit(at: Stage, meter: Meter, window: Window, most: u32, reply: u16, close: bool) -> Rule {
    let limit = Limit {
        meter,
        scope: Scope::ClientIp,
        window,
        counted: Counted::Acceptances,
        value: LimitValue::by_tier(vec![TierValue::Exactly(most)]),
        reputation_of: ReputationOf::ClientIp,
    };
    Rule {
        name: "limit".to_owned(),
        at,
        kind: RuleKind::Limit(limit),
        action: RuleAction::Reply { reply: ReplyId(reply), close },
        hold: None,
        enabled: true,
        attribution: Attribution::default(),
    }
}

fn strategy(connections: u32, wait: Span) -> Strategy {
    let schedule = RetrySchedule::List(WaitList(vec![wait]));
    Strategy {
        name: "fixed".to_owned(),
        about: String::new(),
        process: ProcessLimits::NONE,
        axes: SiteAxes {
            scope: LimiterScope::SourceSite,
            concurrency: Concurrency::Fixed(connections),
            pacing: Pacing::None,
            session: SessionSettings { messages_per_connection: None, reuse: None, ..SessionSettings::default() },
            reading: Reading::default(),
            breaker: Breaker::None,
            retry: Retry { schedule, give_up: Span::DAY.times(5), queue_run: None, whole_message: false },
        },
        sites: BTreeMap::new(),
        oracle: false,
    }
}

fn scenario(policy: Policy, recipients: u32, strategy: Strategy) -> Scenario {
    let list = ListQuality {
        addresses: None,
        unknown: Fraction::NONE,
        full: Fraction::NONE,
        traps: Fraction::NONE,
        engaged: Fraction::NONE,
        complaints: Fraction::NONE,
        complaint_delay: Dist::Constant(Span::ZERO),
        spam: Fraction::NONE,
    };
    let stream = MailStream {
        name: "mail".to_owned(),
        arrivals: Arrivals::AtOnce { recipients, at: Time::ZERO },
        recipients_per_message: (1, 1),
        size: Size::Constant(Bytes(1_000)),
        domains: vec![(DomainId(0), 1.0)],
        list,
        authentication: Authentication { dns: true, spf: true, dkim: true, dmarc: true },
        sender_domain: SenderDomainId(0),
        sender_local_part: String::new(),
        sources: vec![SourceId(0)],
        priority: Priority::None,
    };
    let source = Source {
        ip: "192.0.2.1".parse().unwrap(),
        network: NetworkId(0),
        listed: false,
        ptr: true,
        history: History::NONE,
        account: None,
    };
    Scenario {
        name: "test".to_owned(),
        question: String::new(),
        seed: 1,
        seeds: 1,
        duration: Span::DAY,
        day_starts: Span::ZERO,
        providers: vec![policy],
        domains: vec![Domain { name: "test.example".to_owned(), provider: ProviderId(0) }],
        sources: vec![source],
        accounts: Vec::new(),
        sender_histories: vec![None],
        workload: Workload { streams: vec![stream], sender_domains: vec!["sender.example".to_owned()] },
        network: Network {
            rtt: Dist::Constant(Span::from_millis(10)),
            bytes_per_second: None,
            reset: Fraction::NONE,
            bad_hosts: Fraction::NONE,
            bad_how: BadHost::Refuses,
            host: crate::scenario::Host::default(),
        },
        strategies: vec![strategy],
        timeline: Vec::new(),
        expectations: Vec::new(),
        sweep: None,
        hash: 0,
    }
}

fn run(scenario: &Scenario) -> Trial {
    let mail = generate(&scenario.workload, Seed(1)).unwrap();
    let input = TrialInput { scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail: &mail };
    trial(input, &AtomicBool::new(false)).unwrap().unwrap()
}

fn seconds(trial: &Trial) -> f64 {
    trial.settled_us.expect("everything is settled") as f64 / 1e6
}

const SECOND: Span = Span::from_secs(1);

#[test]
fn c_connections_deliver_c_messages_per_service_time() {
    let trial = run(&scenario(policy(Vec::new(), SECOND), 100, strategy(5, SECOND)));
    // 20 rounds of service and two round trips, after three round trips to connect.
    assert!((seconds(&trial) - (20.0 * 1.02 + 0.03)).abs() < 1e-6, "{}", seconds(&trial));
    assert_eq!(trial.cells[0].totals.connections, 5);
    assert_eq!(trial.cells[0].totals.delivered, 100);
}

#[test]
fn a_fixed_window_lets_its_limit_through_in_every_frame() {
    let hour = Window::Fixed { length: Span::HOUR, aligned: Aligned::Clock, offset: Span::ZERO };
    let rules = vec![limit(Stage::Mail, Meter::Messages, hour, 100, 1, false)];
    let trial = run(&scenario(policy(rules, Span::from_millis(100)), 1_000, strategy(1, Span::from_secs(60))));
    let totals = trial.cells[0].totals;
    assert_eq!(totals.delivered, 1_000);
    assert!((9.0 * 3_600.0..9.0 * 3_600.0 + 120.0).contains(&seconds(&trial)), "{}", seconds(&trial));
    assert_eq!(totals.deferred, totals.attempts - totals.delivered);
    assert_eq!(totals.deferred_at[Stage::Mail as usize], totals.deferred);
}

#[test]
fn excess_connections_are_refused_and_their_mail_deferred() {
    let rules = vec![limit(Stage::Connect, Meter::OpenConnections, Window::Gauge, 3, 0, true)];
    let mut strategy = strategy(6, Span::from_secs(30));
    strategy.axes.session.idle = Span::HOUR;
    let trial = run(&scenario(policy(rules, SECOND), 300, strategy));
    let totals = trial.cells[0].totals;
    assert_eq!(totals.delivered, 300);
    assert!(totals.deferred > 0 && totals.deferred_at[0] == totals.deferred);
    assert_eq!(totals.connections, totals.connections_refused + 3);
    assert!(trial.cells[0].series.open_max.iter().all(|open| *open <= 3));
}

#[test]
fn messages_per_connection_cost_one_deferral_a_session() {
    let rules = vec![limit(Stage::Mail, Meter::Messages, Window::Session, 20, 0, true)];
    let trial = run(&scenario(policy(rules, SECOND), 1_000, strategy(5, Span::from_secs(30))));
    let totals = trial.cells[0].totals;
    assert_eq!(totals.delivered, 1_000);
    // Every session ends with one refusal, but for those that end with the mail.
    assert!((45..=55).contains(&totals.deferred), "{}", totals.deferred);
}

#[test]
fn a_limit_of_nothing_lets_nothing_in_and_the_mail_expires() {
    let hour = Window::Sliding { length: Span::HOUR };
    let rules = vec![limit(Stage::Mail, Meter::Messages, hour, 0, 1, false)];
    let mut strategy = strategy(1, Span::HOUR);
    strategy.axes.retry.give_up = Span::from_secs(5 * 3_600);
    let trial = run(&scenario(policy(rules, SECOND), 10, strategy));
    assert_eq!(trial.cells[0].totals.delivered, 0);
    assert_eq!(trial.cells[0].totals.expired, 10);
    assert_eq!(trial.cells[0].totals.attempts, 60);
}

#[test]
fn a_full_backlog_is_silence_until_the_connect_timeout() {
    let mut policy = policy(Vec::new(), SECOND);
    policy.listener = Some(ListenerCapacity { workers: 5, backlog: 5 });
    let mut strategy = strategy(20, Span::HOUR);
    strategy.axes.session.idle = Span::ZERO;
    strategy.axes.session.messages_per_connection = Some(1);
    let trial = run(&scenario(policy, 400, strategy));
    let totals = trial.cells[0].totals;
    assert_eq!(totals.delivered, 400);
    assert!(totals.connections_failed >= 10, "{totals:?}");
    assert_eq!(totals.failed, totals.connections_failed);
    assert_eq!(trial.cells[0].replies[0].text, "(connect timed out)");
}

#[test]
fn the_same_seed_gives_the_same_trial_and_another_seed_another() {
    let mut scenario = scenario(policy(Vec::new(), SECOND), 100, strategy(5, SECOND));
    scenario.network.rtt = Dist::Exponential(Span::from_millis(20));
    assert_eq!(run(&scenario), run(&scenario));
    let mail = generate(&scenario.workload, Seed(2)).unwrap();
    let input =
        TrialInput { scenario: &scenario, strategy: &scenario.strategies[0], seed: 2, unknowns: 2, mail: &mail };
    let other = trial(input, &AtomicBool::new(false)).unwrap().unwrap();
    assert_ne!(other.hash, run(&scenario).hash);
}

#[test]
fn lost_connections_are_failures_and_nothing_is_lost() {
    let mut scenario = scenario(policy(Vec::new(), SECOND), 500, strategy(5, SECOND));
    scenario.network.reset = Fraction::new(0.2).unwrap();
    scenario.network.bad_hosts = Fraction::new(0.2).unwrap();
    let totals = run(&scenario).cells[0].totals;
    assert_eq!(totals.delivered, 500);
    assert_eq!(totals.attempts, totals.delivered + totals.failed);
    assert!(totals.failed > 100);
}

#[test]
fn the_oracle_is_never_refused_and_meets_the_bound_of_a_fixed_window() {
    let hour = Window::Fixed { length: Span::HOUR, aligned: Aligned::Clock, offset: Span::ZERO };
    let rules = vec![
        limit(Stage::Mail, Meter::Messages, hour, 100, 1, false),
        limit(Stage::Connect, Meter::OpenConnections, Window::Gauge, 3, 0, true),
        limit(Stage::Mail, Meter::Messages, Window::Session, 20, 0, true),
    ];
    let mut oracle = strategy(1, SECOND);
    (oracle.oracle, oracle.axes.concurrency) = (true, Concurrency::Unlimited);
    let trial = run(&scenario(policy(rules, SECOND), 1_000, oracle));
    let totals = trial.cells[0].totals;
    assert_eq!((totals.delivered, totals.deferred, totals.failed), (1_000, 0, 0));
    // Nine whole frames, then the last hundred messages over three connections of twenty messages each.
    let last_frame = seconds(&trial) - 9.0 * 3_600.0;
    assert!((34.0..37.0).contains(&last_frame), "{last_frame}");
}

#[test]
fn mail_that_is_held_back_by_the_sender_is_told_apart() {
    let mut paced = strategy(1, SECOND);
    paced.axes.pacing = Pacing::TokenBucket(TokenBucket { messages: 1, per: SECOND, burst: 1 });
    paced.axes.concurrency = Concurrency::Unlimited;
    let totals = run(&scenario(policy(Vec::new(), Span::from_millis(1)), 11, paced)).cells[0].totals;
    assert_eq!((totals.deferred, totals.held_back_us), (0, 55 * 1_000_000));
}

#[test]
fn recipients_of_one_message_share_a_transaction_up_to_the_limit() {
    let rules = vec![limit(Stage::Rcpt, Meter::Recipients, Window::Message, 4, 1, false)];
    let mut scenario = scenario(policy(rules, Span::from_millis(1)), 10, strategy(1, Span::from_secs(60)));
    scenario.workload.streams[0].recipients_per_message = (10, 10);
    let totals = run(&scenario).cells[0].totals;
    assert_eq!((totals.delivered, totals.deferred, totals.transactions), (10, 8, 3));
}

#[test]
fn complaints_come_after_the_last_delivery_and_reputation_stays_where_they_leave_it() {
    let mut policy = policy(Vec::new(), Span::from_millis(1));
    policy.reputation = Some(REPUTATION);
    let mut scenario = scenario(policy, 300, strategy(1, SECOND));
    let list = &mut scenario.workload.streams[0].list;
    (list.complaints, list.complaint_delay) = (Fraction::ALL, Dist::Exponential(Span::HOUR));
    let trial = run(&scenario);
    assert!(seconds(&trial) < 60.0);
    assert_eq!(trial.cells[0].totals.complaints, 300);
    let reputation = &trial.cells[0].series.reputation;
    assert!(reputation.last() < reputation.first(), "{reputation:?}");
}

#[test]
fn a_full_mailbox_can_be_delivered_to_unless_a_rule_refuses_it() {
    let deliverable = |rules| {
        let mut scenario = scenario(policy(rules, SECOND), 10, strategy(1, Span::HOUR));
        scenario.workload.streams[0].list.full = Fraction::ALL;
        run(&scenario).cells[0].totals.deliverable
    };
    let action = RuleAction::Reply { reply: ReplyId(1), close: false };
    let refuses = Rule {
        kind: RuleKind::Check(Check::Mailbox(Mailbox::Full)),
        action,
        ..limit(Stage::Rcpt, Meter::Recipients, Window::Message, 1, 1, false)
    };
    assert_eq!((deliverable(Vec::new()), deliverable(vec![refuses])), (10, 0));
}

/// A mailbox that is refused at first takes mail later: no more can be delivered than is deliverable.
#[test]
fn a_share_of_the_deliverable_is_never_above_the_whole() {
    let mut refuses = limit(Stage::Rcpt, Meter::Recipients, Window::Message, 1, 1, false);
    refuses.kind = RuleKind::Check(Check::Mailbox(Mailbox::Full));
    let mut scenario = scenario(policy(vec![refuses], SECOND), 10, strategy(1, Span::HOUR));
    scenario.workload.streams[0].list.full = Fraction::new(0.5).unwrap();
    let policy_change = PolicyChange::Enabled(RuleId(0), false);
    scenario.timeline = vec![Change { at: Time::ZERO + Span::HOUR, provider: ProviderId(0), policy_change }];
    let totals = run(&scenario).cells[0].totals;
    assert_eq!((totals.delivered, totals.deliverable), (10, 10));
}

#[test]
fn a_sender_without_a_window_has_no_mean_window() {
    let mean = |concurrency| {
        let mut strategy = strategy(1, Span::HOUR);
        strategy.axes.concurrency = concurrency;
        let window = run(&scenario(policy(Vec::new(), SECOND), 10, strategy)).cells[0].totals.window;
        (window.times, window.sum)
    };
    assert_eq!((mean(Concurrency::Fixed(3)), mean(Concurrency::Unlimited)), ((10, 30), (0, 0)));
}

#[test]
fn mail_that_is_held_back_for_too_long_expires_without_an_attempt() {
    let mut paced = strategy(1, SECOND);
    paced.axes.pacing = Pacing::TokenBucket(TokenBucket { messages: 1, per: Span::HOUR, burst: 1 });
    paced.axes.retry.give_up = Span::from_secs(5 * 3_600);
    let totals = run(&scenario(policy(Vec::new(), SECOND), 20, paced)).cells[0].totals;
    assert_eq!((totals.delivered, totals.expired, totals.attempts), (6, 14, 6), "hours 0 to 5");
}

#[test]
fn a_greeting_that_waits_for_early_talkers_is_only_late() {
    let early = |pause| Rule {
        kind: RuleKind::Check(Check::EarlyTalker(EarlyTalker { pause: Span::from_secs(pause) })),
        ..limit(Stage::Connect, Meter::Connections, Window::Session, 1, 1, true)
    };
    let sent = |rules| run(&scenario(policy(rules, SECOND), 3, strategy(1, Span::DAY)));
    let (at_once, late) = (sent(Vec::new()), sent(vec![early(6)]));
    assert_eq!((late.cells[0].totals.delivered, late.cells[0].totals.attempts), (3, 3), "nobody talks early");
    assert!((seconds(&late) - seconds(&at_once) - 6.0).abs() < 1e-6, "one connection, one greeting");
    let too_late = sent(vec![early(3_000)]).cells[0].totals;
    assert_eq!((too_late.delivered, too_late.connections_failed > 0), (0, true), "nobody waits that long");
}

#[test]
fn a_reply_that_takes_too_long_is_not_waited_for() {
    let tarpit = |at| Rule {
        kind: RuleKind::Check(Check::Always),
        action: RuleAction::Tarpit(Span::from_secs(3_000)),
        ..limit(at, Meter::Messages, Window::Session, 1, 1, false)
    };
    for (at, connections_failed) in [(Stage::Connect, 1), (Stage::Mail, 0), (Stage::EndOfData, 0)] {
        let mut patient = strategy(1, Span::DAY);
        patient.axes.retry.give_up = SECOND;
        let trial = run(&scenario(policy(vec![tarpit(at)], SECOND), 1, patient));
        let totals = trial.cells[0].totals;
        assert_eq!((totals.failed, totals.expired, totals.connections_failed), (1, 1, connections_failed), "{at}");
        assert!(seconds(&trial) < 700.0, "{at}");
    }
}

/// In virtual time a local part is as long as the driver writes it on the wire.
#[test]
fn a_long_local_part_is_refused_where_a_profile_minds() {
    let bounced = |text: &str| {
        let mut longest = limit(Stage::Mail, Meter::Messages, Window::Session, 1, 2, false);
        longest.kind = RuleKind::Check(Check::LongLocalPart(LongLocalPart { longest: 64 }));
        let mut scenario = scenario(policy(vec![longest], SECOND), 10, strategy(1, Span::HOUR));
        let stream = &mut scenario.workload.streams[0];
        stream.sender_local_part = text.to_owned();
        for first in [0, 9, 10, 4_294_967_295].map(RecipientId) {
            let length = LocalPartLength::Numbered { number: first.0, others: stream.sender_local_octets() };
            assert_eq!(usize::from(length.octets()), stream.sender_local_part(first).len());
        }
        run(&scenario).cells[0].totals.bounced
    };
    assert_eq!([0, 60, 61, 62].map(|n| bounced(&"x".repeat(n))), [0, 0, 0, 10]);
}

#[test]
fn a_provider_closes_connections_that_are_idle_for_longer_than_it_waits() {
    let idle = |seconds| Rule {
        kind: RuleKind::Check(Check::Idle(IdleLimit { longest: Span::from_secs(seconds) })),
        ..limit(Stage::Ehlo, Meter::Connections, Window::Gauge, 0, 0, true)
    };
    let mut strategy = strategy(1, SECOND);
    strategy.axes.session.idle = Span::HOUR;
    strategy.axes.pacing = Pacing::TokenBucket(TokenBucket { messages: 1, per: Span::from_secs(60), burst: 1 });
    for (seconds, connections) in [(30, 10), (90, 1)] {
        let trial = run(&scenario(policy(vec![idle(seconds)], SECOND), 10, strategy.clone()));
        let totals = trial.cells[0].totals;
        assert_eq!((totals.connections, totals.delivered, totals.deferred), (connections, 10, 0), "{seconds} s");
        assert_eq!(trial.cells[0].rules[0].refused, connections - 1, "the trial ends with the last message");
    }
}

#[test]
fn a_provider_ends_sessions_that_are_too_old() {
    let age = Rule {
        kind: RuleKind::Check(Check::SessionAge(SessionAge { oldest: Span::from_secs(150) })),
        ..limit(Stage::Mail, Meter::Connections, Window::Gauge, 0, 0, true)
    };
    let mut strategy = strategy(1, SECOND);
    strategy.axes.session.idle = Span::HOUR;
    strategy.axes.pacing = Pacing::TokenBucket(TokenBucket { messages: 1, per: Span::from_secs(60), burst: 1 });
    let totals = run(&scenario(policy(vec![age], SECOND), 10, strategy)).cells[0].totals;
    // Three messages fit into a session, and a fourth finds it too old.
    assert_eq!((totals.delivered, totals.connections, totals.deferred_at[Stage::Mail as usize]), (10, 4, 3));
}
