//! The sequence of a provider's decisions, where timing cannot matter.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use mxlab::live::{
    AllowedTargets, ClientOptions, Clock, DriverConfig, MxCluster, MxClusterConfig, MxHost, MxServer, ServerOptions,
    Speed, drive, source_address,
};
use mxlab::live::{LiveEvent, LiveEventKind};
use mxlab::provider::{Decision, Provider, Verdict};
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::sender::{Action, AttemptResult, Event};
use mxlab::sim::{self, CallResult, Observer, ProviderCall};
use mxlab::smtp::Stage;
use mxlab::time::{Span, Time};
use mxlab::trial::TrialInput;
use mxlab::units::{ProviderId, SessionId};
use mxlab::workload::generate;

/// One connection after the other; limits that count messages and recipients and look at no clock; users who do
/// not exist, mailboxes that are full, spam, messages that are too large.
const SCENARIO: &str = r#"
duration = "1d"
[[provider]]
profile = "yahoo"
[provider.set]
rule.volume.enabled = false
rule.busy.enabled = false
service.per-message = "0s"
[[source]]
ip = "192.0.2.1"
reputation = 0.9
[[stream]]
arrivals = { at-once = { recipients = 400 } }
recipients-per-message = [1, 5]
list = { unknown = 0.1, full = 0.05, spam = 0.05 }
[[strategy]]
preset = "fixed"
concurrency = { fixed = 1 }
session = { messages-per-connection = 100 }
retry = { list = ["2d"], give-up = "5d" }
"#;

/// A decision as both worlds can tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Opened,
    Refused(Stage, String),
    Accepted(usize),
    Lost,
    Closed,
}

#[test]
fn every_decision_is_the_same_where_timing_cannot_matter() {
    let scenario = super::scenario_text::scenario("decisions", SCENARIO, &[]);
    let simulated = in_virtual_time(&scenario);
    let real = on_sockets(&scenario);
    assert!(simulated.len() > 300 && simulated.iter().any(|told| matches!(told, Told::Refused(Stage::Mail, _))));
    for (n, (simulated, real)) in simulated.iter().zip(&real).enumerate() {
        assert_eq!(simulated, real, "decision {n}");
    }
    assert_eq!(simulated.len(), real.len());
}

fn in_virtual_time(scenario: &Scenario) -> Vec<Told> {
    let mail = generate(&scenario.workload, Seed(1)).unwrap();
    let input = TrialInput { scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail: &mail };
    let log = Rc::new(RefCell::new(Log::default()));
    sim::observed_trial(input, &AtomicBool::new(false), log.clone()).unwrap();
    log.take().told
}

#[derive(Default)]
struct Log {
    told: Vec<Told>,
    named: BTreeMap<SessionId, usize>,
}

impl Log {
    fn verdict(&mut self, provider: &Provider, stage: Stage, verdict: Verdict) {
        if let Decision::Refuse(refusal) = verdict.decision {
            let rule = provider.policy().rules[refusal.rule.index()].name.clone();
            self.told.push(Told::Refused(stage, rule));
        }
    }
}

impl Observer for Log {
    fn sender_event(&mut self, _: Time, _: &Event<'_>) {}
    fn sender_action(&mut self, _: Time, _: &Action) {}
    fn attempt_result(&mut self, _: Time, _: &AttemptResult) {}
    fn before_call(&mut self, _: Time, _: ProviderId, _: &Provider, _: &ProviderCall<'_>) {}

    fn after_call(&mut self, _: Time, _: ProviderId, provider: &Provider, call: &ProviderCall<'_>, answer: CallResult) {
        match (call, answer) {
            (ProviderCall::Connect(..), CallResult::Session(Some(_), _)) => self.told.push(Told::Opened),
            (ProviderCall::Connect(..), CallResult::Session(None, verdict)) => {
                self.verdict(provider, Stage::Connect, verdict);
            }
            (ProviderCall::Ehlo(_), CallResult::Verdict(verdict)) => self.verdict(provider, Stage::Ehlo, verdict),
            (ProviderCall::Mail(session, _), CallResult::Verdict(verdict)) => {
                self.named.insert(*session, 0);
                self.verdict(provider, Stage::Mail, verdict);
            }
            (ProviderCall::Rcpt(session, _), CallResult::Verdict(verdict)) => {
                *self.named.entry(*session).or_default() += usize::from(verdict.accepted());
                self.verdict(provider, Stage::Rcpt, verdict);
            }
            (ProviderCall::Data(_), CallResult::Verdict(verdict)) => self.verdict(provider, Stage::Data, verdict),
            (ProviderCall::EndOfData(session), CallResult::Verdict(verdict)) => {
                let missed = provider.undeliverable();
                match missed.first() {
                    Some((_, refusal)) if verdict.accepted() && missed.len() == self.named[session] => {
                        let verdict = Verdict { decision: Decision::Refuse(*refusal), ..verdict };
                        self.verdict(provider, Stage::EndOfData, verdict);
                    }
                    _ if verdict.accepted() => self.told.push(Told::Accepted(self.named[session] - missed.len())),
                    _ => self.verdict(provider, Stage::EndOfData, verdict),
                }
            }
            (ProviderCall::Close(_), _) => self.told.push(Told::Closed),
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn on_sockets(scenario: &Scenario) -> Vec<Told> {
    let mail = generate(&scenario.workload, Seed(1)).unwrap();
    let input = TrialInput { scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail: &mail };
    let clock = Clock::start(Speed::new(100.0).unwrap());
    let from = source_address(7);
    let config = MxClusterConfig {
        policies: scenario.providers.clone(),
        seed: 1,
        unknowns: 1,
        day_starts: Span::ZERO,
        clients: std::iter::once(from).zip(input.clients()).collect(),
        accounts: Vec::new(),
        senders: Vec::new(),
    };
    let cluster = MxCluster::new(config, clock);
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    cluster.set_event_listener(Some(Box::new(move |event: &LiveEvent<'_>| log.lock().unwrap().push(tell(event)))));
    let address = "127.0.0.1:0".parse().unwrap();
    let wanted = [MxHost { site: ProviderId(0), name: "mx.test".to_owned(), address }];
    let server =
        MxServer::start(&cluster, &wanted, ServerOptions { connections_max: 10, ..ServerOptions::default() }).unwrap();
    let config = DriverConfig {
        input,
        targets: vec![vec![server.hosts()[0].address]],
        allowed: AllowedTargets::default(),
        doubtful: Vec::new(),
        sources: vec![from],
        cluster: Some(cluster.clone()),
        clock,
        client_options: ClientOptions::new("mxlab.test".parse().unwrap()),
    };
    let never = tokio_util::sync::CancellationToken::new();
    let driven = drive(config, &never);
    tokio::time::timeout(std::time::Duration::from_secs(5), driven).await.ok();
    server.stop(std::time::Duration::from_secs(1)).await;
    cluster.set_event_listener(None);
    Arc::try_unwrap(told).unwrap().into_inner().unwrap()
}

fn tell(event: &LiveEvent<'_>) -> Told {
    match event.kind {
        LiveEventKind::Opened => Told::Opened,
        LiveEventKind::Closed => Told::Closed,
        LiveEventKind::Refused { stage, rule, .. } => Told::Refused(stage, rule.unwrap_or_default().to_owned()),
        LiveEventKind::Accepted { message, .. } => Told::Accepted(message.recipients_count),
        LiveEventKind::Lost { .. } => Told::Lost,
    }
}
