//! The world: it owns the time, and moves events between one sender and the providers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use super::network::{Path, TRIPS_TO_EHLO, TRIPS_TO_GREETING};
use super::queue::EventQueue;
use crate::dist::Dist;
use crate::provider::{
    Addressee, Answer, Arrival, Client, Decision, Envelope, Forecast, Mailbox, Places, Provider, Refusal,
};
use crate::record::{Ending, Recorder, Sample, Silence, Trial, Unbalanced};
use crate::rng::{Seed, Stream};
use crate::scenario::{BadHost, Scenario};
use crate::sender::{
    Action, Delivery, Event, Foreseen, Foresight, Heard, Injection, Outcome, Plan, Replied, Sender, Strategy, Timer,
};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{ClientId, ConnId, ProviderId, RecipientId, RuleId, SenderDomainId, SessionId, Share, SourceId};
use crate::workload::{Fate, Mail, Row};

/// What a trial runs: a scenario, one of its strategies, a seed and the mail of that seed.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The strategy.
    pub strategy: &'a Strategy,
    /// The seed.
    pub seed: u64,
    /// The mail that [`crate::workload::generate`] makes of the seed.
    pub mail: &'a Mail,
}

/// An invariant does not hold: a defect of mxlab.
#[derive(Debug, thiserror::Error)]
#[error("strategy {strategy}, seed {seed}: {why}")]
pub struct Broken {
    /// The strategy.
    pub strategy: String,
    /// The seed.
    pub seed: u64,
    /// What does not hold.
    pub why: Unbalanced,
}

/// Runs a trial to its end. `None` if `stop` was set before that.
pub fn trial(setting: Setting<'_>, stop: &AtomicBool) -> Result<Option<Trial>, Broken> {
    let mut world = World::new(setting);
    if !world.run(stop) {
        return Ok(None);
    }
    let broken = |why| Broken { strategy: setting.strategy.name.clone(), seed: setting.seed, why };
    world.finish().map(Some).map_err(broken)
}

struct World<'a> {
    setting: Setting<'a>,
    now: Time,
    end: Time,
    queue: EventQueue,
    sender: Sender,
    sites: Vec<Site>,
    wires: Vec<Wire>,
    path: Path,
    recorder: Recorder,
    /// The next recipient to be injected.
    next: usize,
    /// Recipients that are not settled for good.
    left: u64,
    changes: usize,
    complaints: BinaryHeap<Reverse<Complaint>>,
    complaint_delays: Vec<Stream>,
    /// Sites where a worker has become free for the first connection of the backlog.
    vacant: Vec<ProviderId>,
    /// Who the recipients are, where a list has fewer addresses than it gets messages.
    addresses: Seed,
    first_conn: u32,
}

/// A provider and what the world keeps for it.
struct Site {
    provider: Provider,
    places: Places,
    /// Connections in the backlog, the first to be greeted first.
    backlog: VecDeque<ConnId>,
}

/// A connection as the world sees it.
struct Wire {
    site: ProviderId,
    source: SourceId,
    session: Option<SessionId>,
    rtt: Span,
    phase: Phase,
    delivery: Delivery,
    /// What every recipient of the transaction has heard so far.
    heard: Vec<Heard>,
    again: Option<Time>,
}

/// What a connection's event will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// None: the connection is closed, or idle without a timer.
    Quiet,
    /// The EHLO reply arrives.
    Opening,
    /// The client gives up waiting for a greeting.
    Backlog,
    /// The bad news about the connection arrives.
    Failing,
    /// The refusal of a transaction arrives; the connection may be closed by it.
    Refused { closes: bool },
    /// The dot has been sent, and the server judges.
    Sent,
    /// The connection is lost.
    Lost,
    /// The sender does not want to wait any longer.
    Idle,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Complaint {
    at: Time,
    site: ProviderId,
    client: ClientId,
    sender: SenderDomainId,
}

/// Slots of the event queue that are not timers or connections.
const ARRIVAL: u32 = 0;
const SAMPLE: u32 = 1;
const TIMELINE: u32 = 2;
const COMPLAINT: u32 = 3;
const FIRST_TIMER: u32 = 4;

impl<'a> World<'a> {
    fn new(setting: Setting<'a>) -> Self {
        let Setting { scenario, strategy, seed, mail } = setting;
        let seed = Seed(seed);
        let plan = Plan {
            intended: mail.intended.clone(),
            sources: scenario.sources.len(),
            sites: scenario.domains.iter().map(|domain| domain.provider).collect(),
            streams: scenario.workload.streams.iter().map(|stream| stream.sources.clone()).collect(),
            replies: scenario.providers.iter().map(|policy| policy.replies.clone()).collect(),
        };
        let sender = Sender::new(strategy.clone(), plan, seed);
        let first_conn = FIRST_TIMER + sender.timers();
        let pairs = scenario.sources.len() * scenario.providers.len();
        let mut world = Self {
            setting,
            now: Time::ZERO,
            end: Time::ZERO + scenario.duration,
            queue: EventQueue::default(),
            sender,
            sites: scenario.providers.iter().map(|policy| Site::new(scenario, policy, seed)).collect(),
            wires: Vec::new(),
            path: Path::new(scenario.network, seed, pairs),
            recorder: Recorder::new(&scenario.providers, scenario.duration),
            next: 0,
            left: mail.rows.len() as u64,
            changes: 0,
            complaints: BinaryHeap::new(),
            complaint_delays: (0..scenario.workload.streams.len() as u64)
                .map(|id| seed.stream("complaints", id))
                .collect(),
            vacant: Vec::new(),
            addresses: seed.named("addresses"),
            first_conn,
        };
        world.expect_recipients();
        world.schedule_first();
        world
    }

    /// Goes through the events until everything is settled, or the time is over. Whether it was not stopped before.
    fn run(&mut self, stop: &AtomicBool) -> bool {
        let mut until_look = LOOK_EVERY;
        while let Some((at, slot)) = self.queue.pop() {
            if at > self.end {
                self.now = self.end;
                return true;
            }
            self.now = at;
            self.happen(slot);
            if self.left == 0 {
                return true;
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
            while let Some(site) = self.vacant.pop() {
                if let Some(next) = self.sites[site.index()].backlog.pop_front() {
                    self.greet(next);
                }
            }
            let view = View { sites: &self.sites, wires: &self.wires, world: &self.setting };
            let foresight: Option<&dyn Foresight> = if self.setting.strategy.oracle { Some(&view) } else { None };
            let Some(action) = self.sender.poll(self.now, foresight) else { return };
            match action {
                Action::Connect { conn, source, site, delivery } => self.connect(conn, source, site, delivery),
                Action::Transact { conn, delivery } => self.transact(conn, delivery),
                Action::Quit(conn) => self.quit(conn),
                Action::Idle { conn, until } => self.set(conn, Phase::Idle, until),
                Action::WakeAt { timer: Timer(timer), at } => {
                    self.queue.schedule(FIRST_TIMER + timer, at.max(self.now))
                }
                Action::Settled(settled) => {
                    let intended = self.setting.mail.intended[settled.delivery.first.index()];
                    self.recorder.settled(self.now, &settled, intended);
                    if settled.expired || matches!(settled.outcome, Outcome::Delivered | Outcome::Bounced) {
                        self.left -= u64::from(settled.delivery.count);
                    }
                }
            }
        }
    }

    fn schedule_first(&mut self) {
        if let Some(first) = self.setting.mail.intended.first() {
            self.queue.schedule(ARRIVAL, *first);
        }
        if let Some(change) = self.setting.scenario.timeline.first() {
            self.queue.schedule(TIMELINE, change.at);
        }
        self.queue.schedule(SAMPLE, Time::ZERO + self.recorder.bucket());
    }

    fn expect_recipients(&mut self) {
        let scenario = self.setting.scenario;
        let mut deliverable = vec![0_u64; scenario.providers.len()];
        for row in self.setting.mail.rows.iter() {
            let site = scenario.domains[row.domain.index()].provider;
            deliverable[site.index()] += u64::from(matches!(row.fate(), Fate::Exists | Fate::Trap));
        }
        for (site, count) in (0_u16..).zip(deliverable) {
            self.recorder.expect(ProviderId(site), count);
        }
    }

    /// Hands over everything that should go out now.
    fn inject(&mut self) {
        let Mail { intended, rows } = self.setting.mail;
        while let Some(at) = intended.get(self.next).filter(|at| **at <= self.now) {
            let first = self.next;
            let row = rows[first];
            let mut end = first + 1;
            while rows.get(end).is_some_and(|next| travels_with(row, *next)) && end - first < usize::from(u16::MAX) {
                end += 1;
            }
            self.next = end;
            let delivery = Delivery {
                ready_at: *at,
                first: RecipientId(u32::try_from(first).unwrap_or(u32::MAX)),
                count: u16::try_from(end - first).unwrap_or(u16::MAX),
                failures: 0,
                priority: row.is(Row::FIRST),
            };
            let site = self.setting.scenario.domains[row.domain.index()].provider;
            let injection = Injection { delivery, site, domain: row.domain, stream: row.stream };
            self.sender.handle(self.now, Event::Injected(injection));
        }
        self.recorder.event(self.now, 2, u32::try_from(self.next).unwrap_or(u32::MAX));
        if let Some(at) = intended.get(self.next) {
            self.queue.schedule(ARRIVAL, *at);
        }
    }

    fn connect(&mut self, conn: ConnId, source: SourceId, site: ProviderId, delivery: Delivery) {
        self.recorder.connects(self.now, site);
        let pair = source.index() * self.sites.len() + site.index();
        let (rtt, bad) = self.path.connect(pair);
        while self.wires.len() <= conn.index() {
            self.wires.push(Wire::unused());
        }
        let wire = &mut self.wires[conn.index()];
        (wire.site, wire.source, wire.rtt, wire.delivery) = (site, source, rtt, delivery);
        wire.heard.clear();
        if bad {
            return self.meet_bad_host(conn);
        }
        let state = &mut self.sites[site.index()];
        match state.places.arrive(state.provider.listener()) {
            Arrival::Served => self.greet(conn),
            Arrival::Queued => {
                state.backlog.push_back(conn);
                let patience = self.setting.strategy.session.greeting_timeout;
                self.set(conn, Phase::Backlog, self.now + rtt + patience);
            }
            Arrival::Ignored => {
                self.fail(conn, Silence::ConnectTimeout, self.setting.strategy.session.connect_timeout);
            }
        }
    }

    /// A worker takes the connection: the provider greets, or refuses.
    fn greet(&mut self, conn: ConnId) {
        let Wire { site, source, rtt, delivery, .. } = self.wires[conn.index()];
        let provider = &mut self.sites[site.index()].provider;
        let (session, verdict) = provider.connect(self.now, ClientId(u32::from(source.0)));
        let greeted = rtt.times(TRIPS_TO_GREETING) + verdict.tarpit;
        let (Some(session), Decision::Accept) = (session, verdict.decision) else {
            return self.refuse_connection(conn, Stage::Connect, verdict.decision, greeted);
        };
        let open = provider.open_sessions();
        let verdict = provider.ehlo(self.now, session);
        let ready = greeted + rtt.times(TRIPS_TO_EHLO) + verdict.tarpit;
        if !verdict.accepted() {
            provider.close(session);
            return self.refuse_connection(conn, Stage::Ehlo, verdict.decision, ready);
        }
        self.recorder.opened(self.now, site, open);
        let wire = &mut self.wires[conn.index()];
        wire.session = Some(session);
        wire.delivery = delivery;
        self.set(conn, Phase::Opening, self.now + ready);
    }

    fn refuse_connection(&mut self, conn: ConnId, stage: Stage, decision: Decision, after: Span) {
        let Decision::Refuse(refusal) = decision else { return };
        let Wire { site, delivery, .. } = self.wires[conn.index()];
        self.recorder.refused(self.now, site, stage, refusal, u64::from(delivery.count));
        let wire = &mut self.wires[conn.index()];
        wire.heard.push(hear(stage, refusal));
        wire.again = None;
        self.set(conn, Phase::Failing, self.now + after);
        self.make_room(site);
    }

    /// The connection comes to nothing after `wait`, without a reply.
    fn fail(&mut self, conn: ConnId, silence: Silence, wait: Span) {
        let Wire { site, delivery, .. } = self.wires[conn.index()];
        self.recorder.silent(self.now, site, Stage::Connect, silence, u64::from(delivery.count));
        let wire = &mut self.wires[conn.index()];
        wire.heard.push(Heard::Nothing(Stage::Connect));
        wire.again = None;
        self.set(conn, Phase::Failing, self.now + wait);
    }

    fn meet_bad_host(&mut self, conn: ConnId) {
        let session = self.setting.strategy.session;
        let rtt = self.wires[conn.index()].rtt;
        match self.setting.scenario.network.bad_how {
            BadHost::Refuses => self.fail(conn, Silence::Refused, rtt),
            BadHost::Silent => self.fail(conn, Silence::ConnectTimeout, session.connect_timeout),
            BadHost::NeverGreets => self.fail(conn, Silence::GreetingTimeout, rtt + session.greeting_timeout),
        }
    }

    /// MAIL, RCPT and DATA of a transaction: the server judges them as they are sent.
    fn transact(&mut self, conn: ConnId, delivery: Delivery) {
        let wire = &mut self.wires[conn.index()];
        wire.delivery = delivery;
        wire.again = None;
        wire.heard.clear();
        let (site, rtt, session) = (wire.site, wire.rtt, wire.session);
        let Some(session) = session else { unreachable!("a transaction needs a session") };
        self.recorder.transacts(site);
        let provider = &mut self.sites[site.index()].provider;
        let verdict = provider.mail(self.now, session, envelope(&self.setting, &delivery));
        if let Decision::Refuse(refusal) = verdict.decision {
            return self.refuse_transaction(conn, Stage::Mail, refusal, rtt + verdict.tarpit);
        }
        let (accepted, tarpit) = self.name_recipients(conn, session, delivery);
        let tarpit = tarpit + verdict.tarpit;
        let named = u64::from(delivery.count);
        let service = &self.sites[site.index()].provider.policy().service;
        let (over_recipients, over_message) = self.path.service(service, &delivery, named);
        let trips = if self.setting.strategy.session.pipelining { 1 } else { 1 + named };
        let asked = rtt.times(trips) + over_recipients + tarpit;
        let Ok(accepted) = accepted else {
            return self.refused_at_rcpt(conn, session, true, asked);
        };
        if accepted == 0 {
            return self.refused_at_rcpt(conn, session, false, asked);
        }
        let verdict = self.sites[site.index()].provider.data(self.now, session);
        if let Decision::Refuse(refusal) = verdict.decision {
            return self.refuse_transaction(conn, Stage::Data, refusal, asked + verdict.tarpit);
        }
        let data_trip = if self.setting.strategy.session.pipelining { Span::ZERO } else { rtt };
        let size = self.setting.mail.rows[delivery.first.index()].size;
        let sent = asked + verdict.tarpit + data_trip + self.path.transfer(size) + rtt + over_message;
        if self.path.loses(&delivery) {
            return self.set(conn, Phase::Lost, self.now + sent.scaled(0.5));
        }
        self.set(conn, Phase::Sent, self.now + sent);
    }

    /// RCPT for every recipient: how many are accepted, and the tarpits; `Err` if the server closes on the way.
    fn name_recipients(&mut self, conn: ConnId, session: SessionId, delivery: Delivery) -> (Result<u32, ()>, Span) {
        let (mut accepted, mut tarpit) = (0, Span::ZERO);
        let site = self.wires[conn.index()].site;
        for n in 0..delivery.count {
            let who = self.addressee(delivery.first.index() + usize::from(n));
            let verdict = self.sites[site.index()].provider.rcpt(self.now, session, who);
            tarpit += verdict.tarpit;
            let Decision::Refuse(refusal) = verdict.decision else {
                self.wires[conn.index()].heard.push(Heard::Accepted);
                accepted += 1;
                continue;
            };
            self.foretell(conn, refusal.rule);
            let heard = hear(Stage::Rcpt, refusal);
            if refusal.closes() {
                let wire = &mut self.wires[conn.index()];
                let spoiled = delivery.count - n + u16::try_from(accepted).unwrap_or(0);
                wire.heard
                    .iter_mut()
                    .filter(|earlier| **earlier == Heard::Accepted)
                    .for_each(|earlier| *earlier = heard);
                wire.heard.resize(usize::from(delivery.count), heard);
                self.recorder.refused(self.now, site, Stage::Rcpt, refusal, u64::from(spoiled));
                return (Err(()), tarpit);
            }
            self.recorder.refused(self.now, site, Stage::Rcpt, refusal, 1);
            self.wires[conn.index()].heard.push(heard);
        }
        (Ok(accepted), tarpit)
    }

    fn refused_at_rcpt(&mut self, conn: ConnId, session: SessionId, closes: bool, after: Span) {
        let site = self.wires[conn.index()].site;
        self.sites[site.index()].provider.abort(session);
        if closes {
            self.end_session(conn);
        }
        self.set(conn, Phase::Refused { closes }, self.now + after);
    }

    /// The whole transaction is refused at MAIL or DATA.
    fn refuse_transaction(&mut self, conn: ConnId, stage: Stage, refusal: Refusal, after: Span) {
        self.foretell(conn, refusal.rule);
        let Wire { site, session, .. } = self.wires[conn.index()];
        let heard = hear(stage, refusal);
        let wire = &mut self.wires[conn.index()];
        let open = wire.heard.iter().filter(|earlier| **earlier == Heard::Accepted).count() as u64;
        let spoiled = if wire.heard.is_empty() { u64::from(wire.delivery.count) } else { open };
        if wire.heard.is_empty() {
            wire.heard.push(heard);
        } else {
            wire.heard.iter_mut().filter(|earlier| **earlier == Heard::Accepted).for_each(|earlier| *earlier = heard);
        }
        self.recorder.refused(self.now, site, stage, refusal, spoiled);
        if let Some(session) = session {
            self.sites[site.index()].provider.abort(session);
        }
        if refusal.closes() {
            self.end_session(conn);
        }
        self.set(conn, Phase::Refused { closes: refusal.closes() }, self.now + after);
    }

    fn addressee(&self, recipient: usize) -> Addressee {
        let row = self.setting.mail.rows[recipient];
        let mailbox = match row.fate() {
            Fate::Exists => Mailbox::Exists,
            Fate::Unknown => Mailbox::Unknown,
            Fate::Full => Mailbox::Full,
            Fate::Trap => Mailbox::Trap,
        };
        let id = match self.setting.scenario.workload.streams[row.stream.index()].list.addresses {
            Some(addresses) => self.addresses.draw(recipient as u64, u64::from(row.stream.0)) % u64::from(addresses),
            None => recipient as u64,
        };
        Addressee { id, domain: row.domain, mailbox }
    }

    /// What was pending on a connection comes.
    fn progress(&mut self, conn: ConnId) {
        let phase = std::mem::replace(&mut self.wires[conn.index()].phase, Phase::Quiet);
        self.recorder.event(self.now, 3, conn.0);
        match phase {
            Phase::Opening => self.sender.handle(self.now, Event::Connected(conn)),
            Phase::Idle => self.sender.handle(self.now, Event::IdleExpired(conn)),
            Phase::Failing => self.tell(conn, true),
            Phase::Refused { closes } => self.tell(conn, closes),
            Phase::Sent => self.judge(conn),
            Phase::Lost => self.lose(conn),
            Phase::Backlog => self.leave_backlog(conn),
            Phase::Quiet => {}
        }
    }

    /// The dot: the provider accepts or refuses the message.
    fn judge(&mut self, conn: ConnId) {
        let Wire { site, session, delivery, source, .. } = self.wires[conn.index()];
        let Some(session) = session else { return };
        let provider = &mut self.sites[site.index()].provider;
        let verdict = provider.end_of_data(self.now, session);
        let wire = &mut self.wires[conn.index()];
        let mut closes = false;
        if let Decision::Refuse(refusal) = verdict.decision {
            closes = refusal.closes();
            let heard = hear(Stage::EndOfData, refusal);
            let mut refused = 0;
            for earlier in wire.heard.iter_mut().filter(|earlier| **earlier == Heard::Accepted) {
                *earlier = heard;
                refused += 1;
            }
            self.recorder.refused(self.now, site, Stage::EndOfData, refusal, refused);
            self.foretell(conn, refusal.rule);
        } else {
            for (place, refusal) in provider.undeliverable() {
                let mut accepted = wire.heard.iter_mut().filter(|heard| !matches!(heard, Heard::Reply(Stage::Rcpt, _)));
                if let Some(heard) = accepted.nth(*place as usize) {
                    *heard = hear(Stage::EndOfData, *refusal);
                    self.recorder.refused(self.now, site, Stage::EndOfData, *refusal, 1);
                }
            }
            self.expect_complaints(conn, delivery, site, source);
        }
        if closes {
            self.end_session(conn);
        }
        self.tell(conn, closes);
    }

    fn lose(&mut self, conn: ConnId) {
        let Wire { site, .. } = self.wires[conn.index()];
        let wire = &mut self.wires[conn.index()];
        let mut lost = 0;
        for heard in wire.heard.iter_mut().filter(|heard| **heard == Heard::Accepted) {
            *heard = Heard::Nothing(Stage::EndOfData);
            lost += 1;
        }
        self.recorder.silent(self.now, site, Stage::EndOfData, Silence::Reset, lost);
        self.end_session(conn);
        self.tell(conn, true);
    }

    fn leave_backlog(&mut self, conn: ConnId) {
        let Wire { site, delivery, .. } = self.wires[conn.index()];
        let state = &mut self.sites[site.index()];
        state.backlog.retain(|waiting| *waiting != conn);
        state.places.give_up();
        self.recorder.silent(self.now, site, Stage::Connect, Silence::GreetingTimeout, u64::from(delivery.count));
        self.wires[conn.index()].heard.push(Heard::Nothing(Stage::Connect));
        self.tell(conn, true);
    }

    /// Tells the sender what its recipients have heard.
    fn tell(&mut self, conn: ConnId, closed: bool) {
        let wire = &mut self.wires[conn.index()];
        let again = wire.again.take().filter(|_| self.setting.strategy.oracle);
        let heard = std::mem::take(&mut wire.heard);
        self.sender.handle(self.now, Event::Replied(Replied { conn, heard: &heard, closed, again }));
        self.wires[conn.index()].heard = heard;
    }

    fn quit(&mut self, conn: ConnId) {
        self.queue.cancel(self.first_conn + conn.0);
        self.wires[conn.index()].phase = Phase::Quiet;
        self.end_session(conn);
    }

    /// The provider's side of a connection ends, and its place goes to whoever waits for it.
    fn end_session(&mut self, conn: ConnId) {
        let Wire { site, .. } = self.wires[conn.index()];
        if let Some(session) = self.wires[conn.index()].session.take() {
            self.sites[site.index()].provider.close(session);
            self.make_room(site);
        }
    }

    /// A worker is free. Whoever is greeted in its place is greeted by `pump`: a long backlog must not become recursion.
    fn make_room(&mut self, site: ProviderId) {
        let state = &mut self.sites[site.index()];
        if state.places.leave(state.provider.listener()) {
            self.vacant.push(site);
        }
    }

    /// Notes for the oracle when what was refused would pass.
    fn foretell(&mut self, conn: ConnId, rule: RuleId) {
        let wire = &mut self.wires[conn.index()];
        if let Some(patience) = self.sites[wire.site.index()].provider.patience(rule) {
            wire.again = Some(self.now + patience);
        }
    }

    fn expect_complaints(&mut self, conn: ConnId, delivery: Delivery, site: ProviderId, source: SourceId) {
        for n in 0..usize::from(delivery.count) {
            let row = self.setting.mail.rows[delivery.first.index() + n];
            if !row.is(Row::COMPLAINS) || self.wires[conn.index()].heard.get(n) != Some(&Heard::Accepted) {
                continue;
            }
            let stream = &self.setting.scenario.workload.streams[row.stream.index()];
            let delay: Dist = stream.list.complaint_delay;
            let at = self.now + delay.sample(&mut self.complaint_delays[row.stream.index()]);
            let complaint = Complaint { at, site, client: ClientId(u32::from(source.0)), sender: stream.sender_domain };
            self.complaints.push(Reverse(complaint));
        }
        if let Some(Reverse(first)) = self.complaints.peek() {
            self.queue.schedule(COMPLAINT, first.at.max(self.now));
        }
    }

    fn complain(&mut self) {
        while let Some(Reverse(complaint)) = self.complaints.peek().copied().filter(|Reverse(c)| c.at <= self.now) {
            self.complaints.pop();
            self.sites[complaint.site.index()].provider.complain(self.now, complaint.client, complaint.sender);
            self.recorder.complained(complaint.site);
        }
        self.recorder.event(self.now, 4, 0);
        if let Some(Reverse(next)) = self.complaints.peek() {
            self.queue.schedule(COMPLAINT, next.at);
        }
    }

    fn amend(&mut self) {
        let timeline = &self.setting.scenario.timeline;
        while let Some(change) = timeline.get(self.changes).filter(|change| change.at <= self.now) {
            self.changes += 1;
            self.sites[change.provider.index()].provider.amend(&change.amendment);
        }
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
        let sources = u32::try_from(self.setting.scenario.sources.len()).unwrap_or(u32::MAX);
        for (id, site) in (0_u16..).zip(&self.sites) {
            let counts = self.sender.counts(ProviderId(id));
            let clients = || (0..sources).map(ClientId);
            let lowest = clients().map(|client| site.provider.reputation(client).get()).fold(1.0, f64::min);
            let limits = clients().map(|client| site.provider.open_limit(self.now, client).map(u64::from));
            let sample = Sample {
                held_back: counts.ready,
                waiting: counts.delayed,
                reputation: Share::clamped(lowest),
                open_limit: limits.sum(),
                open: site.provider.open_sessions(),
            };
            self.recorder.sample(self.now, ProviderId(id), sample);
        }
    }

    fn finish(mut self) -> Result<Trial, Unbalanced> {
        self.sample();
        self.sender.finish(self.now);
        let settled = (self.left == 0).then_some(self.now);
        let mut endings = Vec::new();
        for (id, site) in (0_u16..).zip(&self.sites) {
            let policy = site.provider.policy();
            let counts = self.sender.counts(ProviderId(id));
            let found = self.sender.recount(ProviderId(id));
            let queued = counts.ready + counts.delayed + counts.in_flight;
            if found != queued {
                let detail = format!("{found} recipients in queues and connections, {queued} in the books");
                return Err(Unbalanced {
                    site: policy.name.clone(),
                    injected: counts.injected,
                    accounted: found,
                    detail,
                });
            }
            let rules = u16::try_from(policy.rules.len()).unwrap_or(u16::MAX);
            let activities = (0..rules).map(|rule| site.provider.activity(RuleId(rule), self.now)).collect();
            endings.push(Ending { policy, counts, activities });
        }
        self.recorder.finish(&self.setting.strategy.name, self.setting.seed, settled, &endings)
    }

    fn set(&mut self, conn: ConnId, phase: Phase, at: Time) {
        self.wires[conn.index()].phase = phase;
        self.queue.schedule(self.first_conn + conn.0, at);
    }
}

/// After so many events the world looks whether it was asked to stop.
const LOOK_EVERY: u32 = 4_096;

impl Site {
    fn new(scenario: &Scenario, policy: &crate::provider::Policy, seed: Seed) -> Self {
        let mut provider = Provider::new(policy.clone(), seed, scenario.day_starts);
        for source in &scenario.sources {
            provider.meet_client(Client {
                network: source.network,
                listed: source.listed,
                ptr: source.ptr,
                reputation: source.reputation,
                daily_volume: source.daily_volume,
            });
        }
        let volume = scenario.sources.iter().fold(0_u32, |sum, source| sum.saturating_add(source.daily_volume));
        let known =
            scenario.sources.iter().filter_map(|source| source.reputation).reduce(|a, b| if a < b { a } else { b });
        for _ in &scenario.workload.sender_domains {
            provider.meet_sender(known, volume);
        }
        Self { provider, places: Places::default(), backlog: VecDeque::new() }
    }
}

impl Wire {
    const fn unused() -> Self {
        Self {
            site: ProviderId(0),
            source: SourceId(0),
            session: None,
            rtt: Span::ZERO,
            phase: Phase::Quiet,
            delivery: Delivery { ready_at: Time::ZERO, first: RecipientId(0), count: 0, failures: 0, priority: false },
            heard: Vec::new(),
            again: None,
        }
    }
}

/// What the oracle may look at.
struct View<'a> {
    sites: &'a [Site],
    wires: &'a [Wire],
    world: &'a Setting<'a>,
}

impl Foresight for View<'_> {
    fn may_connect(&self, now: Time, source: SourceId, site: ProviderId, delivery: &Delivery) -> Time {
        let envelope = envelope(self.world, delivery);
        self.sites[site.index()].provider.may_connect(now, ClientId(u32::from(source.0)), &envelope)
    }

    fn may_send(&self, now: Time, conn: ConnId, delivery: &Delivery) -> Foreseen {
        let wire = &self.wires[conn.index()];
        let Some(session) = wire.session else { return Foreseen::NewConnection };
        let envelope = envelope(self.world, delivery);
        let provider = &self.sites[wire.site.index()].provider;
        match provider.may_send(now, session, &envelope, u32::from(delivery.count)) {
            Forecast::Now { recipients } => Foreseen::Now(recipients),
            Forecast::Wait(at) => Foreseen::Wait(at),
            Forecast::NewSession => Foreseen::NewConnection,
        }
    }
}

/// Whether two neighbours in the table are recipients of one message that travel in one delivery.
fn travels_with(row: Row, next: Row) -> bool {
    next.is(Row::SAME_MESSAGE) && next.domain == row.domain && next.is(Row::FIRST) == row.is(Row::FIRST)
}

fn envelope(setting: &Setting<'_>, delivery: &Delivery) -> Envelope {
    let row = setting.mail.rows[delivery.first.index()];
    let stream = &setting.scenario.workload.streams[row.stream.index()];
    Envelope {
        sender_domain: stream.sender_domain,
        size: row.size,
        spf: stream.authentication.spf,
        dkim: stream.authentication.dkim,
        dmarc: stream.authentication.dmarc,
        spam: row.is(Row::SPAM),
    }
}

fn hear(stage: Stage, refusal: Refusal) -> Heard {
    match refusal.answer {
        Answer::Reply { reply, .. } => Heard::Reply(stage, reply),
        Answer::Drop | Answer::Tarpit(_) => Heard::Nothing(stage),
    }
}
