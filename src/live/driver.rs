//! The driver: carries out a sender's actions over sockets.
//!
//! One task owns the sender and the record; every connection is a task of its own that speaks SMTP and reports. It is
//! an open loop: mail becomes ready at its intended time however slow the servers are, and every latency counts from
//! there.

mod connect;
mod connection;
mod connection_event;
mod connection_table;
mod halt;
mod message;
mod own_patience;
mod reply_matcher;
mod session_loss;
mod socket_world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::allowed_targets::{AllowedTargets, ForbiddenTarget};
use super::clock::{Clock, wall_span};
use super::cluster::MxCluster;
use crate::record::{ConnectionFailure, ConservationError, Latencies, Response, Trial};
use crate::sender::{Event, RecipientResult, TransactionResult};
use crate::smtp::Stage;
use crate::time::Time;
use crate::trial::{Due, RunningTrial, TrialInput, World};
use crate::units::ProviderId;
pub use connection::ClientOptions;
use connection_event::{ConnectionEvent, ConnectionReport, WireResult};
use connection_table::Assignment;
pub use halt::TrialHalt;
use reply_matcher::{ReplyMatch, ReplyMatcher};
use session_loss::SessionLoss;
use socket_world::SocketWorld;

/// A trial to be driven over sockets.
#[derive(Debug)]
pub struct DriverConfig<'a> {
    /// Scenario, strategy, seed and mail.
    pub input: TrialInput<'a>,
    /// The addresses of each provider's MX hosts, which are used in turn; none is empty.
    pub targets: Vec<Vec<SocketAddr>>,
    /// The addresses that may be sent to at all.
    pub allowed: AllowedTargets,
    /// Targets that refused a connection just before the trial. Where the first of the trial is refused as well, the
    /// trial is halted.
    pub doubtful: Vec<SocketAddr>,
    /// The address that each source sends from.
    pub sources: Vec<IpAddr>,
    /// The cluster that serves the providers, if it runs in the same process: it is told of complaints and policy
    /// changes, its state is sampled, and it is asked for its part in the end of a connection.
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
    /// Targets that refused STARTTLS, with what, and got mail in clear text.
    pub clear_text: BTreeMap<SocketAddr, String>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Why mxlab itself has stopped it, if it has.
    pub halted: Option<TrialHalt>,
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

/// Drives a trial until all mail is settled and all complaints are made, its time is over, `stop` is cancelled, or
/// going on would say nothing of any provider.
///
/// # Errors
/// A target is not allowed, or recipients were not conserved.
pub async fn drive(config: DriverConfig<'_>, stop: &CancellationToken) -> Result<LiveTrial, DriveError> {
    config.allowed.check(config.targets.iter().flatten())?;
    let (reports, mut inbox) = mpsc::unbounded_channel();
    let clock = config.clock;
    let mut driver = Driver::new(config, reports);
    driver.trial.run_actions();
    let mut timer_at = Time::ZERO;
    let mut timer = Box::pin(clock.sleep_until(timer_at));
    let stopped = loop {
        if driver.halted.is_some() {
            break true;
        }
        if driver.is_over() {
            break false;
        }
        let end = driver.trial.script.end();
        let next = driver.trial.script.next_at().unwrap_or(end).min(end);
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
    driver.trial.world.connections.close().await;
    Ok(driver.finish(stopped)?)
}

struct Driver<'a> {
    /// The time of its script is the last that the sender was told.
    trial: RunningTrial<'a, SocketWorld<'a>>,
    clock: Clock,
    /// By provider.
    matchers: Vec<ReplyMatcher>,
    own_patience: Duration,
    doubtful: Vec<SocketAddr>,
    /// Targets that a connection has come back from, whatever became of it.
    tried: BTreeSet<SocketAddr>,
    /// Targets with which a session has come about, under TLS where that is a must.
    greeted: BTreeSet<SocketAddr>,
    clear_text: BTreeMap<SocketAddr, String>,
    halted: Option<TrialHalt>,
}

impl<'a> Driver<'a> {
    fn new(config: DriverConfig<'a>, reports: mpsc::UnboundedSender<ConnectionReport>) -> Self {
        let DriverConfig { input, targets, sources, cluster, clock, client_options, doubtful, allowed: _ } = config;
        let world = SocketWorld::new(input, targets, sources, cluster, clock.speed(), &client_options, reports);
        Self {
            trial: RunningTrial::new(input, world),
            clock,
            matchers: input.scenario.providers.iter().map(ReplyMatcher::new).collect(),
            own_patience: client_options.own_patience,
            doubtful,
            tried: BTreeSet::new(),
            greeted: BTreeSet::new(),
            clear_text: BTreeMap::new(),
            halted: None,
        }
    }

    /// The time by the clock, but not beyond the trial's end.
    fn now(&self) -> Time {
        self.clock.now().min(self.trial.script.end())
    }

    fn is_over(&mut self) -> bool {
        self.trial.script.is_over() || self.now() == self.trial.script.end()
    }

    /// Runs everything that is due. The sender is told the time for which a timer was set, not how late it is by the
    /// clock: else every timer would add its lateness to the next (a token bucket of one token would never catch up).
    fn run_due(&mut self) {
        let now = self.now();
        while let Some(due) = self.trial.script.next_due(now) {
            match due {
                Due::Step(step) => self.trial.play(step),
                Due::Timer(timer) => self.trial.tell_sender(Event::Due(timer)),
                Due::Connection(conn) => self.trial.tell_sender(Event::IdleExpired(conn)),
            }
            self.trial.run_actions();
        }
    }

    /// Tells the sender what a connection reports.
    fn on_report(&mut self, report: ConnectionReport) {
        let (now, conn) = (self.now(), report.conn);
        let Some((assignment, event)) = self.trial.world.connections.receive(report) else { return };
        let Assignment { site, source, delivery, to } = assignment;
        self.halted = self.halted.take().or_else(|| self.halt_for(to, &event));
        if self.halted.is_some() {
            return;
        }
        self.trial.script.advance_to(now);
        let own_failure = event.own_failure();
        match event {
            ConnectionEvent::Connected { starttls_refused } => {
                self.record_opened(site);
                if let Some(reply) = starttls_refused {
                    self.trial.script.recorder().starttls_refused(site);
                    self.clear_text.entry(to).or_insert(reply);
                }
                self.trial.tell_sender(Event::Connected(conn));
            }
            ConnectionEvent::Replied { results, closed, timings } => {
                for (phase, took) in timings {
                    self.trial.world.latencies.record(phase, wall_span(took));
                }
                self.trial.world.spoiled = own_failure.map(|_| delivery);
                let n = if results.len() == 1 { u64::from(delivery.count) } else { 1 };
                let recipients: Vec<RecipientResult> =
                    results.into_iter().map(|result| self.interpret(site, result, closed, n)).collect();
                let world = &self.trial.world;
                let reaches_inbox = |recipient| world.reaches_inbox(site, source, recipient);
                self.trial.script.expect_complaints(site, source, &delivery, &recipients, reaches_inbox);
                let result = TransactionResult { conn, recipients: &recipients, closed };
                self.trial.tell_sender(Event::Replied(result));
            }
            ConnectionEvent::Closed(loss) => {
                if let SessionLoss::BrokenOff(why) = loss {
                    // It came between two attempts, and counts as one: else no reader would learn of it.
                    self.trial.script.recorder().attempt_broken_off(now, site, Stage::Mail, &why, 1);
                }
                self.trial.script.cancel_connection(conn);
                self.trial.tell_sender(Event::Closed(conn));
            }
            // It halts the trial.
            ConnectionEvent::Stuck(_) => {}
        }
        self.trial.run_actions();
        self.trial.world.spoiled = None;
    }

    /// Why the trial cannot go on after this, if it cannot. Whether a server listens is judged by the first connection
    /// to it, and whether TLS is to be had as long as no session has had it.
    fn halt_for(&mut self, to: SocketAddr, event: &ConnectionEvent) -> Option<TrialHalt> {
        let only = match event {
            ConnectionEvent::Stuck(what) => {
                return Some(TrialHalt::OwnSide { what: *what, lasted: self.own_patience });
            }
            ConnectionEvent::Replied { results, .. } => results.first(),
            ConnectionEvent::Connected { .. } => {
                self.greeted.insert(to);
                None
            }
            ConnectionEvent::Closed(_) => None,
        };
        let is_first = self.tried.insert(to);
        match only {
            Some(WireResult::Lost(_, SessionLoss::Silence(ConnectionFailure::Refused)))
                if is_first && self.doubtful.contains(&to) =>
            {
                Some(TrialHalt::NoListener(to))
            }
            Some(WireResult::Lost(_, SessionLoss::NoTls(why))) if !self.greeted.contains(&to) => {
                Some(TrialHalt::NoTls { target: to, why: why.clone() })
            }
            _ => None,
        }
    }

    fn record_opened(&mut self, site: ProviderId) {
        let now = self.trial.script.now();
        let open = self.trial.world.provider_sample(now, site).open;
        self.trial.script.recorder().session_opened(now, site, open);
    }

    /// Records a result that `n` recipients have met, and translates it for the sender.
    fn interpret(&mut self, site: ProviderId, result: WireResult, closes: bool, n: u64) -> RecipientResult {
        let now = self.trial.script.now();
        let (stage, code, lines) = match result {
            WireResult::Accepted => return RecipientResult::Accepted,
            WireResult::Lost(stage, loss) => {
                let recorder = self.trial.script.recorder();
                match loss {
                    SessionLoss::Silence(failure) => recorder.attempt_failed(now, site, stage, failure, n),
                    SessionLoss::BrokenOff(why) | SessionLoss::NoTls(why) => {
                        recorder.attempt_broken_off(now, site, stage, &why, n);
                    }
                    // Counted where it came up.
                    SessionLoss::OwnSide(_) => {}
                }
                return RecipientResult::NoReply(stage);
            }
            WireResult::Refused(stage, code, lines) => (stage, code, lines),
        };
        let reply = match self.matchers[site.index()].match_reply(code, &lines) {
            ReplyMatch::Known(reply) => reply,
            ReplyMatch::Learned(reply) => {
                self.trial.script.recorder().learn_reply(site, reply.to_string());
                self.trial.sender.learn_reply(site, &reply)
            }
        };
        let rule = self.matchers[site.index()].rule(stage, reply);
        let response = Response::Reply { reply, closes };
        self.trial.script.recorder().attempt_refused(now, site, stage, rule, response, n);
        RecipientResult::Refused(stage, reply)
    }

    fn finish(mut self, stopped: bool) -> Result<LiveTrial, ConservationError> {
        let now = self.now();
        self.trial.script.advance_to(now);
        let latencies = std::mem::take(&mut self.trial.world.latencies);
        let own_failures = self.trial.world.own_failures.counts();
        let trial = Trial { own_failures, ..self.trial.finish()? };
        Ok(LiveTrial { trial, latencies, clear_text: self.clear_text, stopped, halted: self.halted })
    }
}
