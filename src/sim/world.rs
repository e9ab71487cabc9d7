//! The world: it owns the time, and moves events between one sender and the providers.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::connection::{PendingEvent, SimConnection};
use super::foresight::SimForesight;
use super::network::NetworkPath;
use super::observer::{Observed, Observer, ObserverHandle};
use super::queue::EventQueue;
use crate::provider::{ListenQueue, Provider};
use crate::record::{ConservationError, Recorder, Sample, Trial};
use crate::rng::Seed;
use crate::scenario::{Host, Network};
use crate::sender::{Action, Event, Outcome, Sender, Timer};
use crate::time::Time;
use crate::trial::{TrialInput, attempt, closing_account, provider_facts, provider_sample, sender_account};
use crate::units::{ClientId, ConnId, ProviderId, SenderDomainId};
use crate::workload::addresses;

/// An invariant does not hold: a defect of mxlab.
#[derive(Debug, thiserror::Error)]
#[error("strategy {strategy}, seed {seed}{}: {why}", if unknowns == seed { String::new() } else { format!(" with the unknown limits of seed {unknowns}") })]
pub struct Broken {
    /// The strategy.
    pub strategy: String,
    /// The seed of chance.
    pub seed: u64,
    /// The seed of the unknown limits.
    pub unknowns: u64,
    /// What does not hold.
    pub why: ConservationError,
}

/// Runs a trial to its end. `None` if `stop` was set before that.
pub fn trial(input: TrialInput<'_>, stop: &AtomicBool) -> Result<Option<Trial>, Broken> {
    run(World::new(input, None), stop)
}

/// The same, and the observer sees it. What comes out is the same with a observer as without.
pub fn observed_trial(
    input: TrialInput<'_>,
    stop: &AtomicBool,
    observer: Rc<RefCell<dyn Observer>>,
) -> Result<Option<Trial>, Broken> {
    run(World::new(input, Some(&ObserverHandle::new(observer))), stop)
}

fn run(mut world: World<'_>, stop: &AtomicBool) -> Result<Option<Trial>, Broken> {
    if !world.run(stop) {
        return Ok(None);
    }
    let input = world.input;
    let broken =
        |why| Broken { strategy: input.strategy.name.clone(), seed: input.seed, unknowns: input.unknowns, why };
    world.finish().map(Some).map_err(broken)
}

pub(super) struct World<'a> {
    pub(super) input: TrialInput<'a>,
    pub(super) now: Time,
    pub(super) end: Time,
    pub(super) queue: EventQueue,
    pub(super) sender: Observed<Sender>,
    pub(super) sites: Vec<SimSite>,
    pub(super) connections: Vec<SimConnection>,
    pub(super) path: NetworkPath,
    pub(super) recorder: Recorder,
    /// The next recipient to be injected.
    pub(super) next: usize,
    /// Up to where the table of recipients was called in.
    pub(super) called_in: usize,
    /// Recipients that are not settled for good.
    pub(super) left: u64,
    /// When the last recipient was settled.
    pub(super) settled: Option<Time>,
    pub(super) changes: usize,
    pub(super) complaints: BinaryHeap<Reverse<Complaint>>,
    /// How long a recipient takes to complain, addressed by recipient.
    pub(super) complaint_delays: Seed,
    /// Sites where a worker has become free for the first connection of the backlog.
    pub(super) free_workers: Vec<ProviderId>,
    /// Who the recipients are, where a list has fewer addresses than it gets messages.
    pub(super) addresses: Seed,
    pub(super) first_conn: u32,
    watch: Option<Rc<ObserverHandle>>,
}

/// A provider and what the world keeps for it.
pub(super) struct SimSite {
    pub(super) provider: Observed<Provider>,
    pub(super) places: ListenQueue,
    /// Connections in the backlog, the first to be greeted first.
    pub(super) backlog: VecDeque<ConnId>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Complaint {
    pub(super) at: Time,
    pub(super) site: ProviderId,
    pub(super) client: ClientId,
    pub(super) sender: SenderDomainId,
}

/// Slots of the event queue that are not timers or connections.
const ARRIVAL: u32 = 0;
const SAMPLE: u32 = 1;
const TIMELINE: u32 = 2;
pub(super) const COMPLAINT: u32 = 3;
const FIRST_TIMER: u32 = 4;

impl<'a> World<'a> {
    fn new(input: TrialInput<'a>, watch: Option<&Rc<ObserverHandle>>) -> Self {
        let TrialInput { scenario, strategy, seed, mail, .. } = input;
        let seed = Seed(seed);
        let sender = Sender::new(strategy.clone(), input.plan(), seed);
        let first_conn = FIRST_TIMER + sender.timers();
        let pairs = scenario.sources.len() * scenario.providers.len();
        let site = |(id, policy)| {
            let provider = Observed::new(input.provider(policy), id, watch.cloned());
            SimSite { provider, places: ListenQueue::default(), backlog: VecDeque::new() }
        };
        let mut world = Self {
            input,
            now: Time::ZERO,
            end: Time::ZERO + scenario.duration,
            queue: EventQueue::default(),
            sender: Observed::new(sender, ProviderId(0), watch.cloned()),
            sites: (0..).map(ProviderId).zip(&scenario.providers).map(site).collect(),
            connections: Vec::new(),
            path: NetworkPath::new(network(&input), seed, pairs),
            recorder: Recorder::new(scenario.providers.iter().map(provider_facts), scenario.duration),
            next: 0,
            called_in: 0,
            left: mail.rows.len() as u64,
            settled: None,
            changes: 0,
            complaints: BinaryHeap::new(),
            complaint_delays: seed.named("complaints"),
            free_workers: Vec::new(),
            addresses: addresses(seed),
            first_conn,
            watch: watch.cloned(),
        };
        world.expect_recipients();
        world.schedule_first();
        world
    }

    /// Goes through the events until everything is settled and everyone has complained, or the time is over. Whether it
    /// was not stopped before.
    fn run(&mut self, stop: &AtomicBool) -> bool {
        let mut until_look = LOOK_EVERY;
        while let Some((at, slot)) = self.queue.pop() {
            if at > self.end {
                self.now = self.end;
                return true;
            }
            self.now = at;
            if let Some(watch) = &self.watch {
                watch.now.set(at);
            }
            self.happen(slot);
            if self.left == 0 {
                self.settled.get_or_insert(at);
                if self.complaints.is_empty() {
                    return true;
                }
            }
            until_look -= 1;
            if until_look == 0 {
                until_look = LOOK_EVERY;
                if stop.load(Ordering::Relaxed) {
                    return false;
                }
            }
        }
        self.now = self.end;
        true
    }

    fn happen(&mut self, slot: u32) {
        match slot {
            ARRIVAL => self.inject(),
            SAMPLE => self.sample_and_go_on(),
            TIMELINE => self.amend(),
            COMPLAINT => self.complain(),
            timer if timer < self.first_conn => {
                self.recorder.event(self.now, 1, timer);
                self.sender.handle(self.now, Event::Due(Timer(timer - FIRST_TIMER)));
            }
            conn => self.progress(ConnId(conn - self.first_conn)),
        }
        self.pump();
    }

    /// Does what the sender wants until it wants nothing more.
    fn pump(&mut self) {
        loop {
            while let Some(site) = self.free_workers.pop() {
                if let Some(next) = self.sites[site.index()].backlog.pop_front() {
                    self.greet(next);
                }
            }
            let action = self.ask_sender();
            self.note_settled();
            match action {
                None => return,
                Some(Action::Connect { conn, source, site, delivery }) => self.connect(conn, source, site, delivery),
                Some(Action::Transact { conn, delivery }) => self.transact(conn, delivery),
                Some(Action::Quit(conn)) => self.quit(conn),
                Some(Action::Idle { conn, until }) if until <= self.end => self.set(conn, PendingEvent::Idle, until),
                Some(Action::Idle { .. }) => {}
                Some(Action::WakeAt { timer: Timer(timer), at }) => {
                    self.queue.schedule(FIRST_TIMER + timer, at.max(self.now));
                }
            }
        }
    }

    /// Books what the sender has settled.
    fn note_settled(&mut self) {
        let Self { sender, recorder, left, input, now, .. } = self;
        sender.settled(*now, |settled| {
            recorder.attempt_over(*now, &attempt(settled), || input.mail.intended.at(settled.delivery.first.index()));
            if settled.expired || matches!(settled.outcome, Outcome::Delivered | Outcome::Bounced) {
                *left -= u64::from(settled.delivery.count);
            }
        });
    }

    /// What the sender wants next; the oracle looks around before it says so.
    fn ask_sender(&mut self) -> Option<Action> {
        if !self.input.strategy.oracle {
            return self.sender.poll(self.now, None);
        }
        let view =
            SimForesight { sites: &self.sites, connections: &self.connections, path: &self.path, world: &self.input };
        self.sender.poll(self.now, Some(&view))
    }

    fn schedule_first(&mut self) {
        if let Some(first) = self.input.mail.intended.get(0) {
            self.queue.schedule(ARRIVAL, first);
        }
        if let Some(change) = self.input.scenario.timeline.first() {
            self.queue.schedule(TIMELINE, change.at);
        }
        self.queue.schedule(SAMPLE, Time::ZERO + self.recorder.bucket());
    }

    fn expect_recipients(&mut self) {
        for (site, count) in (0_u16..).zip(self.input.deliverable()) {
            self.recorder.expect(ProviderId(site), count);
        }
    }

    /// Hands over everything that should go out now.
    fn inject(&mut self) {
        let input = self.input;
        while let Some(injection) = input.injection(self.next, self.now) {
            self.next += usize::from(injection.delivery.count);
            self.path.host_arrival(self.now);
            self.sender.handle(self.now, Event::Injected(injection));
        }
        self.recorder.event(self.now, 2, u32::try_from(self.next).unwrap_or(u32::MAX));
        if let Some(at) = input.mail.intended.get(self.next) {
            self.queue.schedule(ARRIVAL, at);
        }
    }

    fn complain(&mut self) {
        while let Some(Reverse(complaint)) = self.complaints.peek().copied().filter(|Reverse(c)| c.at <= self.now) {
            self.complaints.pop();
            self.sites[complaint.site.index()].provider.complain(self.now, complaint.client, complaint.sender);
            self.recorder.complaint(complaint.site);
        }
        self.recorder.event(self.now, 4, 0);
        if let Some(Reverse(next)) = self.complaints.peek() {
            self.queue.schedule(COMPLAINT, next.at);
        }
    }

    fn amend(&mut self) {
        let timeline = &self.input.scenario.timeline;
        while let Some(change) = timeline.get(self.changes).filter(|change| change.at <= self.now) {
            self.changes += 1;
            self.sites[change.provider.index()].provider.apply(&change.policy_change);
        }
        self.sender.handle(self.now, Event::PolicyChanged);
        self.recorder.event(self.now, 5, 0);
        if let Some(next) = timeline.get(self.changes) {
            self.queue.schedule(TIMELINE, next.at);
        }
    }

    fn sample_and_go_on(&mut self) {
        self.sample();
        let next = self.now + self.recorder.bucket();
        if next <= self.end {
            self.queue.schedule(SAMPLE, next);
        }
    }

    fn sample(&mut self) {
        let sources = u32::try_from(self.input.scenario.sources.len()).unwrap_or(u32::MAX);
        for (id, site) in (0_u16..).zip(&self.sites) {
            let counts = self.sender.counts(ProviderId(id));
            let provider = provider_sample(&site.provider, self.now, (0..sources).map(ClientId));
            let sample = Sample { held_back: counts.ready, waiting: counts.delayed, provider };
            self.recorder.sample(self.now, ProviderId(id), &sample);
        }
    }

    fn finish(mut self) -> Result<Trial, ConservationError> {
        self.sample();
        self.sender.finish(self.now);
        let mut accounts = Vec::new();
        for (id, site) in (0_u16..).zip(&self.sites) {
            let policy = site.provider.policy();
            let counts = self.sender.counts(ProviderId(id));
            let found = self.sender.recount(ProviderId(id));
            let queued = counts.ready + counts.delayed + counts.in_flight;
            if found != queued {
                let detail = format!("{found} recipients in queues and connections, {queued} in the books");
                return Err(ConservationError {
                    site: policy.name.clone(),
                    injected: counts.injected,
                    accounted: found,
                    detail,
                });
            }
            accounts.push(closing_account(sender_account(counts), &site.provider, self.now));
        }
        let TrialInput { strategy, seed, unknowns, .. } = self.input;
        self.recorder.finish(&strategy.name, seed, unknowns, self.settled, accounts)
    }
}

/// After so many events the world looks whether it was asked to stop.
const LOOK_EVERY: u32 = 4_096;

/// The network of a trial. What the rules allow does not depend on how fast the host is: the oracle's is never busy.
fn network(input: &TrialInput<'_>) -> Network {
    let network = input.scenario.network;
    if input.strategy.oracle { Network { host: Host::default(), ..network } } else { network }
}
