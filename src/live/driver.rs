//! The driver: the sender's actions done over sockets.
//!
//! One task owns the sender and everything that is written down; every connection is a task of its own that speaks SMTP
//! and reports. It is an open loop: mail becomes ready at its intended time however slow the servers are, and every
//! latency counts from there.

mod connection;
mod connection_event;
mod message;
mod reply_matcher;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::allowed_targets::{AllowedTargets, ForbiddenTarget};
use super::clock::Clock;
use super::cluster::MxCluster;
use crate::record::{
    ClosingAccount, ConservationError, Latencies, LatencyPhase, ProviderSample, Response, SenderAccount, Trial,
};
use crate::rng::Seed;
use crate::scenario::Change;
use crate::sender::{Action, Delivery, Event, Outcome, RecipientResult, Sender, TransactionResult};
use crate::time::{Span, Time};
use crate::trial::{Complaint, Due, TrialInput, TrialScript, World, finish, play, run_actions};
use crate::units::{ConnId, Fraction, ProviderId, SourceId};
use crate::workload::addresses;
pub use connection::ClientOptions;
use connection_event::{ConnectionEvent, ConnectionReport, DriverCommand, WireResult};
use message::MessageBuilder;
use reply_matcher::{ReplyMatch, ReplyMatcher};

/// What is to be driven, and where to.
#[derive(Debug)]
pub struct DriverConfig<'a> {
    /// The trial.
    pub input: TrialInput<'a>,
    /// Where each provider's MX hosts listen, taken in turn; none is empty.
    pub targets: Vec<Vec<SocketAddr>>,
    /// Where mail may go at all.
    pub allowed: AllowedTargets,
    /// The address that each source sends from.
    pub sources: Vec<IpAddr>,
    /// The cluster, where it stands in the same process: it hears of complaints and changes, and says how things stand.
    pub cluster: Option<Arc<MxCluster>>,
    /// The time of the trial.
    pub clock: Clock,
    /// How it speaks.
    pub client_options: ClientOptions,
}

/// What came of it.
#[derive(Debug)]
pub struct LiveTrial {
    /// The trial, as a simulated one.
    pub trial: Trial,
    /// How long everything took on the wall.
    pub latencies: Latencies,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// Why a drive came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// A target is nobody's that has agreed.
    #[error(transparent)]
    Forbidden(#[from] ForbiddenTarget),
    /// An invariant does not hold: a defect of mxlab.
    #[error(transparent)]
    ConservationError(#[from] ConservationError),
}

/// Drives until everything is settled and everyone has complained, the time is over, or somebody stops it.
pub async fn drive(config: DriverConfig<'_>, stop: &CancellationToken) -> Result<LiveTrial, DriveError> {
    config.allowed.check(config.targets.iter().flatten())?;
    let (reports, mut inbox) = mpsc::unbounded_channel();
    let mut driver = Driver::new(config, reports);
    run_actions(&mut driver);
    let clock = driver.config.clock;
    let mut alarm_at = Time::ZERO;
    let mut alarm = Box::pin(clock.sleep_until(alarm_at));
    let stopped = loop {
        if driver.is_over() {
            break false;
        }
        let end = driver.script.end();
        let next = driver.script.next_at().unwrap_or(end).min(end);
        if next != alarm_at {
            alarm_at = next;
            alarm.set(clock.sleep_until(next));
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break true,
            Some(report) = inbox.recv() => {
                driver.on_report(report);
                // What has come in the meantime is heard at once.
                while let Ok(report) = inbox.try_recv() {
                    driver.on_report(report);
                }
            }
            () = &mut alarm => alarm.set(clock.sleep_until(next)),
        }
        driver.run_due();
    };
    driver.close_connections().await;
    Ok(driver.finish(stopped)?)
}

struct Driver<'a> {
    config: DriverConfig<'a>,
    /// Its time is what the sender was told last.
    script: TrialScript<'a>,
    sender: Sender,
    latencies: Latencies,
    messages: MessageBuilder<'a>,
    connections: Vec<DriverConnection>,
    matchers: Vec<ReplyMatcher>,
    /// Which of a provider's hosts is next.
    next_host: Vec<usize>,
    generations: u64,
    tasks: TaskTracker,
    reports: mpsc::UnboundedSender<ConnectionReport>,
    options: Arc<connection::ConnectionOptions>,
}

/// A connection as the driver sees it.
struct DriverConnection {
    site: ProviderId,
    source: SourceId,
    delivery: Delivery,
    generation: u64,
    /// Whether a message is under way, and so a report to come.
    busy: bool,
    commands: Option<mpsc::Sender<DriverCommand>>,
}

impl<'a> Driver<'a> {
    fn new(config: DriverConfig<'a>, reports: mpsc::UnboundedSender<ConnectionReport>) -> Self {
        let input = config.input;
        let providers = &input.scenario.providers;
        let sender = Sender::new(input.strategy.clone(), input.sender_task(), Seed(input.seed));
        let options = connection::ConnectionOptions {
            client_options: config.client_options.clone(),
            session: input.strategy.session,
            speed: config.clock.speed(),
            stop: CancellationToken::new(),
        };
        Self {
            script: TrialScript::new(input, sender.timers()),
            sender,
            latencies: Latencies::default(),
            messages: MessageBuilder::new(input, addresses(Seed(input.seed))),
            connections: Vec::new(),
            matchers: providers.iter().map(ReplyMatcher::new).collect(),
            next_host: vec![0; providers.len()],
            generations: 0,
            tasks: TaskTracker::new(),
            reports,
            options: Arc::new(options),
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

    /// Everything that is due. Who set a timer is told the time for which it was set, not how late it is by the clock:
    /// what is lost at one ring must not be lost again at every one (a token bucket of one token would never catch up).
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

    /// A connection has something to say.
    fn on_report(&mut self, report: ConnectionReport) {
        let ConnectionReport { conn, generation, event } = report;
        let now = self.clock();
        let connection = &mut self.connections[conn.index()];
        if connection.generation != generation {
            return;
        }
        let DriverConnection { site, source, delivery, .. } = *connection;
        self.script.advance_to(now);
        let event = event.lost_if_busy(std::mem::take(&mut connection.busy));
        match event {
            ConnectionEvent::Connected => {
                self.record_opened(site);
                self.tell_sender(Event::Connected(conn));
            }
            ConnectionEvent::Replied { results, closed, timings } => {
                if closed {
                    connection.commands = None;
                }
                for (phase, took) in timings {
                    self.latencies.record(phase, wall_span(took));
                }
                let n = if results.len() == 1 { u64::from(delivery.count) } else { 1 };
                let heard: Vec<RecipientResult> =
                    results.into_iter().map(|result| self.interpret(site, result, closed, n)).collect();
                self.script.expect_complaints(site, source, &delivery, &heard);
                let result = TransactionResult { conn, recipients: &heard, closed, oracle_retry_at: None };
                self.tell_sender(Event::Replied(result));
            }
            ConnectionEvent::Closed => {
                connection.commands = None;
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

    /// What was said to so many recipients, as the sender hears it; and into the record.
    fn interpret(&mut self, site: ProviderId, result: WireResult, closes: bool, n: u64) -> RecipientResult {
        let now = self.script.now();
        let (stage, code, lines) = match result {
            WireResult::Accepted => return RecipientResult::Accepted,
            WireResult::Silent(stage, silence) => {
                self.script.recorder().attempt_failed(now, site, stage, silence, n);
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

    /// Says QUIT wherever that can still be said, and waits a moment for those who are in the middle of something.
    async fn close_connections(&mut self) {
        for connection in &mut self.connections {
            if let Some(commands) = connection.commands.take() {
                let _ = commands.try_send(DriverCommand::Quit);
            }
        }
        self.options.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(QUIT_TIMEOUT, self.tasks.wait()).await;
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
        sender.settled(|result| {
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
        self.generations += 1;
        let hosts = &self.config.targets[site.index()];
        let host = &mut self.next_host[site.index()];
        let target = hosts[*host % hosts.len()];
        *host += 1;
        let (commands, inbox) = mpsc::channel(1);
        let connection = DriverConnection {
            site,
            source,
            delivery,
            generation: self.generations,
            busy: true,
            commands: Some(commands),
        };
        match self.connections.get_mut(conn.index()) {
            Some(place) => *place = connection,
            // The sender counts its connections up from nought.
            None => self.connections.push(connection),
        }
        let place = connection::ConnectionParams {
            conn,
            generation: self.generations,
            from: self.config.sources[source.index()],
            to: target,
        };
        self.tasks.spawn(connection::run(place, self.options.clone(), inbox, self.reports.clone()));
    }

    fn transact(&mut self, conn: ConnId, delivery: Delivery) {
        self.script.cancel_connection(conn);
        let connection = &mut self.connections[conn.index()];
        (connection.delivery, connection.busy) = (delivery, true);
        self.script.recorder().transaction_begun(connection.site);
        let message = self.messages.build(&delivery);
        // Whoever is gone has said so, or will: see `ConnectionEvent::lost_if_busy`.
        if let Some(commands) = &connection.commands {
            let _ = commands.try_send(DriverCommand::Send(message));
        }
    }

    fn quit(&mut self, conn: ConnId) {
        self.script.cancel_connection(conn);
        if let Some(commands) = self.connections[conn.index()].commands.take() {
            let _ = commands.try_send(DriverCommand::Quit);
        }
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

    /// By the provider's own account, or as far as one can see from here.
    fn provider_sample(&self, site: ProviderId) -> ProviderSample {
        if let Some(cluster) = &self.config.cluster {
            return cluster.sample(site);
        }
        let here = |connection: &&DriverConnection| connection.site == site && connection.commands.is_some();
        let open = self.connections.iter().filter(here).count();
        ProviderSample { open: u32::try_from(open).unwrap_or(u32::MAX), reputation: Fraction::NONE, open_limit: None }
    }

    fn closing_account(&self, site: ProviderId, sender: SenderAccount) -> ClosingAccount {
        match &self.config.cluster {
            Some(cluster) => cluster.closing_account(self.script.now(), site, sender),
            None => ClosingAccount { sender, ..ClosingAccount::default() },
        }
    }
}

/// A length of time on the wall, to be written down.
fn wall_span(took: Duration) -> Span {
    Span::from_micros(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

/// How long connections have for their farewell.
const QUIT_TIMEOUT: Duration = Duration::from_millis(500);
