//! The life of a connection between the sender and a provider, from the wish to connect to QUIT.
//!
//! The server judges a command the moment it is sent (see `network.rs`), so a connection has at most one event
//! pending: the next thing that the sender will notice, or the dot.

use std::cmp::Reverse;

use super::foresight::envelope;
use super::network::{TRIPS_TO_EHLO, TRIPS_TO_GREETING};
use super::world::{COMPLAINT, Complaint, World};
use crate::dist::Dist;
use crate::provider::{Addressee, Answer, Arrival, Decision, Refusal};
use crate::record::Silence;
use crate::scenario::{BadHost, mailbox};
use crate::sender::strategy::Session;
use crate::sender::{Delivery, Event, Heard, Replied};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{ClientId, ConnId, ProviderId, RecipientId, RuleId, SessionId, SourceId};
use crate::workload::{Row, address};
/// A connection as the world sees it.
pub(super) struct Wire {
    pub(super) site: ProviderId,
    pub(super) source: SourceId,
    pub(super) session: Option<SessionId>,
    pub(super) rtt: Span,
    /// Whether it meets a bad host.
    bad: bool,
    /// When the client began to open it.
    dialed: Time,
    /// Whether it has carried a message.
    used: bool,
    pub(super) phase: Phase,
    pub(super) delivery: Delivery,
    /// What every recipient of the transaction has heard so far.
    pub(super) heard: Vec<Heard>,
    pub(super) again: Option<Time>,
}

/// What a connection's event will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// None: the connection is closed, or idle without a timer.
    Quiet,
    /// The sending host gets to it: the connection is opened (or tried again), or if it is open already, the message
    /// sent.
    Starting,
    /// The EHLO reply arrives.
    Opening,
    /// The client gives up waiting for a greeting.
    Backlog,
    /// The bad news about the connection arrives.
    Failing,
    /// The last reply of a transaction arrives; the connection may be closed by it.
    Answered { closes: bool },
    /// The dot has been sent, and the server judges.
    Sent,
    /// The connection is lost, or the client gives it up because nothing is heard.
    Lost { stage: Stage, silence: Silence },
    /// The sender does not want to wait any longer.
    Idle,
}

impl Wire {
    const fn unused() -> Self {
        Self {
            site: ProviderId(0),
            source: SourceId(0),
            session: None,
            rtt: Span::ZERO,
            bad: false,
            dialed: Time::ZERO,
            used: false,
            phase: Phase::Quiet,
            delivery: Delivery { ready_at: Time::ZERO, first: RecipientId(0), count: 0, failures: 0, priority: false },
            heard: Vec::new(),
            again: None,
        }
    }
}

impl World<'_> {
    pub(super) fn connect(&mut self, conn: ConnId, source: SourceId, site: ProviderId, delivery: Delivery) {
        self.recorder.connects(self.now, site);
        let pair = source.index() * self.sites.len() + site.index();
        let (rtt, bad) = self.path.connect(pair);
        while self.wires.len() <= conn.index() {
            self.wires.push(Wire::unused());
        }
        let wire = &mut self.wires[conn.index()];
        (wire.site, wire.source, wire.rtt, wire.bad, wire.delivery) = (site, source, rtt, bad, delivery);
        wire.heard.clear();
        let begins = self.path.host_delivery(self.now);
        self.wires[conn.index()].dialed = begins.unwrap_or(self.now);
        match begins {
            Some(at) => self.set(conn, Phase::Starting, at),
            None => self.dial(conn),
        }
    }

    fn dial(&mut self, conn: ConnId) {
        let Wire { site, rtt, bad, .. } = self.wires[conn.index()];
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
            Arrival::Ignored => self.knock_again(conn),
        }
    }

    /// The backlog is full, and nobody answers. The client's kernel tries again, a second after the first time and then
    /// always after twice as long (RFC 6298, 2.1 and 5.5), until the client has waited long enough.
    fn knock_again(&mut self, conn: ConnId) {
        let patience = self.setting.strategy.session.connect_timeout;
        let waited = self.now.since(self.wires[conn.index()].dialed);
        let next = waited.times(2) + SYN_RETRY;
        if next < patience {
            let at = self.wires[conn.index()].dialed + next;
            self.set(conn, Phase::Starting, at);
        } else {
            self.fail(conn, Silence::ConnectTimeout, patience - waited);
        }
    }

    /// A worker takes the connection: the provider greets, or refuses.
    pub(super) fn greet(&mut self, conn: ConnId) {
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
        wire.used = false;
        wire.delivery = delivery;
        let patience = self.setting.strategy.session.greeting_timeout;
        if ready > patience + rtt.times(TRIPS_TO_GREETING + TRIPS_TO_EHLO) {
            return self.give_up(conn, Stage::Connect, Silence::GreetingTimeout, patience);
        }
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

    /// A message goes by a connection that is greeted. Where that was opened for the message, the host is at it
    /// already.
    pub(super) fn transact(&mut self, conn: ConnId, delivery: Delivery) {
        let wire = &mut self.wires[conn.index()];
        wire.delivery = delivery;
        let used = std::mem::replace(&mut wire.used, true);
        match if used { self.path.host_delivery(self.now) } else { None } {
            Some(at) => self.set(conn, Phase::Starting, at),
            None => self.send(conn),
        }
    }

    /// MAIL, RCPT and DATA of a transaction: the server judges them as they are sent.
    fn send(&mut self, conn: ConnId) {
        let wire = &mut self.wires[conn.index()];
        let delivery = wire.delivery;
        if delivery.first.index() >= self.called_in {
            self.called_in = self.setting.mail.call_in(delivery.first.index());
        }
        wire.again = None;
        wire.heard.clear();
        let (site, rtt, session) = (wire.site, wire.rtt, wire.session);
        let Some(session) = session else { unreachable!("a transaction needs a session") };
        self.recorder.transacts(site);
        let provider = &mut self.sites[site.index()].provider;
        let Session { mail_timeout, rcpt_timeout, data_timeout, .. } = self.setting.strategy.session;
        let verdict = provider.mail(self.now, session, envelope(&self.setting, &delivery));
        if verdict.tarpit > mail_timeout {
            return self.give_up(conn, Stage::Mail, Silence::CommandTimeout, rtt + mail_timeout);
        }
        if let Decision::Refuse(refusal) = verdict.decision {
            return self.refuse_transaction(conn, Stage::Mail, refusal, rtt + verdict.tarpit);
        }
        let (accepted, tarpit, longest) = self.name_recipients(conn, session, delivery);
        if longest > rcpt_timeout {
            return self.give_up(conn, Stage::Rcpt, Silence::CommandTimeout, rtt + rcpt_timeout);
        }
        let service = &self.sites[site.index()].provider.policy().service;
        let course = self.path.course(&self.setting, service, rtt, &delivery);
        let asked = course.asked + tarpit + verdict.tarpit;
        let Ok(accepted) = accepted else {
            return self.refused_at_rcpt(conn, session, true, asked);
        };
        if accepted == 0 {
            return self.refused_at_rcpt(conn, session, false, asked);
        }
        let verdict = self.sites[site.index()].provider.data(self.now, session);
        if verdict.tarpit > data_timeout {
            return self.give_up(conn, Stage::Data, Silence::CommandTimeout, asked + data_timeout);
        }
        if let Decision::Refuse(refusal) = verdict.decision {
            return self.refuse_transaction(conn, Stage::Data, refusal, asked + verdict.tarpit);
        }
        let sent = asked + verdict.tarpit + course.sent;
        if self.path.loses(&delivery) {
            return self.give_up(conn, Stage::EndOfData, Silence::Reset, sent.scaled(0.5));
        }
        self.set(conn, Phase::Sent, self.now + sent);
    }

    /// Nothing more will be heard on the connection, and after `wait` the client knows.
    fn give_up(&mut self, conn: ConnId, stage: Stage, silence: Silence, wait: Span) {
        self.set(conn, Phase::Lost { stage, silence }, self.now + wait);
    }

    /// RCPT for every recipient: how many are accepted, the tarpits together, and the longest of them; `Err` if the
    /// server closes on the way.
    fn name_recipients(
        &mut self,
        conn: ConnId,
        session: SessionId,
        delivery: Delivery,
    ) -> (Result<u32, ()>, Span, Span) {
        let (mut accepted, mut tarpit, mut longest) = (0, Span::ZERO, Span::ZERO);
        let site = self.wires[conn.index()].site;
        for n in 0..delivery.count {
            let who = self.addressee(delivery.first.index() + usize::from(n));
            let verdict = self.sites[site.index()].provider.rcpt(self.now, session, who);
            tarpit += verdict.tarpit;
            longest = longest.max(verdict.tarpit);
            let Decision::Refuse(refusal) = verdict.decision else {
                self.wires[conn.index()].heard.push(Heard::Accepted);
                accepted += 1;
                continue;
            };
            self.refuse_recipient(conn, refusal);
            if refusal.closes() {
                return (Err(()), tarpit, longest);
            }
        }
        (Ok(accepted), tarpit, longest)
    }

    /// The recipient that is named next is refused; where that closes, all of the delivery are.
    #[inline(never)]
    fn refuse_recipient(&mut self, conn: ConnId, refusal: Refusal) {
        self.foretell(conn, refusal.rule);
        let Wire { site, delivery, heard: answers, .. } = &mut self.wires[conn.index()];
        let heard = hear(Stage::Rcpt, refusal);
        let mut refused = 1;
        if refusal.closes() {
            refused = u64::from(delivery.count) - answers.len() as u64;
            answers.resize(usize::from(delivery.count), heard);
            for earlier in answers.iter_mut().filter(|earlier| **earlier == Heard::Accepted) {
                *earlier = heard;
                refused += 1;
            }
        } else {
            answers.push(heard);
        }
        self.recorder.refused(self.now, *site, Stage::Rcpt, refusal, refused);
    }

    fn refused_at_rcpt(&mut self, conn: ConnId, session: SessionId, closes: bool, after: Span) {
        let site = self.wires[conn.index()].site;
        self.sites[site.index()].provider.abort(session);
        if closes {
            self.end_session(conn);
        }
        self.set(conn, Phase::Answered { closes }, self.now + after);
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
        self.set(conn, Phase::Answered { closes: refusal.closes() }, self.now + after);
    }

    fn addressee(&self, recipient: usize) -> Addressee {
        let row = self.setting.mail.rows[recipient];
        let id = match self.setting.scenario.workload.streams[row.stream.index()].list.addresses {
            Some(addresses) => address(self.addresses, recipient, row, addresses),
            None => recipient as u64,
        };
        Addressee { id, domain: row.domain, mailbox: mailbox(row.fate()) }
    }

    /// What was pending on a connection comes.
    pub(super) fn progress(&mut self, conn: ConnId) {
        let phase = std::mem::replace(&mut self.wires[conn.index()].phase, Phase::Quiet);
        self.recorder.event(self.now, 3, conn.0);
        match phase {
            Phase::Starting if self.wires[conn.index()].session.is_some() => self.send(conn),
            Phase::Starting => self.dial(conn),
            Phase::Opening => self.sender.handle(self.now, Event::Connected(conn)),
            Phase::Idle => self.sender.handle(self.now, Event::IdleExpired(conn)),
            Phase::Failing => self.tell(conn, true),
            Phase::Answered { closes } => self.tell(conn, closes),
            Phase::Sent => self.judge(conn),
            Phase::Lost { stage, silence } => self.lose(conn, stage, silence),
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
        if verdict.tarpit.is_zero() {
            return self.tell(conn, closes);
        }
        // The server has the message, but the client will never know: it sends it again (RFC 5321, 4.5.3.2.6, and RFC
        // 1047).
        let patience = self.setting.strategy.session.dot_timeout;
        if verdict.tarpit > patience {
            return self.give_up(conn, Stage::EndOfData, Silence::CommandTimeout, patience);
        }
        self.set(conn, Phase::Answered { closes }, self.now + verdict.tarpit);
    }

    fn lose(&mut self, conn: ConnId, stage: Stage, silence: Silence) {
        let Wire { site, delivery, .. } = self.wires[conn.index()];
        let wire = &mut self.wires[conn.index()];
        wire.heard.resize(usize::from(delivery.count), Heard::Accepted);
        let mut lost = 0;
        for heard in wire.heard.iter_mut().filter(|heard| **heard == Heard::Accepted) {
            *heard = Heard::Nothing(stage);
            lost += 1;
        }
        self.recorder.silent(self.now, site, stage, silence, lost);
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
        self.sender.handle(self.now, Event::Replied(Replied { conn, heard: &wire.heard, closed, again }));
    }

    pub(super) fn quit(&mut self, conn: ConnId) {
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

    /// A worker is free. Whoever is greeted in its place is greeted by `pump`: a long backlog must not become
    /// recursion.
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
        let before = self.complaints.len();
        for n in 0..usize::from(delivery.count) {
            let row = self.setting.mail.rows[delivery.first.index() + n];
            if !row.is(Row::COMPLAINS) || self.wires[conn.index()].heard.get(n) != Some(&Heard::Accepted) {
                continue;
            }
            let stream = &self.setting.scenario.workload.streams[row.stream.index()];
            let delay: Dist = stream.list.complaint_delay;
            let recipient = (delivery.first.index() + n) as u64;
            let at = self.now + delay.sample(&mut self.complaint_delays.stream("delay", recipient));
            let complaint = Complaint { at, site, client: ClientId(u32::from(source.0)), sender: stream.sender_domain };
            self.complaints.push(Reverse(complaint));
        }
        // Most messages bring none, and every key that is replaced stays in the event queue until its time comes.
        if self.complaints.len() > before
            && let Some(Reverse(first)) = self.complaints.peek()
        {
            self.queue.schedule(COMPLAINT, first.at.max(self.now));
        }
    }

    pub(super) fn set(&mut self, conn: ConnId, phase: Phase, at: Time) {
        self.wires[conn.index()].phase = phase;
        self.queue.schedule(self.first_conn + conn.0, at);
    }
}

/// How long a client's kernel waits before it tries to connect again.
const SYN_RETRY: Span = Span::from_secs(1);

fn hear(stage: Stage, refusal: Refusal) -> Heard {
    match refusal.answer {
        Answer::Reply { reply, .. } => Heard::Reply(stage, reply),
        Answer::Drop | Answer::Tarpit(_) => Heard::Nothing(stage),
    }
}
