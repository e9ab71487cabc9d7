//! The driver: carries out a sender's actions over sockets.
//!
//! One task owns the sender and the record; every connection is a task of its own that speaks SMTP and reports. It is
//! an open loop: mail becomes ready at its intended time however slow the servers are, and every latency counts from
//! there.

mod connection;
mod connection_event;
mod connection_table;
mod message;
mod reply_matcher;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::allowed_targets::{AllowedTargets, ForbiddenTarget};
use super::clock::{Clock, wall_span};
use super::cluster::MxCluster;
use crate::record::{
    ClosingAccount, ConservationError, Latencies, LatencyPhase, ProviderSample, Response, SenderAccount, Trial,
};
use crate::rng::Seed;
use crate::scenario::Change;
use crate::sender::{Action, Delivery, Event, Outcome, RecipientResult, Sender, TransactionResult};
use crate::time::Time;
use crate::trial::{Complaint, Due, TrialInput, TrialScript, World, finish, play, run_actions};
use crate::units::{ConnId, Fraction, ProviderId, SourceId};
use crate::workload::addresses;
pub use connection::ClientOptions;
use connection::ConnectionOptions;
use connection_event::{ConnectionEvent, ConnectionReport, WireResult};
use connection_table::{Assignment, ConnectionTable};
use message::MessageBuilder;
use reply_matcher::{ReplyMatch, ReplyMatcher};

/// A trial to be driven over sockets.
#[derive(Debug)]
pub struct DriverConfig<'a> {
    /// Scenario, strategy, seed and mail.
    pub input: TrialInput<'a>,
    /// The addresses of each provider's MX hosts, which are used in turn; none is empty.
    pub targets: Vec<Vec<SocketAddr>>,
    /// The addresses that may be sent to at all.
    pub allowed: AllowedTargets,
    /// The address that each source sends from.
    pub sources: Vec<IpAddr>,
    /// The cluster that serves the providers, if it runs in the same process: it is told of complaints and policy
    /// changes, and its state is sampled.
    pub cluster: Option<Arc<MxCluster>>,
    /// The clock of the trial.
    pub clock: Clock,
    /// How the client speaks.
    pub client_options: ClientOptions,
}

/// A trial that was driven over sockets.
#[derive(Debug)]
pub struct LiveTrial {
    /// What happened, as in a simulated trial.
    pub trial: Trial,
    /// How long the phases of sessions took, in wall-clock time.
    pub latencies: Latencies,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// A trial cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// A target is not allowed.
    #[error(transparent)]
    Forbidden(#[from] ForbiddenTarget),
    /// Recipients were lost or counted twice, which is a defect of mxlab.
    #[error(transparent)]
    Conservation(#[from] ConservationError),
}

/// Drives a trial until all mail is settled and all complaints are made, its time is over, or `stop` is cancelled.
///
/// # Errors
/// A target is not allowed, or recipients were not conserved.
pub async fn drive(config: DriverConfig<'_>, stop: &CancellationToken) -> Result<LiveTrial, DriveError> {
    config.allowed.check(config.targets.iter().flatten())?;
    let (reports, mut inbox) = mpsc::unbounded_channel();
    let mut driver = Driver::new(config, reports);
    run_actions(&mut driver);
    let clock = driver.config.clock;
    let mut timer_at = Time::ZERO;
    let mut timer = Box::pin(clock.sleep_until(timer_at));
    let stopped = loop {
        if driver.is_over() {
            break false;
        }
        let end = driver.script.end();
        let next = driver.script.next_at().unwrap_or(end).min(end);
        if next != timer_at {
            timer_at = next;
            timer.set(clock.sleep_until(next));
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break true,
            Some(report) = inbox.recv() => {
                driver.on_report(report);
                // Reports that are waiting are handled before the sender is asked again.
                while let Ok(report) = inbox.try_recv() {
                    driver.on_report(report);
                }
            }
            () = &mut timer => timer.set(clock.sleep_until(next)),
        }
        driver.run_due();
    };
    driver.connections.close().await;
    Ok(driver.finish(stopped)?)
}

struct Driver<'a> {
    config: DriverConfig<'a>,
    /// Its time is the last that the sender was told.
    script: TrialScript<'a>,
    sender: Sender,
    latencies: Latencies,
    messages: MessageBuilder<'a>,
    connections: ConnectionTable,
    matchers: Vec<ReplyMatcher>,
    /// For each provider, how many connections have been opened: its hosts are used in turn.
    opened: Vec<usize>,
}

impl<'a> Driver<'a> {
    fn new(config: DriverConfig<'a>, reports: mpsc::UnboundedSender<ConnectionReport>) -> Self {
        let input = config.input;
        let providers = &input.scenario.providers;
        let sender = Sender::new(input.strategy, &input.sender_task(), Seed(input.seed));
        let stop = CancellationToken::new();
        let options = (0..providers.len()).map(ProviderId::from_index).map(|site| ConnectionOptions {
            client_options: config.client_options.clone(),
            session: input.strategy.axes_at(site).session,
            speed: config.clock.speed(),
            stop: stop.clone(),
        });
        Self {
            script: TrialScript::new(input, sender.timers()),
            sender,
            latencies: Latencies::default(),
            messages: MessageBuilder::new(input, addresses(Seed(input.seed))),
            connections: ConnectionTable::new(options, stop.clone(), reports),
            matchers: providers.iter().map(ReplyMatcher::new).collect(),
            opened: vec![0; providers.len()],
            config,
        }
    }

    /// The time by the clock, but not beyond the trial's end.
    fn clock(&self) -> Time {
        self.config.clock.now().min(self.script.end())
    }

    fn is_over(&mut self) -> bool {
        self.script.is_over() || self.clock() == self.script.end()
    }

    /// Runs everything that is due. The sender is told the time for which a timer was set, not how late it is by the
    /// clock: else every timer would add its lateness to the next (a token bucket of one token would never catch up).
    fn run_due(&mut self) {
        let now = self.clock();
        while let Some(due) = self.script.next_due(now) {
            match due {
                Due::Step(step) => play(self, step),
                Due::Timer(timer) => self.tell_sender(Event::Due(timer)),
                Due::Connection(conn) => self.tell_sender(Event::IdleExpired(conn)),
            }
            run_actions(self);
        }
    }

    /// Tells the sender what a connection reports.
    fn on_report(&mut self, report: ConnectionReport) {
        let (now, conn) = (self.clock(), report.conn);
        let Some((Assignment { site, source, delivery }, event)) = self.connections.receive(report) else { return };
        self.script.advance_to(now);
        match event {
            ConnectionEvent::Connected => {
                self.record_opened(site);
                self.tell_sender(Event::Connected(conn));
            }
            ConnectionEvent::Replied { results, closed, timings } => {
                for (phase, took) in timings {
                    self.latencies.record(phase, wall_span(took));
                }
                let n = if results.len() == 1 { u64::from(delivery.count) } else { 1 };
                let recipients: Vec<RecipientResult> =
                    results.into_iter().map(|result| self.interpret(site, result, closed, n)).collect();
                self.script.expect_complaints(site, source, &delivery, &recipients);
                let result = TransactionResult { conn, recipients: &recipients, closed };
                self.tell_sender(Event::Replied(result));
            }
            ConnectionEvent::Closed => {
                self.script.cancel_connection(conn);
                self.tell_sender(Event::Closed(conn));
            }
        }
        run_actions(self);
    }

    fn record_opened(&mut self, site: ProviderId) {
        let (now, open) = (self.script.now(), self.provider_sample(site).open);
        self.script.recorder().session_opened(now, site, open);
    }

    /// Records a result that `n` recipients have met, and translates it for the sender.
    fn interpret(&mut self, site: ProviderId, result: WireResult, closes: bool, n: u64) -> RecipientResult {
        let now = self.script.now();
        let (stage, code, lines) = match result {
            WireResult::Accepted => return RecipientResult::Accepted,
            WireResult::Silent(stage, failure) => {
                self.script.recorder().attempt_failed(now, site, stage, failure, n);
                return RecipientResult::NoReply(stage);
            }
            WireResult::Refused(stage, code, lines) => (stage, code, lines),
        };
        let reply = match self.matchers[site.index()].match_reply(code, &lines) {
            ReplyMatch::Known(reply) => reply,
            ReplyMatch::Learned(reply) => {
                self.script.recorder().learn_reply(site, reply.to_string());
                self.sender.learn_reply(site, &reply)
            }
        };
        let rule = self.matchers[site.index()].rule(stage, reply);
        let response = Response::Reply { reply, closes };
        self.script.recorder().attempt_refused(now, site, stage, rule, response, n);
        RecipientResult::Refused(stage, reply)
    }

    fn finish(mut self, stopped: bool) -> Result<LiveTrial, ConservationError> {
        let now = self.clock();
        self.script.advance_to(now);
        let latencies = std::mem::take(&mut self.latencies);
        Ok(LiveTrial { trial: finish(self)?, latencies, stopped })
    }
}

impl<'a> World<'a> for Driver<'a> {
    fn script(&mut self) -> &mut TrialScript<'a> {
        &mut self.script
    }

    fn into_script(self) -> TrialScript<'a> {
        self.script
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn tell_sender(&mut self, event: Event<'_>) {
        self.sender.handle(self.script.now(), event);
    }

    fn poll_sender(&mut self) -> Option<Action> {
        let Self { sender, script, latencies, config, .. } = self;
        let now = script.now();
        let action = sender.poll(now, None);
        sender.drain_results(|result| {
            script.attempt_over(result);
            if result.outcome == Outcome::Delivered {
                let intended = config.input.mail.intended.at(result.delivery.first.index());
                let took = config.clock.speed().wall_duration(now.since(intended));
                latencies.record(LatencyPhase::Delivery, wall_span(took));
            }
        });
        action
    }

    fn finish_sender(&mut self) {
        self.sender.finish(self.script.now());
    }

    fn connect(&mut self, conn: ConnId, source: SourceId, site: ProviderId, delivery: Delivery) {
        let now = self.script.now();
        self.script.recorder().connection_tried(now, site);
        let (hosts, opened) = (&self.config.targets[site.index()], &mut self.opened[site.index()]);
        let to = hosts[*opened % hosts.len()];
        *opened += 1;
        let from = self.config.sources[source.index()];
        self.connections.open(conn, Assignment { site, source, delivery }, from, to);
    }

    fn transact(&mut self, conn: ConnId, delivery: Delivery) {
        self.script.cancel_connection(conn);
        self.script.recorder().transaction_begun(self.connections.site(conn));
        self.connections.send(conn, delivery, self.messages.build(&delivery));
    }

    fn quit(&mut self, conn: ConnId) {
        self.script.cancel_connection(conn);
        self.connections.quit(conn);
    }

    fn idle(&mut self, conn: ConnId, until: Time) {
        self.script.schedule_connection(conn, until);
    }

    fn change_policy(&mut self, change: &Change) {
        if let Some(cluster) = &self.config.cluster {
            cluster.change_policy(change.provider, &change.policy_change);
        }
    }

    fn complain(&mut self, complaint: &Complaint) {
        if let Some(cluster) = &self.config.cluster {
            let from = self.config.sources[complaint.source.index()];
            let domains = &self.config.input.scenario.workload.sender_domains;
            cluster.on_complaint(complaint.site, from, &domains[complaint.sender.index()]);
        }
    }

    /// The cluster's state, or as much of it as can be seen from the sender's side.
    fn provider_sample(&self, site: ProviderId) -> ProviderSample {
        if let Some(cluster) = &self.config.cluster {
            return cluster.sample(site);
        }
        let open = u32::try_from(self.connections.count(site)).expect("connections have ids of 32 bits");
        ProviderSample { open, reputation: Fraction::NONE, open_limit: None }
    }

    fn closing_account(&self, site: ProviderId, sender: SenderAccount) -> ClosingAccount {
        match &self.config.cluster {
            Some(cluster) => cluster.closing_account(self.script.now(), site, sender),
            None => ClosingAccount { sender, ..ClosingAccount::default() },
        }
    }
}
