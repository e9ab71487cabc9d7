//! The driver: the sender's actions done over sockets.
//!
//! One task owns the sender and everything that is written down; every connection is a task of its own that speaks SMTP
//! and reports. It is an open loop: mail becomes ready at its intended time however slow the servers are, and every
//! latency counts from there.

mod connection;
mod connection_event;
mod message;
mod reply_matcher;
mod timer_queue;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
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
    ClosingAccount, ConservationError, Latencies, LatencyPhase, ProviderSample, Recorder, Response, Sample, Trial,
};
use crate::rng::Seed;
use crate::sender::{Action, Delivery, Event, Outcome, RecipientResult, Sender, Timer, TransactionResult};
use crate::time::{Span, Time};
use crate::trial::{TrialInput, attempt, provider_facts, sender_account};
use crate::units::{ConnId, Fraction, ProviderId, RecipientId, SourceId};
use crate::workload::{Row, addresses};
pub use connection::ClientOptions;
use connection_event::{ConnectionEvent, ConnectionReport, DriverCommand, WireResult};
use message::MessageBuilder;
use reply_matcher::{ReplyMatch, ReplyMatcher};
use timer_queue::TimerQueue;

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
    driver.run_actions(Time::ZERO);
    let clock = driver.config.clock;
    let mut alarm_at = Time::ZERO;
    let mut alarm = Box::pin(clock.sleep_until(alarm_at));
    let stopped = loop {
        if driver.is_over() {
            break false;
        }
        let next = driver.timers.next_at().unwrap_or(driver.end).min(driver.end);
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
    end: Time,
    sender: Sender,
    recorder: Recorder,
    latencies: Latencies,
    timers: TimerQueue,
    /// The time that the sender was told last: it never goes back.
    sender_time: Time,
    messages: MessageBuilder<'a>,
    connections: Vec<DriverConnection>,
    matchers: Vec<ReplyMatcher>,
    /// Which of a provider's hosts is next.
    next_host: Vec<usize>,
    /// The next recipient to be injected.
    next_recipient: usize,
    /// Recipients that are not settled for good.
    unsettled: u64,
    settled: Option<Time>,
    next_change: usize,
    complaints: BinaryHeap<Reverse<Complaint>>,
    complaint_delays: Seed,
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

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Complaint {
    at: Time,
    site: ProviderId,
    source: SourceId,
    recipient: RecipientId,
}

/// Things on the agenda that are not timers or idle connections.
const ARRIVAL: u32 = 0;
const SAMPLE: u32 = 1;
const TIMELINE: u32 = 2;
const COMPLAINT: u32 = 3;
const FIRST_TIMER: u32 = 4;

impl<'a> Driver<'a> {
    fn new(config: DriverConfig<'a>, reports: mpsc::UnboundedSender<ConnectionReport>) -> Self {
        let input = config.input;
        let scenario = input.scenario;
        let mut recorder = Recorder::new(scenario.providers.iter().map(provider_facts), scenario.duration);
        for (site, count) in (0_u16..).zip(input.deliverable()) {
            recorder.expect(ProviderId(site), count);
        }
        let mut timers = TimerQueue::default();
        if let Some(first) = input.mail.intended.get(0) {
            timers.set(ARRIVAL, first);
        }
        if let Some(change) = scenario.timeline.first() {
            timers.set(TIMELINE, change.at);
        }
        timers.set(SAMPLE, Time::ZERO + recorder.bucket());
        let options = connection::ConnectionOptions {
            client_options: config.client_options.clone(),
            session: input.strategy.session,
            speed: config.clock.speed(),
            stop: CancellationToken::new(),
        };
        Self {
            end: Time::ZERO + scenario.duration,
            sender: Sender::new(input.strategy.clone(), input.plan(), Seed(input.seed)),
            latencies: Latencies::default(),
            messages: MessageBuilder::new(input, addresses(Seed(input.seed))),
            sender_time: Time::ZERO,
            connections: Vec::new(),
            matchers: scenario.providers.iter().map(ReplyMatcher::new).collect(),
            next_host: vec![0; scenario.providers.len()],
            next_recipient: 0,
            unsettled: input.mail.len() as u64,
            settled: None,
            next_change: 0,
            complaints: BinaryHeap::new(),
            complaint_delays: Seed(input.seed).named("complaints"),
            generations: 0,
            tasks: TaskTracker::new(),
            reports,
            options: Arc::new(options),
            recorder,
            timers,
            config,
        }
    }

    fn now(&self) -> Time {
        self.config.clock.now()
    }

    fn is_over(&mut self) -> bool {
        let now = self.now();
        if self.unsettled == 0 {
            self.settled.get_or_insert(now);
        }
        now >= self.end || self.unsettled == 0 && self.complaints.is_empty()
    }

    /// Everything that is due. Who set a timer is told the time for which it was set, not how late the wall is: what is
    /// lost at one ring must not be lost again at every one (a token bucket of one token would never catch up).
    fn run_due(&mut self) {
        let late = self.now().min(self.end);
        while let Some((due, timer_id)) = self.timers.pop_due(late) {
            self.sender_time = self.sender_time.max(due);
            let now = self.sender_time;
            match timer_id {
                ARRIVAL => self.inject(now),
                SAMPLE => self.sample(now),
                TIMELINE => self.apply_changes(now),
                COMPLAINT => self.send_complaints(now),
                timer if timer < self.first_conn() => self.sender.handle(now, Event::Due(Timer(timer - FIRST_TIMER))),
                idle => self.sender.handle(now, Event::IdleExpired(ConnId(idle - self.first_conn()))),
            }
            self.run_actions(now);
        }
    }

    fn first_conn(&self) -> u32 {
        FIRST_TIMER + self.sender.timers()
    }

    /// Does what the sender wants until it wants nothing more.
    fn run_actions(&mut self, now: Time) {
        while let Some(action) = self.poll_sender(now) {
            match action {
                Action::Connect { conn, source, site, delivery } => self.connect(now, conn, source, site, delivery),
                Action::Transact { conn, delivery } => self.transact(conn, delivery),
                Action::Quit(conn) => self.quit(conn),
                Action::Idle { conn, until } => self.timers.set(self.first_conn() + conn.0, until),
                Action::WakeAt { timer: Timer(timer), at } => self.timers.set(FIRST_TIMER + timer, at),
            }
        }
    }

    /// What the sender wants next. What it has settled is booked before that.
    fn poll_sender(&mut self, now: Time) -> Option<Action> {
        let Self { sender, recorder, latencies, unsettled, config, .. } = self;
        let action = sender.poll(now, None);
        sender.settled(|settled| {
            let intended = config.input.mail.intended.at(settled.delivery.first.index());
            recorder.attempt_over(now, &attempt(settled), || intended);
            if settled.expired || matches!(settled.outcome, Outcome::Delivered | Outcome::Bounced) {
                *unsettled -= u64::from(settled.delivery.count);
            }
            if settled.outcome == Outcome::Delivered {
                let took = config.clock.speed().wall_duration(now.since(intended));
                latencies.record(LatencyPhase::Delivery, wall_span(took));
            }
        });
        action
    }

    fn connect(&mut self, now: Time, conn: ConnId, source: SourceId, site: ProviderId, delivery: Delivery) {
        self.recorder.connection_tried(now, site);
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
        let idle = self.first_conn() + conn.0;
        self.timers.cancel(idle);
        let connection = &mut self.connections[conn.index()];
        (connection.delivery, connection.busy) = (delivery, true);
        self.recorder.transaction_begun(connection.site);
        let message = self.messages.build(&delivery);
        // Whoever is gone has said so, or will: see `ConnectionEvent::lost_if_busy`.
        if let Some(commands) = &connection.commands {
            let _ = commands.try_send(DriverCommand::Send(message));
        }
    }

    fn quit(&mut self, conn: ConnId) {
        let idle = self.first_conn() + conn.0;
        self.timers.cancel(idle);
        if let Some(commands) = self.connections[conn.index()].commands.take() {
            let _ = commands.try_send(DriverCommand::Quit);
        }
    }

    /// A connection has something to say.
    fn on_report(&mut self, report: ConnectionReport) {
        let ConnectionReport { conn, generation, event } = report;
        let connection = &mut self.connections[conn.index()];
        if connection.generation != generation {
            return;
        }
        let (site, delivery) = (connection.site, connection.delivery);
        self.sender_time = self.sender_time.max(self.config.clock.now());
        let now = self.sender_time;
        let event = event.lost_if_busy(std::mem::take(&mut connection.busy));
        match event {
            ConnectionEvent::Connected => {
                self.opened(now, site);
                self.sender.handle(now, Event::Connected(conn));
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
                    results.into_iter().map(|result| self.interpret(now, site, result, closed, n)).collect();
                self.schedule_complaints(now, conn, &heard);
                self.sender.handle(
                    now,
                    Event::Replied(TransactionResult { conn, recipients: &heard, closed, oracle_retry_at: None }),
                );
            }
            ConnectionEvent::Closed => {
                connection.commands = None;
                let idle = self.first_conn() + conn.0;
                self.timers.cancel(idle);
                self.sender.handle(now, Event::Closed(conn));
            }
        }
        self.run_actions(now);
    }

    fn opened(&mut self, now: Time, site: ProviderId) {
        let open = self.provider_sample(site).open;
        self.recorder.session_opened(now, site, open);
    }

    /// What was said to so many recipients, as the sender hears it; and into the record.
    fn interpret(&mut self, now: Time, site: ProviderId, result: WireResult, closes: bool, n: u64) -> RecipientResult {
        let (stage, code, lines) = match result {
            WireResult::Accepted => return RecipientResult::Accepted,
            WireResult::Silent(stage, silence) => {
                self.recorder.attempt_failed(now, site, stage, silence, n);
                return RecipientResult::NoReply(stage);
            }
            WireResult::Refused(stage, code, lines) => (stage, code, lines),
        };
        let reply = match self.matchers[site.index()].match_reply(code, &lines) {
            ReplyMatch::Known(reply) => reply,
            ReplyMatch::Learned(reply) => {
                self.recorder.learn_reply(site, reply.to_string());
                self.sender.learn_reply(site, &reply)
            }
        };
        let rule = self.matchers[site.index()].rule(stage, reply);
        let response = Response::Reply { reply, closes };
        self.recorder.attempt_refused(now, site, stage, rule, response, n);
        RecipientResult::Refused(stage, reply)
    }

    /// Hands over everything that should go out now.
    fn inject(&mut self, now: Time) {
        let input = self.config.input;
        while let Some(injection) = input.injection(self.next_recipient, now) {
            self.next_recipient += usize::from(injection.delivery.count);
            self.sender.handle(now, Event::Injected(injection));
        }
        if let Some(at) = input.mail.intended.get(self.next_recipient) {
            self.timers.set(ARRIVAL, at);
        }
    }

    fn apply_changes(&mut self, now: Time) {
        let timeline = &self.config.input.scenario.timeline;
        while let Some(change) = timeline.get(self.next_change).filter(|change| change.at <= now) {
            self.next_change += 1;
            if let Some(cluster) = &self.config.cluster {
                cluster.change_policy(change.provider, &change.policy_change);
            }
        }
        self.sender.handle(now, Event::PolicyChanged);
        if let Some(next) = timeline.get(self.next_change) {
            self.timers.set(TIMELINE, next.at);
        }
    }

    fn schedule_complaints(&mut self, now: Time, conn: ConnId, heard: &[RecipientResult]) {
        let DriverConnection { site, source, delivery, .. } = self.connections[conn.index()];
        let input = self.config.input;
        for (n, _) in heard.iter().enumerate().filter(|(_, heard)| **heard == RecipientResult::Accepted) {
            let recipient = delivery.first.index() + n;
            let row = input.mail.rows[recipient];
            if row.is(Row::COMPLAINS) {
                let delay = input.scenario.workload.streams[row.stream.index()].list.complaint_delay;
                let at = now + delay.sample(&mut self.complaint_delays.stream("delay", recipient as u64));
                let recipient = RecipientId::from_index(recipient);
                self.complaints.push(Reverse(Complaint { at, site, source, recipient }));
            }
        }
        if let Some(Reverse(first)) = self.complaints.peek() {
            self.timers.set(COMPLAINT, first.at);
        }
    }

    fn send_complaints(&mut self, now: Time) {
        while let Some(Reverse(complaint)) = self.complaints.peek().copied().filter(|Reverse(c)| c.at <= now) {
            self.complaints.pop();
            let Complaint { site, source, recipient, .. } = complaint;
            if let Some(cluster) = &self.config.cluster {
                let from = self.config.sources[source.index()];
                cluster.on_complaint(site, from, self.messages.sender_domain(recipient));
            }
            self.recorder.complaint(site);
        }
        if let Some(Reverse(next)) = self.complaints.peek() {
            self.timers.set(COMPLAINT, next.at);
        }
    }

    fn sample(&mut self, now: Time) {
        for id in (0_u16..).map(ProviderId).take(self.matchers.len()) {
            let counts = self.sender.counts(id);
            let provider = self.provider_sample(id);
            let sample = Sample { held_back: counts.ready, waiting: counts.delayed, provider };
            self.recorder.sample(now, id, &sample);
        }
        let next = now + self.recorder.bucket();
        if next <= self.end {
            self.timers.set(SAMPLE, next);
        }
    }

    /// How things stand at a provider: by its own account, or as far as one can see from here.
    fn provider_sample(&self, site: ProviderId) -> ProviderSample {
        if let Some(cluster) = &self.config.cluster {
            return cluster.sample(site);
        }
        let open = self
            .connections
            .iter()
            .filter(|connection| connection.site == site && connection.commands.is_some())
            .count();
        ProviderSample { open: u32::try_from(open).unwrap_or(u32::MAX), reputation: Fraction::NONE, open_limit: None }
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
        let now = self.now().min(self.end);
        self.sample(now);
        self.sender.finish(now);
        let account = |id| {
            let sender = sender_account(self.sender.counts(id));
            match &self.config.cluster {
                Some(cluster) => cluster.closing_account(now, id, sender),
                None => ClosingAccount { sender, ..ClosingAccount::default() },
            }
        };
        let accounts = (0_u16..).map(ProviderId).take(self.matchers.len()).map(account).collect();
        let TrialInput { strategy, seed, unknowns, .. } = self.config.input;
        let trial = self.recorder.finish(&strategy.name, seed, unknowns, self.settled, accounts)?;
        Ok(LiveTrial { trial, latencies: self.latencies, stopped })
    }
}

/// A length of time on the wall, to be written down.
fn wall_span(took: Duration) -> Span {
    Span::from_micros(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

/// How long connections have for their farewell.
const QUIT_TIMEOUT: Duration = Duration::from_millis(500);
