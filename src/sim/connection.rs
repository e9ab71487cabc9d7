//! The life of a connection between the sender and a provider, from the wish to connect to QUIT.
//!
//! The server judges a command the moment it is sent (see `network.rs`), so a connection has at most one event
//! pending: the next thing that the sender will notice, or the dot.

use std::cmp::Reverse;

use super::foresight::envelope;
use super::network::{TRIPS_TO_EHLO, TRIPS_TO_GREETING};
use super::world::{COMPLAINT, Complaint, World};
use crate::dist::Dist;
use crate::provider::{Arrival, Decision, Recipient, Refusal, RuleAction};
use crate::record::ConnectionFailure;
use crate::scenario::BadHost;
use crate::sender::strategy::SessionSettings;
use crate::sender::{Delivery, Event, RecipientResult, TransactionResult};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::trial::{mailbox, record_refusal};
use crate::units::{ClientId, ConnId, ProviderId, RecipientId, RuleId, SessionId, SourceId};
use crate::workload::{Row, address};
/// A connection as the world sees it.
pub(super) struct SimConnection {
    pub(super) site: ProviderId,
    pub(super) source: SourceId,
    pub(super) session: Option<SessionId>,
    pub(super) rtt: Span,
    /// Whether it meets a bad host.
    bad: bool,
    /// When the client began to open it.
    opened_at: Time,
    /// Whether it has carried a message.
    used: bool,
    pub(super) phase: PendingEvent,
    pub(super) delivery: Delivery,
    /// What every recipient of the transaction has heard so far.
    pub(super) heard: Vec<RecipientResult>,
    pub(super) again: Option<Time>,
}

/// What a connection's event will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PendingEvent {
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
    Lost { stage: Stage, silence: ConnectionFailure },
    /// The sender does not want to wait any longer.
    Idle,
}

impl SimConnection {
    const fn unused() -> Self {
        Self {
            site: ProviderId(0),
            source: SourceId(0),
            session: None,
            rtt: Span::ZERO,
            bad: false,
            opened_at: Time::ZERO,
            used: false,
            phase: PendingEvent::Quiet,
            delivery: Delivery { ready_at: Time::ZERO, first: RecipientId(0), count: 0, failures: 0, priority: false },
            heard: Vec::new(),
            again: None,
        }
    }
}

impl World<'_> {
    pub(super) fn connect(&mut self, conn: ConnId, source: SourceId, site: ProviderId, delivery: Delivery) {
        self.recorder.connection_tried(self.now, site);
        let pair = source.index() * self.sites.len() + site.index();
        let (rtt, bad) = self.path.connect(pair);
        while self.connections.len() <= conn.index() {
            self.connections.push(SimConnection::unused());
        }
        let connection = &mut self.connections[conn.index()];
        (connection.site, connection.source, connection.rtt, connection.bad, connection.delivery) =
            (site, source, rtt, bad, delivery);
        connection.heard.clear();
        let begins = self.path.host_delivery(self.now);
        self.connections[conn.index()].opened_at = begins.unwrap_or(self.now);
        match begins {
            Some(at) => self.set(conn, PendingEvent::Starting, at),
            None => self.dial(conn),
        }
    }

    fn dial(&mut self, conn: ConnId) {
        let SimConnection { site, rtt, bad, .. } = self.connections[conn.index()];
        if bad {
            return self.meet_bad_host(conn);
        }
        let state = &mut self.sites[site.index()];
        match state.places.arrive(state.provider.listener()) {
            Arrival::Served => self.greet(conn),
            Arrival::Queued => {
                state.backlog.push_back(conn);
                let patience = self.input.strategy.session.greeting_timeout;
                self.set(conn, PendingEvent::Backlog, self.now + rtt + patience);
            }
            Arrival::Ignored => self.retry_syn(conn),
        }
    }

    /// The backlog is full, and nobody answers. The client's kernel tries again, a second after the first time and then
    /// always after twice as long (RFC 6298, 2.1 and 5.5), until the client has waited long enough.
    fn retry_syn(&mut self, conn: ConnId) {
        let patience = self.input.strategy.session.connect_timeout;
        let waited = self.now.since(self.connections[conn.index()].opened_at);
        let next = waited.times(2) + SYN_RETRY;
        if next < patience {
            let at = self.connections[conn.index()].opened_at + next;
            self.set(conn, PendingEvent::Starting, at);
        } else {
            self.fail(conn, ConnectionFailure::ConnectTimeout, patience - waited);
        }
    }

    /// A worker takes the connection: the provider greets, or refuses.
    pub(super) fn greet(&mut self, conn: ConnId) {
        let SimConnection { site, source, rtt, delivery, .. } = self.connections[conn.index()];
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
        self.recorder.session_opened(self.now, site, open);
        let connection = &mut self.connections[conn.index()];
        connection.session = Some(session);
        connection.used = false;
        connection.delivery = delivery;
        let patience = self.input.strategy.session.greeting_timeout;
        if ready > patience + rtt.times(TRIPS_TO_GREETING + TRIPS_TO_EHLO) {
            return self.give_up(conn, Stage::Connect, ConnectionFailure::GreetingTimeout, patience);
        }
        self.set(conn, PendingEvent::Opening, self.now + ready);
    }

    fn refuse_connection(&mut self, conn: ConnId, stage: Stage, decision: Decision, after: Span) {
        let Decision::Refuse(refusal) = decision else { return };
        let SimConnection { site, delivery, .. } = self.connections[conn.index()];
        record_refusal(&mut self.recorder, self.now, site, stage, refusal, u64::from(delivery.count));
        let connection = &mut self.connections[conn.index()];
        connection.heard.push(recipient_result(stage, refusal));
        connection.again = None;
        self.set(conn, PendingEvent::Failing, self.now + after);
        self.free_worker(site);
    }

    /// The connection comes to nothing after `wait`, without a reply.
    fn fail(&mut self, conn: ConnId, silence: ConnectionFailure, wait: Span) {
        let SimConnection { site, delivery, .. } = self.connections[conn.index()];
        self.recorder.attempt_failed(self.now, site, Stage::Connect, silence, u64::from(delivery.count));
        let connection = &mut self.connections[conn.index()];
        connection.heard.push(RecipientResult::NoReply(Stage::Connect));
        connection.again = None;
        self.set(conn, PendingEvent::Failing, self.now + wait);
    }

    fn meet_bad_host(&mut self, conn: ConnId) {
        let session = self.input.strategy.session;
        let rtt = self.connections[conn.index()].rtt;
        match self.input.scenario.network.bad_how {
            BadHost::Refuses => self.fail(conn, ConnectionFailure::Refused, rtt),
            BadHost::Silent => self.fail(conn, ConnectionFailure::ConnectTimeout, session.connect_timeout),
            BadHost::NeverGreets => self.fail(conn, ConnectionFailure::GreetingTimeout, rtt + session.greeting_timeout),
        }
    }

    /// A message goes by a connection that is greeted. Where that was opened for the message, the host is at it
    /// already.
    pub(super) fn transact(&mut self, conn: ConnId, delivery: Delivery) {
        let connection = &mut self.connections[conn.index()];
        connection.delivery = delivery;
        let used = std::mem::replace(&mut connection.used, true);
        match if used { self.path.host_delivery(self.now) } else { None } {
            Some(at) => self.set(conn, PendingEvent::Starting, at),
            None => self.send(conn),
        }
    }

    /// MAIL, RCPT and DATA of a transaction: the server judges them as they are sent.
    fn send(&mut self, conn: ConnId) {
        let connection = &mut self.connections[conn.index()];
        let delivery = connection.delivery;
        if delivery.first.index() >= self.called_in {
            self.called_in = self.input.mail.call_in(delivery.first.index());
        }
        connection.again = None;
        connection.heard.clear();
        let (site, rtt, session) = (connection.site, connection.rtt, connection.session);
        let Some(session) = session else { unreachable!("a transaction needs a session") };
        self.recorder.transaction_begun(site);
        let provider = &mut self.sites[site.index()].provider;
        let SessionSettings { mail_timeout, rcpt_timeout, data_timeout, .. } = self.input.strategy.session;
        let verdict = provider.mail(self.now, session, envelope(&self.input, &delivery));
        if verdict.tarpit > mail_timeout {
            return self.give_up(conn, Stage::Mail, ConnectionFailure::CommandTimeout, rtt + mail_timeout);
        }
        if let Decision::Refuse(refusal) = verdict.decision {
            return self.refuse_transaction(conn, Stage::Mail, refusal, rtt + verdict.tarpit);
        }
        let (accepted, tarpit, longest) = self.name_recipients(conn, session, delivery);
        if longest > rcpt_timeout {
            return self.give_up(conn, Stage::Rcpt, ConnectionFailure::CommandTimeout, rtt + rcpt_timeout);
        }
        let service = &self.sites[site.index()].provider.policy().service;
        let transaction_time = self.path.transaction_time(&self.input, service, rtt, &delivery);
        let asked = transaction_time.asked + tarpit + verdict.tarpit;
        let Ok(accepted) = accepted else {
            return self.refused_at_rcpt(conn, session, true, asked);
        };
        if accepted == 0 {
            return self.refused_at_rcpt(conn, session, false, asked);
        }
        let verdict = self.sites[site.index()].provider.data(self.now, session);
        if verdict.tarpit > data_timeout {
            return self.give_up(conn, Stage::Data, ConnectionFailure::CommandTimeout, asked + data_timeout);
        }
        if let Decision::Refuse(refusal) = verdict.decision {
            return self.refuse_transaction(conn, Stage::Data, refusal, asked + verdict.tarpit);
        }
        let sent = asked + verdict.tarpit + transaction_time.sent;
        if self.path.loses(&delivery) {
            return self.give_up(conn, Stage::EndOfData, ConnectionFailure::Reset, sent.scaled(0.5));
        }
        self.set(conn, PendingEvent::Sent, self.now + sent);
    }

    /// Nothing more will be heard on the connection, and after `wait` the client knows.
    fn give_up(&mut self, conn: ConnId, stage: Stage, silence: ConnectionFailure, wait: Span) {
        self.set(conn, PendingEvent::Lost { stage, silence }, self.now + wait);
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
        let site = self.connections[conn.index()].site;
        for n in 0..delivery.count {
            let who = self.recipient(delivery.first.index() + usize::from(n));
            let verdict = self.sites[site.index()].provider.rcpt(self.now, session, who);
            tarpit += verdict.tarpit;
            longest = longest.max(verdict.tarpit);
            let Decision::Refuse(refusal) = verdict.decision else {
                self.connections[conn.index()].heard.push(RecipientResult::Accepted);
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
        self.note_patience(conn, refusal.rule);
        let SimConnection { site, delivery, heard: answers, .. } = &mut self.connections[conn.index()];
        let heard = recipient_result(Stage::Rcpt, refusal);
        let mut refused = 1;
        if refusal.closes() {
            refused = u64::from(delivery.count) - answers.len() as u64;
            answers.resize(usize::from(delivery.count), heard);
            for earlier in answers.iter_mut().filter(|earlier| **earlier == RecipientResult::Accepted) {
                *earlier = heard;
                refused += 1;
            }
        } else {
            answers.push(heard);
        }
        record_refusal(&mut self.recorder, self.now, *site, Stage::Rcpt, refusal, refused);
    }

    fn refused_at_rcpt(&mut self, conn: ConnId, session: SessionId, closes: bool, after: Span) {
        let site = self.connections[conn.index()].site;
        self.sites[site.index()].provider.abort(session);
        if closes {
            self.end_session(conn);
        }
        self.set(conn, PendingEvent::Answered { closes }, self.now + after);
    }

    /// The whole transaction is refused at MAIL or DATA.
    fn refuse_transaction(&mut self, conn: ConnId, stage: Stage, refusal: Refusal, after: Span) {
        self.note_patience(conn, refusal.rule);
        let SimConnection { site, session, .. } = self.connections[conn.index()];
        let heard = recipient_result(stage, refusal);
        let connection = &mut self.connections[conn.index()];
        let open = connection.heard.iter().filter(|earlier| **earlier == RecipientResult::Accepted).count() as u64;
        let spoiled = if connection.heard.is_empty() { u64::from(connection.delivery.count) } else { open };
        if connection.heard.is_empty() {
            connection.heard.push(heard);
        } else {
            connection
                .heard
                .iter_mut()
                .filter(|earlier| **earlier == RecipientResult::Accepted)
                .for_each(|earlier| *earlier = heard);
        }
        record_refusal(&mut self.recorder, self.now, site, stage, refusal, spoiled);
        if let Some(session) = session {
            self.sites[site.index()].provider.abort(session);
        }
        if refusal.closes() {
            self.end_session(conn);
        }
        self.set(conn, PendingEvent::Answered { closes: refusal.closes() }, self.now + after);
    }

    fn recipient(&self, recipient: usize) -> Recipient {
        let row = self.input.mail.rows[recipient];
        let id = match self.input.scenario.workload.streams[row.stream.index()].list.addresses {
            Some(addresses) => address(self.addresses, recipient, row, addresses),
            None => recipient as u64,
        };
        Recipient { id, domain: row.domain, mailbox: mailbox(row.fate()) }
    }

    /// What was pending on a connection comes.
    pub(super) fn progress(&mut self, conn: ConnId) {
        let phase = std::mem::replace(&mut self.connections[conn.index()].phase, PendingEvent::Quiet);
        self.recorder.event(self.now, 3, conn.0);
        match phase {
            PendingEvent::Starting if self.connections[conn.index()].session.is_some() => self.send(conn),
            PendingEvent::Starting => self.dial(conn),
            PendingEvent::Opening => self.sender.handle(self.now, Event::Connected(conn)),
            PendingEvent::Idle => self.sender.handle(self.now, Event::IdleExpired(conn)),
            PendingEvent::Failing => self.tell(conn, true),
            PendingEvent::Answered { closes } => self.tell(conn, closes),
            PendingEvent::Sent => self.judge(conn),
            PendingEvent::Lost { stage, silence } => self.lose(conn, stage, silence),
            PendingEvent::Backlog => self.leave_backlog(conn),
            PendingEvent::Quiet => {}
        }
    }

    /// The dot: the provider accepts or refuses the message.
    fn judge(&mut self, conn: ConnId) {
        let SimConnection { site, session, delivery, source, .. } = self.connections[conn.index()];
        let Some(session) = session else { return };
        let provider = &mut self.sites[site.index()].provider;
        let verdict = provider.end_of_data(self.now, session);
        let connection = &mut self.connections[conn.index()];
        let mut closes = false;
        if let Decision::Refuse(refusal) = verdict.decision {
            closes = refusal.closes();
            let heard = recipient_result(Stage::EndOfData, refusal);
            let mut refused = 0;
            for earlier in connection.heard.iter_mut().filter(|earlier| **earlier == RecipientResult::Accepted) {
                *earlier = heard;
                refused += 1;
            }
            record_refusal(&mut self.recorder, self.now, site, Stage::EndOfData, refusal, refused);
            self.note_patience(conn, refusal.rule);
        } else {
            for (place, refusal) in provider.undeliverable() {
                let mut accepted = connection
                    .heard
                    .iter_mut()
                    .filter(|heard| !matches!(heard, RecipientResult::Refused(Stage::Rcpt, _)));
                if let Some(heard) = accepted.nth(*place as usize) {
                    *heard = recipient_result(Stage::EndOfData, *refusal);
                    record_refusal(&mut self.recorder, self.now, site, Stage::EndOfData, *refusal, 1);
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
        let patience = self.input.strategy.session.end_of_data_timeout;
        if verdict.tarpit > patience {
            return self.give_up(conn, Stage::EndOfData, ConnectionFailure::CommandTimeout, patience);
        }
        self.set(conn, PendingEvent::Answered { closes }, self.now + verdict.tarpit);
    }

    fn lose(&mut self, conn: ConnId, stage: Stage, silence: ConnectionFailure) {
        let SimConnection { site, delivery, .. } = self.connections[conn.index()];
        let connection = &mut self.connections[conn.index()];
        connection.heard.resize(usize::from(delivery.count), RecipientResult::Accepted);
        let mut lost = 0;
        for heard in connection.heard.iter_mut().filter(|heard| **heard == RecipientResult::Accepted) {
            *heard = RecipientResult::NoReply(stage);
            lost += 1;
        }
        self.recorder.attempt_failed(self.now, site, stage, silence, lost);
        self.end_session(conn);
        self.tell(conn, true);
    }

    fn leave_backlog(&mut self, conn: ConnId) {
        let SimConnection { site, delivery, .. } = self.connections[conn.index()];
        let state = &mut self.sites[site.index()];
        state.backlog.retain(|waiting| *waiting != conn);
        state.places.give_up();
        self.recorder.attempt_failed(
            self.now,
            site,
            Stage::Connect,
            ConnectionFailure::GreetingTimeout,
            u64::from(delivery.count),
        );
        self.connections[conn.index()].heard.push(RecipientResult::NoReply(Stage::Connect));
        self.tell(conn, true);
    }

    /// Tells the sender what its recipients have heard.
    fn tell(&mut self, conn: ConnId, closed: bool) {
        let connection = &mut self.connections[conn.index()];
        let again = connection.again.take().filter(|_| self.input.strategy.oracle);
        self.sender.handle(
            self.now,
            Event::Replied(TransactionResult { conn, recipients: &connection.heard, closed, oracle_retry_at: again }),
        );
    }

    pub(super) fn quit(&mut self, conn: ConnId) {
        self.queue.cancel(self.first_conn + conn.0);
        self.connections[conn.index()].phase = PendingEvent::Quiet;
        self.end_session(conn);
    }

    /// The provider's side of a connection ends, and its place goes to whoever waits for it.
    fn end_session(&mut self, conn: ConnId) {
        let SimConnection { site, .. } = self.connections[conn.index()];
        if let Some(session) = self.connections[conn.index()].session.take() {
            self.sites[site.index()].provider.close(session);
            self.free_worker(site);
        }
    }

    /// A worker is free. Whoever is greeted in its place is greeted by `pump`: a long backlog must not become
    /// recursion.
    fn free_worker(&mut self, site: ProviderId) {
        let state = &mut self.sites[site.index()];
        if state.places.leave(state.provider.listener()) {
            self.free_workers.push(site);
        }
    }

    /// Notes for the oracle when what was refused would pass.
    fn note_patience(&mut self, conn: ConnId, rule: RuleId) {
        let connection = &mut self.connections[conn.index()];
        if let Some(patience) = self.sites[connection.site.index()].provider.retry_delay(rule) {
            connection.again = Some(self.now + patience);
        }
    }

    fn expect_complaints(&mut self, conn: ConnId, delivery: Delivery, site: ProviderId, source: SourceId) {
        let before = self.complaints.len();
        for n in 0..usize::from(delivery.count) {
            let row = self.input.mail.rows[delivery.first.index() + n];
            if !row.is(Row::COMPLAINS)
                || self.connections[conn.index()].heard.get(n) != Some(&RecipientResult::Accepted)
            {
                continue;
            }
            let stream = &self.input.scenario.workload.streams[row.stream.index()];
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

    pub(super) fn set(&mut self, conn: ConnId, phase: PendingEvent, at: Time) {
        self.connections[conn.index()].phase = phase;
        self.queue.schedule(self.first_conn + conn.0, at);
    }
}

/// How long a client's kernel waits before it tries to connect again.
const SYN_RETRY: Span = Span::from_secs(1);

fn recipient_result(stage: Stage, refusal: Refusal) -> RecipientResult {
    match refusal.action {
        RuleAction::Reply { reply, .. } => RecipientResult::Refused(stage, reply),
        RuleAction::Drop | RuleAction::Tarpit(_) => RecipientResult::NoReply(stage),
    }
}
