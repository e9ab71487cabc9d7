//! The driver: the sender's actions done over sockets.
//!
//! One task owns the sender and everything that is written down; every connection is a task of its own that speaks SMTP
//! and reports. It is an open loop: mail becomes ready at its intended time however slow the servers are, and every
//! latency counts from there.

mod agenda;
mod book;
mod connection;
mod letter;
mod report;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use super::farm::{Farm, Standing};
use super::target::{Allowed, Forbidden};
use super::tls;
use crate::provider::{Answer, Policy};
use crate::record::{ConservationError, Ending, Latencies, LatencyPhase, Recorder, Sample, Trial};
use crate::rng::Seed;
use crate::sender::{Action, Delivery, Event, Outcome, RecipientResult, Sender, Timer, TransactionResult};
use crate::time::{Span, Time};
use crate::trial::TrialInput;
use crate::units::{ConnId, Fraction, ProviderId, RecipientId, SourceId};
use crate::workload::{Row, addresses};
use agenda::Agenda;
use book::{Book, Found};
use letter::Letters;
use report::{News, Order, Report, Said};

/// What is to be driven, and where to.
#[derive(Debug)]
pub struct Task<'a> {
    /// The trial.
    pub input: TrialInput<'a>,
    /// Where each provider's MX hosts listen, taken in turn; none is empty.
    pub targets: Vec<Vec<SocketAddr>>,
    /// Where mail may go at all.
    pub allowed: Allowed,
    /// The address that each source sends from.
    pub sources: Vec<IpAddr>,
    /// The farm, where it stands in the same process: it hears of complaints and changes, and says how things stand.
    pub farm: Option<Arc<Farm>>,
    /// The time of the trial.
    pub clock: Clock,
    /// How it speaks.
    pub speech: Speech,
}

/// How a client speaks.
#[derive(Clone, Debug)]
pub struct Speech {
    /// The name it gives with EHLO.
    pub helo: String,
    /// With STARTTLS wherever it is offered.
    pub tls: Option<tls::Connector>,
    /// With BDAT wherever it is offered.
    pub chunking: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Driven {
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
    Forbidden(#[from] Forbidden),
    /// An invariant does not hold: a defect of mxlab.
    #[error(transparent)]
    ConservationError(#[from] ConservationError),
}

/// Drives until everything is settled and everyone has complained, the time is over, or somebody stops it.
pub async fn drive(task: Task<'_>, stop: &CancellationToken) -> Result<Driven, DriveError> {
    task.allowed.check(task.targets.iter().flatten())?;
    let (reports, mut inbox) = mpsc::unbounded_channel();
    let mut driver = Driver::new(task, reports);
    driver.pump(Time::ZERO);
    let clock = driver.task.clock;
    let mut rings = Time::ZERO;
    let mut bell = Box::pin(clock.until(rings));
    let stopped = loop {
        if driver.is_over() {
            break false;
        }
        let next = driver.agenda.next().unwrap_or(driver.end).min(driver.end);
        if next != rings {
            rings = next;
            bell.set(clock.until(next));
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break true,
            Some(report) = inbox.recv() => {
                driver.hear(report);
                // What has come in the meantime is heard at once.
                while let Ok(report) = inbox.try_recv() {
                    driver.hear(report);
                }
            }
            () = &mut bell => bell.set(clock.until(next)),
        }
        driver.happen();
    };
    driver.hang_up().await;
    Ok(driver.finish(stopped)?)
}

struct Driver<'a> {
    task: Task<'a>,
    end: Time,
    sender: Sender,
    recorder: Recorder,
    latencies: Latencies,
    agenda: Agenda,
    /// The time that the sender was told last: it never goes back.
    told: Time,
    letters: Letters<'a>,
    lines: Vec<Line>,
    books: Vec<Book>,
    /// As the scenario has them, and with what was learned of them.
    policies: Vec<Policy>,
    /// Which of a provider's hosts is next.
    turns: Vec<usize>,
    /// The next recipient to be injected.
    next: usize,
    /// Recipients that are not settled for good.
    left: u64,
    settled: Option<Time>,
    changes: usize,
    complaints: BinaryHeap<Reverse<Complaint>>,
    complaint_delays: Seed,
    openings: u64,
    tasks: TaskTracker,
    reports: mpsc::UnboundedSender<Report>,
    options: Arc<connection::Options>,
}

/// A connection as the driver sees it.
struct Line {
    site: ProviderId,
    source: SourceId,
    delivery: Delivery,
    opening: u64,
    /// Whether a message is under way, and so a report to come.
    busy: bool,
    orders: Option<mpsc::Sender<Order>>,
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
    fn new(task: Task<'a>, reports: mpsc::UnboundedSender<Report>) -> Self {
        let input = task.input;
        let scenario = input.scenario;
        let mut recorder = Recorder::new(&scenario.providers, scenario.duration);
        for (site, count) in (0_u16..).zip(input.deliverable()) {
            recorder.expect(ProviderId(site), count);
        }
        let mut agenda = Agenda::default();
        if let Some(first) = input.mail.intended.get(0) {
            agenda.set(ARRIVAL, first);
        }
        if let Some(change) = scenario.timeline.first() {
            agenda.set(TIMELINE, change.at);
        }
        agenda.set(SAMPLE, Time::ZERO + recorder.bucket());
        let options = connection::Options {
            speech: task.speech.clone(),
            session: input.strategy.session,
            speed: task.clock.speed(),
            stop: CancellationToken::new(),
        };
        Self {
            end: Time::ZERO + scenario.duration,
            sender: Sender::new(input.strategy.clone(), input.plan(), Seed(input.seed)),
            latencies: Latencies::default(),
            letters: Letters::new(input, addresses(Seed(input.seed))),
            told: Time::ZERO,
            lines: Vec::new(),
            books: scenario.providers.iter().map(Book::new).collect(),
            policies: scenario.providers.clone(),
            turns: vec![0; scenario.providers.len()],
            next: 0,
            left: input.mail.len() as u64,
            settled: None,
            changes: 0,
            complaints: BinaryHeap::new(),
            complaint_delays: Seed(input.seed).named("complaints"),
            openings: 0,
            tasks: TaskTracker::new(),
            reports,
            options: Arc::new(options),
            recorder,
            agenda,
            task,
        }
    }

    fn now(&self) -> Time {
        self.task.clock.now()
    }

    fn is_over(&mut self) -> bool {
        let now = self.now();
        if self.left == 0 {
            self.settled.get_or_insert(now);
        }
        now >= self.end || self.left == 0 && self.complaints.is_empty()
    }

    /// Everything that is due. Who set a timer is told the time for which it was set, not how late the wall is: what is
    /// lost at one ring must not be lost again at every one (a token bucket of one token would never catch up).
    fn happen(&mut self) {
        let late = self.now().min(self.end);
        while let Some((due, thing)) = self.agenda.due(late) {
            self.told = self.told.max(due);
            let now = self.told;
            match thing {
                ARRIVAL => self.inject(now),
                SAMPLE => self.sample(now),
                TIMELINE => self.amend(now),
                COMPLAINT => self.complain(now),
                timer if timer < self.first_conn() => self.sender.handle(now, Event::Due(Timer(timer - FIRST_TIMER))),
                idle => self.sender.handle(now, Event::IdleExpired(ConnId(idle - self.first_conn()))),
            }
            self.pump(now);
        }
    }

    fn first_conn(&self) -> u32 {
        FIRST_TIMER + self.sender.timers()
    }

    /// Does what the sender wants until it wants nothing more.
    fn pump(&mut self, now: Time) {
        while let Some(action) = self.ask_sender(now) {
            match action {
                Action::Connect { conn, source, site, delivery } => self.connect(now, conn, source, site, delivery),
                Action::Transact { conn, delivery } => self.transact(conn, delivery),
                Action::Quit(conn) => self.quit(conn),
                Action::Idle { conn, until } => self.agenda.set(self.first_conn() + conn.0, until),
                Action::WakeAt { timer: Timer(timer), at } => self.agenda.set(FIRST_TIMER + timer, at),
            }
        }
    }

    /// What the sender wants next. What it has settled is booked before that.
    fn ask_sender(&mut self, now: Time) -> Option<Action> {
        let Self { sender, recorder, latencies, left, task, .. } = self;
        let action = sender.poll(now, None);
        sender.settled(|settled| {
            let intended = task.input.mail.intended.at(settled.delivery.first.index());
            recorder.settled(now, settled, || intended);
            if settled.expired || matches!(settled.outcome, Outcome::Delivered | Outcome::Bounced) {
                *left -= u64::from(settled.delivery.count);
            }
            if settled.outcome == Outcome::Delivered {
                let took = task.clock.speed().on_the_wall(now.since(intended));
                latencies.record(LatencyPhase::Delivery, on_the_wall(took));
            }
        });
        action
    }

    fn connect(&mut self, now: Time, conn: ConnId, source: SourceId, site: ProviderId, delivery: Delivery) {
        self.recorder.connects(now, site);
        self.openings += 1;
        let hosts = &self.task.targets[site.index()];
        let turn = &mut self.turns[site.index()];
        let target = hosts[*turn % hosts.len()];
        *turn += 1;
        let (orders, mailbox) = mpsc::channel(1);
        let line = Line { site, source, delivery, opening: self.openings, busy: true, orders: Some(orders) };
        match self.lines.get_mut(conn.index()) {
            Some(place) => *place = line,
            // The sender counts its connections up from nought.
            None => self.lines.push(line),
        }
        let place =
            connection::Place { conn, opening: self.openings, from: self.task.sources[source.index()], to: target };
        self.tasks.spawn(connection::run(place, self.options.clone(), mailbox, self.reports.clone()));
    }

    fn transact(&mut self, conn: ConnId, delivery: Delivery) {
        let idle = self.first_conn() + conn.0;
        self.agenda.cancel(idle);
        let line = &mut self.lines[conn.index()];
        (line.delivery, line.busy) = (delivery, true);
        self.recorder.transacts(line.site);
        let letter = self.letters.write(&delivery);
        // Whoever is gone has said so, or will: see `News::or_lost`.
        if let Some(orders) = &line.orders {
            let _ = orders.try_send(Order::Transact(letter));
        }
    }

    fn quit(&mut self, conn: ConnId) {
        let idle = self.first_conn() + conn.0;
        self.agenda.cancel(idle);
        if let Some(orders) = self.lines[conn.index()].orders.take() {
            let _ = orders.try_send(Order::Quit);
        }
    }

    /// A connection has something to say.
    fn hear(&mut self, report: Report) {
        let Report { conn, opening, news } = report;
        let line = &mut self.lines[conn.index()];
        if line.opening != opening {
            return;
        }
        let (site, delivery) = (line.site, line.delivery);
        self.told = self.told.max(self.task.clock.now());
        let now = self.told;
        let news = news.or_lost(std::mem::take(&mut line.busy));
        match news {
            News::Connected => {
                self.opened(now, site);
                self.sender.handle(now, Event::Connected(conn));
            }
            News::Replied { heard, closed, laps } => {
                if closed {
                    line.orders = None;
                }
                for (phase, took) in laps {
                    self.latencies.record(phase, on_the_wall(took));
                }
                let n = if heard.len() == 1 { u64::from(delivery.count) } else { 1 };
                let heard: Vec<RecipientResult> =
                    heard.into_iter().map(|said| self.understand(now, site, said, closed, n)).collect();
                self.expect_complaints(now, conn, &heard);
                self.sender.handle(
                    now,
                    Event::Replied(TransactionResult { conn, recipients: &heard, closed, oracle_retry_at: None }),
                );
            }
            News::Closed => {
                line.orders = None;
                let idle = self.first_conn() + conn.0;
                self.agenda.cancel(idle);
                self.sender.handle(now, Event::Closed(conn));
            }
        }
        self.pump(now);
    }

    fn opened(&mut self, now: Time, site: ProviderId) {
        let open = self.standing(site).open;
        self.recorder.opened(now, site, open);
    }

    /// What was said to so many recipients, as the sender hears it; and into the record.
    fn understand(&mut self, now: Time, site: ProviderId, said: Said, close: bool, n: u64) -> RecipientResult {
        let (stage, code, lines) = match said {
            Said::Accepted => return RecipientResult::Accepted,
            Said::Nothing(stage, silence) => {
                self.recorder.silent(now, site, stage, silence, n);
                return RecipientResult::NoReply(stage);
            }
            Said::Refused(stage, code, lines) => (stage, code, lines),
        };
        let reply = match self.books[site.index()].find(code, &lines) {
            Found::Known(reply) => reply,
            Found::New(reply) => {
                self.policies[site.index()].replies.push(reply.clone());
                self.sender.learn_reply(site, &reply)
            }
        };
        let rule = self.books[site.index()].rule(stage, reply);
        self.recorder.answered(now, site, stage, rule, Answer::Reply { reply, close }, n);
        RecipientResult::Refused(stage, reply)
    }

    /// Hands over everything that should go out now.
    fn inject(&mut self, now: Time) {
        let input = self.task.input;
        while let Some(injection) = input.injection(self.next, now) {
            self.next += usize::from(injection.delivery.count);
            self.sender.handle(now, Event::Injected(injection));
        }
        if let Some(at) = input.mail.intended.get(self.next) {
            self.agenda.set(ARRIVAL, at);
        }
    }

    fn amend(&mut self, now: Time) {
        let timeline = &self.task.input.scenario.timeline;
        while let Some(change) = timeline.get(self.changes).filter(|change| change.at <= now) {
            self.changes += 1;
            if let Some(farm) = &self.task.farm {
                farm.amend(change.provider, &change.amendment);
            }
        }
        self.sender.handle(now, Event::PolicyChanged);
        if let Some(next) = timeline.get(self.changes) {
            self.agenda.set(TIMELINE, next.at);
        }
    }

    fn expect_complaints(&mut self, now: Time, conn: ConnId, heard: &[RecipientResult]) {
        let Line { site, source, delivery, .. } = self.lines[conn.index()];
        let input = self.task.input;
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
            self.agenda.set(COMPLAINT, first.at);
        }
    }

    fn complain(&mut self, now: Time) {
        while let Some(Reverse(complaint)) = self.complaints.peek().copied().filter(|Reverse(c)| c.at <= now) {
            self.complaints.pop();
            let Complaint { site, source, recipient, .. } = complaint;
            if let Some(farm) = &self.task.farm {
                let from = self.task.sources[source.index()];
                farm.complain(site, from, self.letters.sender_domain(recipient));
            }
            self.recorder.complained(site);
        }
        if let Some(Reverse(next)) = self.complaints.peek() {
            self.agenda.set(COMPLAINT, next.at);
        }
    }

    fn sample(&mut self, now: Time) {
        for id in (0_u16..).map(ProviderId).take(self.policies.len()) {
            let (counts, standing) = (self.sender.counts(id), self.standing(id));
            let sample = Sample {
                held_back: counts.ready,
                waiting: counts.delayed,
                reputation: standing.reputation,
                open_limit: standing.open_limit,
                open: standing.open,
            };
            self.recorder.sample(now, id, sample);
        }
        let next = now + self.recorder.bucket();
        if next <= self.end {
            self.agenda.set(SAMPLE, next);
        }
    }

    /// How things stand at a provider: by its own account, or as far as one can see from here.
    fn standing(&self, site: ProviderId) -> Standing {
        if let Some(farm) = &self.task.farm {
            return farm.look(site);
        }
        let open = self.lines.iter().filter(|line| line.site == site && line.orders.is_some()).count();
        Standing { open: u32::try_from(open).unwrap_or(u32::MAX), reputation: Fraction::NONE, open_limit: None }
    }

    /// Says QUIT wherever that can still be said, and waits a moment for those who are in the middle of something.
    async fn hang_up(&mut self) {
        for line in &mut self.lines {
            if let Some(orders) = line.orders.take() {
                let _ = orders.try_send(Order::Quit);
            }
        }
        self.options.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(FAREWELL, self.tasks.wait()).await;
    }

    fn finish(mut self, stopped: bool) -> Result<Driven, ConservationError> {
        let now = self.now().min(self.end);
        self.sample(now);
        self.sender.finish(now);
        let mut endings = Vec::new();
        for (id, policy) in (0_u16..).map(ProviderId).zip(&self.policies) {
            let counts = self.sender.counts(id);
            let activities = match &self.task.farm {
                Some(farm) => farm.activities(id, now),
                None => Vec::new(),
            };
            endings.push(Ending { policy, counts, activities });
        }
        let TrialInput { strategy, seed, unknowns, .. } = self.task.input;
        let trial = self.recorder.finish(&strategy.name, seed, unknowns, self.settled, &endings)?;
        Ok(Driven { trial, latencies: self.latencies, stopped })
    }
}

/// A length of time on the wall, to be written down.
fn on_the_wall(took: Duration) -> Span {
    Span::from_micros(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

/// How long connections have for their farewell.
const FAREWELL: Duration = Duration::from_millis(500);
