//! What happens between the sender and the providers, from the decision to connect to QUIT.
//!
//! The server judges a command the moment it is sent (see `network.rs`), so a connection has at most one event
//! pending: the next thing that the sender will notice, or the judgement of a message.

use super::connection::{PendingEvent, SimConnection, recipient_result};
use super::foresight::SimForesight;
use super::host::{MailHost, client_of};
use super::network::{ConnectionDraw, NetworkPath, TRIPS_TO_EHLO, TRIPS_TO_GREETING};
use super::observer::{ObservedProvider, SharedObserver};
use crate::provider::{ConnectOutcome, Decision, Refusal};
use crate::record::{ClosingAccount, ConnectionFailure, ProviderSample, SenderAccount};
use crate::rng::Seed;
use crate::scenario::{BadHost, Change, Host, Network};
use crate::sender::strategy::SessionSettings;
use crate::sender::{Action, Delivery, Event, RecipientResult, Sender, TransactionResult};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::trial::{Complaint, TrialInput, TrialScript, World, closing_account, provider_sample, record_refusal};
use crate::units::{ConnId, ProviderId, RuleId, SessionId, SourceId};
use crate::workload::addresses;

/// The connections, the network that they go through, and the hosts to which they lead.
pub(super) struct SimTransport<'a> {
    input: TrialInput<'a>,
    hosts: Vec<MailHost>,
    connections: Vec<SimConnection>,
    path: NetworkPath,
    /// Sites where a worker has become free for the first connection of the backlog.
    free_workers: Vec<ProviderId>,
    /// Who the recipients are, where a list has fewer addresses than it gets messages.
    addresses: Seed,
    /// Up to where the table of recipients was brought into the cache.
    prefetched: usize,
    /// Is shown what passes between the sender and this world.
    observer: Option<SharedObserver>,
}

/// What the sender notices of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// It is greeted, and EHLO is done.
    Connected,
    /// It has been idle as long as the sender wanted.
    IdleExpired,
    /// It has been idle longer than the provider waits, and is closed.
    Closed,
    /// A transaction is over, or there will be no connection; see [`SimTransport::transaction_result`].
    Replied { closed: bool },
}

/// How RCPT went for the recipients of a transaction.
struct NamedRecipients {
    accepted: u32,
    /// Whether the server closed the connection.
    closed: bool,
    /// All tarpits together.
    tarpit: Span,
    longest_tarpit: Span,
}

impl<'a> SimTransport<'a> {
    pub(super) fn new(input: TrialInput<'a>, observer: Option<SharedObserver>) -> Self {
        let (scenario, seed) = (input.scenario, Seed(input.seed));
        let hosts = input
            .sites()
            .zip(&scenario.providers)
            .map(|(site, policy)| MailHost::new(ObservedProvider::new(input.provider(policy), site, observer.clone())));
        let pairs = scenario.sources.len() * scenario.providers.len();
        Self {
            input,
            hosts: hosts.collect(),
            connections: Vec::new(),
            path: NetworkPath::new(network(&input), seed, pairs),
            free_workers: Vec::new(),
            addresses: addresses(seed),
            prefetched: 0,
            observer,
        }
    }
}

impl World for SimTransport<'_> {
    fn message_arrived(&mut self, now: Time) {
        self.path.host_arrival(now);
    }

    #[inline]
    fn show_event(&self, now: Time, event: &Event<'_>) {
        if let Some(observer) = &self.observer {
            observer.borrow_mut().sender_event(now, event);
        }
    }

    /// The oracle looks around before it says what it wants.
    #[inline]
    fn poll_sender(&mut self, script: &mut TrialScript<'_>, sender: &mut Sender) -> Option<Action> {
        self.greet_waiting(script);
        let now = script.now();
        let action = if self.input.strategy.oracle {
            let Self { hosts, connections, path, input, .. } = self;
            sender.poll(now, Some(&SimForesight { hosts, connections, path, input }))
        } else {
            sender.poll(now, None)
        };
        if let (Some(observer), Some(action)) = (&self.observer, &action) {
            observer.borrow_mut().sender_action(now, action);
        }
        sender.drain_results(|result| {
            if let Some(observer) = &self.observer {
                observer.borrow_mut().attempt_result(now, result);
            }
            script.attempt_over(result);
        });
        action
    }

    /// The connection is opened as soon as the sending host gets to it.
    fn connect(
        &mut self,
        script: &mut TrialScript<'_>,
        conn: ConnId,
        source: SourceId,
        site: ProviderId,
        delivery: Delivery,
    ) {
        let now = script.now();
        while self.connections.len() <= conn.index() {
            self.connections.push(SimConnection::closed());
        }
        let connection = &mut self.connections[conn.index()];
        let pair = source.index() * self.hosts.len() + site.index();
        connection.host = self.path.next_host(pair, self.hosts[site.index()].provider.policy().hosts);
        ConnectionDraw { rtt: connection.rtt, bad_host: connection.bad_host } = self.path.connect(pair);
        let begins = self.path.host_delivery(now);
        connection.begin(source, site, delivery, begins.unwrap_or(now));
        match begins {
            Some(at) => self.schedule(script, conn, PendingEvent::Starting, at),
            None => self.dial(script, conn),
        }
    }

    /// Where a connection was opened for the message, the host is at it already.
    fn transact(&mut self, script: &mut TrialScript<'_>, conn: ConnId, delivery: Delivery) {
        let used = self.connections[conn.index()].carry(delivery);
        match if used { self.path.host_delivery(script.now()) } else { None } {
            Some(at) => self.schedule(script, conn, PendingEvent::Starting, at),
            None => self.send(script, conn),
        }
    }

    fn quit(&mut self, now: Time, conn: ConnId) {
        self.connections[conn.index()].set_pending(PendingEvent::None);
        self.end_session(now, conn);
    }

    fn idle(&mut self, now: Time, conn: ConnId, until: Time) -> Time {
        let connection = &mut self.connections[conn.index()];
        let closed = self.hosts[connection.site.index()].provider.idle_limit().map(|longest| now + longest);
        let (pending, ends) = match closed.filter(|closed| *closed < until) {
            Some(closed) => (PendingEvent::IdleClosed, closed),
            None => (PendingEvent::Idle, until),
        };
        connection.set_pending(pending);
        ends
    }

    fn change_policy(&mut self, now: Time, change: &Change) {
        self.hosts[change.provider.index()].provider.apply(now, &change.policy_change);
    }

    fn complain(&mut self, now: Time, complaint: &Complaint) {
        let provider = &mut self.hosts[complaint.site.index()].provider;
        provider.complain(now, client_of(complaint.source), complaint.sender);
    }

    fn provider_sample(&self, now: Time, site: ProviderId) -> ProviderSample {
        let sources = (0..).map(SourceId).take(self.input.scenario.sources.len());
        provider_sample(&self.hosts[site.index()].provider, now, sources.map(client_of))
    }

    fn closing_account(&self, now: Time, site: ProviderId, sender: SenderAccount) -> ClosingAccount {
        closing_account(sender, &self.hosts[site.index()].provider, now)
    }
}

impl SimTransport<'_> {
    /// What was pending on a connection comes. What the sender notices of it.
    pub(super) fn progress(&mut self, script: &mut TrialScript<'_>, conn: ConnId) -> Option<Notice> {
        match self.connections[conn.index()].take_pending() {
            PendingEvent::Starting if self.connections[conn.index()].session.is_some() => self.send(script, conn),
            PendingEvent::Starting => self.dial(script, conn),
            PendingEvent::Opening => return Some(Notice::Connected),
            PendingEvent::Idle => return Some(Notice::IdleExpired),
            PendingEvent::IdleClosed => return Some(self.close_idle(script, conn)),
            PendingEvent::Failing => return Some(Notice::Replied { closed: true }),
            PendingEvent::Replied { closes } => return Some(Notice::Replied { closed: closes }),
            PendingEvent::Sent => return self.judge(script, conn),
            PendingEvent::Lost { stage, failure } => return Some(self.lose(script, conn, stage, failure)),
            PendingEvent::Backlog => return Some(self.leave_backlog(script, conn)),
            PendingEvent::None => {}
        }
        None
    }

    /// What the sender is told of a transaction that is over.
    #[inline]
    pub(super) fn transaction_result(&self, conn: ConnId, closed: bool) -> TransactionResult<'_> {
        TransactionResult { conn, recipients: self.connections[conn.index()].results(), closed }
    }

    /// When what the transaction that is over defers would be accepted; for the oracle alone.
    #[inline]
    pub(super) fn take_foreseen_retry(&mut self, conn: ConnId) -> Option<Time> {
        self.connections[conn.index()].foreseen_retry.take()
    }

    fn dial(&mut self, script: &mut TrialScript<'_>, conn: ConnId) {
        let SimConnection { site, rtt, bad_host, .. } = self.connections[conn.index()];
        if bad_host {
            return self.meet_bad_host(script, conn);
        }
        match self.hosts[site.index()].arrive(conn) {
            ConnectOutcome::Served => self.greet(script, conn),
            ConnectOutcome::Queued => {
                let patience = self.session_settings(conn).greeting_timeout;
                self.schedule(script, conn, PendingEvent::Backlog, script.now() + rtt + patience);
            }
            ConnectOutcome::Ignored => self.retry_syn(script, conn),
        }
    }

    /// The backlog is full, and there is no answer. The client's kernel tries again, a second after the first time and
    /// then always after twice as long (RFC 6298, 2.1 and 5.5), until the client has waited long enough.
    fn retry_syn(&mut self, script: &mut TrialScript<'_>, conn: ConnId) {
        let patience = self.session_settings(conn).connect_timeout;
        let opened_at = self.connections[conn.index()].opened_at;
        let waited = script.now().since(opened_at);
        let next = waited.times(2) + SYN_RETRY;
        if next < patience {
            self.schedule(script, conn, PendingEvent::Starting, opened_at + next);
        } else {
            self.fail(script, conn, ConnectionFailure::ConnectTimeout, patience - waited);
        }
    }

    /// Greets the connections of the backlog for which a worker has become free.
    #[inline]
    fn greet_waiting(&mut self, script: &mut TrialScript<'_>) {
        while let Some(site) = self.free_workers.pop() {
            if let Some(next) = self.hosts[site.index()].next_waiting() {
                self.greet(script, next);
            }
        }
    }

    /// A worker takes the connection: the provider greets, or refuses.
    fn greet(&mut self, script: &mut TrialScript<'_>, conn: ConnId) {
        let now = script.now();
        let SimConnection { site, source, host, rtt, .. } = self.connections[conn.index()];
        let provider = &mut self.hosts[site.index()].provider;
        let (session, verdict) = provider.connect_to(now, client_of(source), host);
        let greeted = rtt.times(TRIPS_TO_GREETING) + verdict.tarpit;
        let (Some(session), Decision::Accept) = (session, verdict.decision) else {
            return self.refuse_connection(script, conn, Stage::Connect, verdict.decision, greeted);
        };
        let open = provider.open_sessions();
        let verdict = provider.ehlo(now, session);
        let ready = greeted + rtt.times(TRIPS_TO_EHLO) + verdict.tarpit;
        if !verdict.accepted() {
            provider.close(now, session);
            return self.refuse_connection(script, conn, Stage::Ehlo, verdict.decision, ready);
        }
        if let Some(account) = self.input.scenario.sources[source.index()].account {
            provider.log_in(now, session, account);
        }
        script.recorder().session_opened(now, site, open);
        self.connections[conn.index()].open(session);
        let patience = self.session_settings(conn).greeting_timeout;
        if ready > patience + rtt.times(TRIPS_TO_GREETING + TRIPS_TO_EHLO) {
            return self.give_up(script, conn, Stage::Connect, ConnectionFailure::GreetingTimeout, patience);
        }
        self.schedule(script, conn, PendingEvent::Opening, now + ready);
    }

    fn refuse_connection(
        &mut self,
        script: &mut TrialScript<'_>,
        conn: ConnId,
        stage: Stage,
        decision: Decision,
        after: Span,
    ) {
        let Decision::Refuse(refusal) = decision else { return };
        let connection = &mut self.connections[conn.index()];
        let (site, recipients) = (connection.site, u64::from(connection.delivery.count));
        connection.fail(recipient_result(stage, refusal));
        let now = script.now();
        record_refusal(script.recorder(), now, site, stage, refusal, recipients);
        self.schedule(script, conn, PendingEvent::Failing, now + after);
        self.free_worker(site);
    }

    /// The connection comes to nothing after `wait`, without a reply.
    fn fail(&mut self, script: &mut TrialScript<'_>, conn: ConnId, failure: ConnectionFailure, wait: Span) {
        self.record_failed_connection(script, conn, failure);
        self.schedule(script, conn, PendingEvent::Failing, script.now() + wait);
    }

    fn record_failed_connection(&mut self, script: &mut TrialScript<'_>, conn: ConnId, failure: ConnectionFailure) {
        let now = script.now();
        let connection = &mut self.connections[conn.index()];
        connection.fail(RecipientResult::NoReply(Stage::Connect));
        let recipients = u64::from(connection.delivery.count);
        script.recorder().attempt_failed(now, connection.site, Stage::Connect, failure, recipients);
    }

    /// How the sender uses connections to this one's site.
    fn session_settings(&self, conn: ConnId) -> &SessionSettings {
        &self.input.strategy.axes_at(self.connections[conn.index()].site).session
    }

    fn meet_bad_host(&mut self, script: &mut TrialScript<'_>, conn: ConnId) {
        let SessionSettings { connect_timeout, greeting_timeout, .. } = *self.session_settings(conn);
        let rtt = self.connections[conn.index()].rtt;
        let (failure, wait) = match self.input.scenario.network.bad_how {
            BadHost::Refuses => (ConnectionFailure::Refused, rtt),
            BadHost::Silent => (ConnectionFailure::ConnectTimeout, connect_timeout),
            BadHost::NeverGreets => (ConnectionFailure::GreetingTimeout, rtt + greeting_timeout),
        };
        self.fail(script, conn, failure, wait);
    }

    /// MAIL, RCPT and DATA of a transaction: the server judges them as they are sent.
    fn send(&mut self, script: &mut TrialScript<'_>, conn: ConnId) {
        let now = script.now();
        let connection = &mut self.connections[conn.index()];
        connection.clear_results();
        let SimConnection { site, rtt, session, delivery, .. } = *connection;
        let Some(session) = session else { unreachable!("a transaction needs a session") };
        if delivery.first.index() >= self.prefetched {
            self.prefetched = self.input.mail.prefetch(delivery.first.index());
        }
        script.recorder().transaction_begun(site);
        let provider = &mut self.hosts[site.index()].provider;
        let SessionSettings { mail_timeout, rcpt_timeout, data_timeout, .. } =
            self.input.strategy.axes_at(site).session;
        let verdict = provider.mail(now, session, self.input.envelope(&delivery));
        if verdict.tarpit > mail_timeout {
            return self.give_up(script, conn, Stage::Mail, ConnectionFailure::CommandTimeout, rtt + mail_timeout);
        }
        if let Decision::Refuse(refusal) = verdict.decision {
            return self.refuse_message(script, conn, Stage::Mail, refusal, rtt + verdict.tarpit);
        }
        let named = self.name_recipients(script, conn, session, delivery);
        if named.longest_tarpit > rcpt_timeout {
            return self.give_up(script, conn, Stage::Rcpt, ConnectionFailure::CommandTimeout, rtt + rcpt_timeout);
        }
        let service = &self.hosts[site.index()].provider.policy().service;
        let time = self.path.transaction_time(&self.input, site, service, rtt, &delivery);
        let asked = time.asked + named.tarpit + verdict.tarpit;
        if named.closed || named.accepted == 0 {
            return self.end_after_rcpt(script, conn, session, named.closed, asked);
        }
        let verdict = self.hosts[site.index()].provider.data(now, session);
        if verdict.tarpit > data_timeout {
            return self.give_up(script, conn, Stage::Data, ConnectionFailure::CommandTimeout, asked + data_timeout);
        }
        if let Decision::Refuse(refusal) = verdict.decision {
            return self.refuse_message(script, conn, Stage::Data, refusal, asked + verdict.tarpit);
        }
        let sent = asked + verdict.tarpit + time.sent;
        if self.path.loses(&delivery) {
            return self.give_up(script, conn, Stage::EndOfData, ConnectionFailure::Reset, sent.scaled(0.5));
        }
        self.schedule(script, conn, PendingEvent::Sent, now + sent);
    }

    /// No reply will come any more on the connection, and after `wait` the client knows.
    fn give_up(
        &mut self,
        script: &mut TrialScript<'_>,
        conn: ConnId,
        stage: Stage,
        failure: ConnectionFailure,
        wait: Span,
    ) {
        self.schedule(script, conn, PendingEvent::Lost { stage, failure }, script.now() + wait);
    }

    /// RCPT for every recipient, until the server closes.
    fn name_recipients(
        &mut self,
        script: &mut TrialScript<'_>,
        conn: ConnId,
        session: SessionId,
        delivery: Delivery,
    ) -> NamedRecipients {
        let mut named = NamedRecipients { accepted: 0, closed: false, tarpit: Span::ZERO, longest_tarpit: Span::ZERO };
        let site = self.connections[conn.index()].site;
        for n in 0..delivery.count {
            let recipient = self.input.recipient(self.addresses, delivery.first.index() + usize::from(n));
            let verdict = self.hosts[site.index()].provider.rcpt(script.now(), session, recipient);
            named.tarpit += verdict.tarpit;
            named.longest_tarpit = named.longest_tarpit.max(verdict.tarpit);
            let Decision::Refuse(refusal) = verdict.decision else {
                self.connections[conn.index()].accept_recipient();
                named.accepted += 1;
                continue;
            };
            self.refuse_recipient(script, conn, refusal);
            if refusal.closes() {
                named.closed = true;
                break;
            }
        }
        named
    }

    #[inline(never)]
    fn refuse_recipient(&mut self, script: &mut TrialScript<'_>, conn: ConnId, refusal: Refusal) {
        let now = script.now();
        self.foresee_retry(now, conn, refusal.rule);
        let connection = &mut self.connections[conn.index()];
        let refused = connection.refuse_recipient(refusal);
        record_refusal(script.recorder(), now, connection.site, Stage::Rcpt, refusal, refused);
    }

    /// No recipient is left for whom the message could be sent.
    fn end_after_rcpt(
        &mut self,
        script: &mut TrialScript<'_>,
        conn: ConnId,
        session: SessionId,
        closes: bool,
        after: Span,
    ) {
        let (now, site) = (script.now(), self.connections[conn.index()].site);
        self.hosts[site.index()].provider.abort(now, session);
        if closes {
            self.end_session(now, conn);
        }
        self.schedule(script, conn, PendingEvent::Replied { closes }, now + after);
    }

    /// The whole message is refused at MAIL or DATA.
    fn refuse_message(
        &mut self,
        script: &mut TrialScript<'_>,
        conn: ConnId,
        stage: Stage,
        refusal: Refusal,
        after: Span,
    ) {
        let now = script.now();
        self.foresee_retry(now, conn, refusal.rule);
        let connection = &mut self.connections[conn.index()];
        let (site, session) = (connection.site, connection.session);
        let refused = connection.refuse_message(stage, refusal);
        record_refusal(script.recorder(), now, site, stage, refusal, refused);
        if let Some(session) = session {
            self.hosts[site.index()].provider.abort(now, session);
        }
        if refusal.closes() {
            self.end_session(now, conn);
        }
        self.schedule(script, conn, PendingEvent::Replied { closes: refusal.closes() }, now + after);
    }

    /// End of data: the provider accepts or refuses the message.
    fn judge(&mut self, script: &mut TrialScript<'_>, conn: ConnId) -> Option<Notice> {
        let now = script.now();
        let SimConnection { site, session, delivery, source, .. } = self.connections[conn.index()];
        let provider = &mut self.hosts[site.index()].provider;
        let verdict = provider.end_of_data(now, session?);
        let connection = &mut self.connections[conn.index()];
        let mut closes = false;
        if let Decision::Refuse(refusal) = verdict.decision {
            closes = refusal.closes();
            let refused = connection.refuse_message(Stage::EndOfData, refusal);
            record_refusal(script.recorder(), now, site, Stage::EndOfData, refusal, refused);
            self.foresee_retry(now, conn, refusal.rule);
        } else {
            for (place, refusal) in provider.undeliverable() {
                if connection.refuse_undeliverable(*place as usize, *refusal) {
                    record_refusal(script.recorder(), now, site, Stage::EndOfData, *refusal, 1);
                }
            }
            let sender = self.input.envelope(&delivery).sender_domain;
            let (provider, input, addresses) = (&*provider, &self.input, self.addresses);
            script.expect_complaints(site, source, &delivery, connection.results(), |recipient| {
                let recipient = input.recipient(addresses, recipient.index()).id;
                provider.reaches_inbox(client_of(source), sender, recipient)
            });
        }
        if closes {
            self.end_session(now, conn);
        }
        if verdict.tarpit.is_zero() {
            return Some(Notice::Replied { closed: closes });
        }
        // The server has the message, but the client will never know: it sends it again (RFC 5321, 4.5.3.2.6, and RFC
        // 1047).
        let patience = self.session_settings(conn).end_of_data_timeout;
        if verdict.tarpit > patience {
            self.give_up(script, conn, Stage::EndOfData, ConnectionFailure::CommandTimeout, patience);
        } else {
            self.schedule(script, conn, PendingEvent::Replied { closes }, now + verdict.tarpit);
        }
        None
    }

    fn lose(&mut self, script: &mut TrialScript<'_>, conn: ConnId, stage: Stage, failure: ConnectionFailure) -> Notice {
        let now = script.now();
        let connection = &mut self.connections[conn.index()];
        let lost = connection.lose(stage);
        script.recorder().attempt_failed(now, connection.site, stage, failure, lost);
        self.end_session(now, conn);
        Notice::Replied { closed: true }
    }

    /// The provider has waited for a command as long as it does. That concerns no message, and so is no attempt.
    fn close_idle(&mut self, script: &TrialScript<'_>, conn: ConnId) -> Notice {
        let now = script.now();
        let SimConnection { site, session, .. } = self.connections[conn.index()];
        if let Some(session) = session {
            self.hosts[site.index()].provider.idle_expired(now, session);
        }
        self.end_session(now, conn);
        Notice::Closed
    }

    fn leave_backlog(&mut self, script: &mut TrialScript<'_>, conn: ConnId) -> Notice {
        let site = self.connections[conn.index()].site;
        self.hosts[site.index()].leave_backlog(conn);
        self.record_failed_connection(script, conn, ConnectionFailure::GreetingTimeout);
        Notice::Replied { closed: true }
    }

    /// The provider's side of a connection ends, and its place goes to the next that waits for it.
    fn end_session(&mut self, now: Time, conn: ConnId) {
        let connection = &mut self.connections[conn.index()];
        let site = connection.site;
        if let Some(session) = connection.session.take() {
            self.hosts[site.index()].provider.close(now, session);
            self.free_worker(site);
        }
    }

    /// A worker is free. The connection that is greeted in its place is greeted later (`greet_waiting`): a long backlog
    /// must not become recursion.
    fn free_worker(&mut self, site: ProviderId) {
        if self.hosts[site.index()].free_worker() {
            self.free_workers.push(site);
        }
    }

    /// Notes for the oracle when what was refused would be accepted.
    fn foresee_retry(&mut self, now: Time, conn: ConnId, rule: RuleId) {
        if !self.input.strategy.oracle {
            return;
        }
        let connection = &mut self.connections[conn.index()];
        if let Some(delay) = self.hosts[connection.site.index()].provider.retry_delay(rule) {
            connection.foreseen_retry = Some(now + delay);
        }
    }

    fn schedule(&mut self, script: &mut TrialScript<'_>, conn: ConnId, event: PendingEvent, at: Time) {
        self.connections[conn.index()].set_pending(event);
        script.schedule_connection(conn, at);
    }
}

/// How long a client's kernel waits before it tries to connect again.
const SYN_RETRY: Span = Span::from_secs(1);

/// The network of a trial. What the rules allow does not depend on how fast the host is: the oracle's is never busy.
fn network(input: &TrialInput<'_>) -> Network {
    let network = input.scenario.network;
    if input.strategy.oracle { Network { host: Host::default(), ..network } } else { network }
}
