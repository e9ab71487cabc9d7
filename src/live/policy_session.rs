//! A client's session as the provider sees it, stage by stage. Both front ends ask it, and it knows nothing of SMTP's
//! syntax.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::Arc;

use super::address_directives::{
    ForcedAction, ForcedOutcome, RecipientDirectives, SenderDirectives, without_engagement,
};
use super::client_registry;
use super::cluster::MxCluster;
use super::hosted_sessions::SocketPair;
use super::live_event::{EventEmitter, LiveEvent, LiveEventKind, LiveMessage, RECIPIENTS_TOLD_MAX};
use super::receiver_statistics::{RefusalSource, RefusedAttempt};
use super::rendered_verdict::RenderedVerdict;
use super::shared_state::SharedState;
use crate::provider::{
    Decision, Envelope, History, LocalPartLength, Placeholder, Policy, Recipient, Refusal, RuleAction, Verdict,
};
use crate::record::OwnFailure;
use crate::smtp::{LOCAL_PART_MAX, Reply, Stage};
use crate::time::{Span, Time};
use crate::units::{ClientId, HostId, ProviderId, SessionId};

mod between_stages;
#[cfg(test)]
mod tests;

/// One session. It is over for the provider when it is dropped.
#[derive(Debug)]
pub(super) struct PolicySession {
    cluster: Arc<MxCluster>,
    state: SessionState,
}

/// The client, and the transaction so far.
#[derive(Debug)]
struct SessionState {
    site: ProviderId,
    /// The MX host to which the client has connected.
    host: HostId,
    ip: IpAddr,
    client: ClientId,
    session: Option<SessionId>,
    /// What the client called itself.
    helo: String,
    /// Whether a recipient was named on this connection.
    has_named_recipient: bool,
    /// Whether this connection was refused at EHLO: it is one refused connection, however often the client says EHLO.
    is_refused: Cell<bool>,
    /// The number of the connection; 0 before it is greeted.
    connection: u64,
    /// The number of the transaction's message; 0 where there is none.
    message: u64,
    /// Whether there was a listener to events when the transaction began.
    is_heard: bool,
    /// The transaction's accepted recipients, [`RECIPIENTS_TOLD_MAX`] at most, and none without a listener.
    told_recipients: Vec<String>,
    /// MAIL FROM of the transaction.
    sender: String,
    /// The recipient of the RCPT that is being answered.
    current_recipient: String,
    /// The recipient that was accepted last, which replies to the whole message name.
    last_recipient: String,
    /// Numbers of the transaction's accepted recipients.
    recipients: Vec<u64>,
    /// Outcomes that were asked for, whatever the rules say.
    forced: Vec<ForcedOutcome>,
}

/// An address as the client sent it. The null path has neither part, `<postmaster>` no domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EnvelopeAddress<'a> {
    pub(super) local: &'a str,
    pub(super) domain: &'a str,
}

impl EnvelopeAddress<'_> {
    /// Length of the local part, which no path lets grow beyond what is said here.
    fn local_octets(self) -> u8 {
        u8::try_from(self.local.len()).unwrap_or(LOCAL_PART_MAX)
    }

    fn write(self, text: &mut String) {
        text.clear();
        text.push_str(self.local);
        if !self.domain.is_empty() {
            text.push('@');
            text.push_str(self.domain);
        }
    }
}

impl PolicySession {
    /// A session of a client whose connection was admitted, at one of the provider's MX hosts.
    pub(super) const fn new(
        cluster: Arc<MxCluster>,
        (site, host): (ProviderId, HostId),
        ip: IpAddr,
        client: ClientId,
    ) -> Self {
        let state = SessionState {
            site,
            host,
            ip,
            client,
            session: None,
            helo: String::new(),
            has_named_recipient: false,
            is_refused: Cell::new(false),
            connection: 0,
            message: 0,
            is_heard: false,
            told_recipients: Vec::new(),
            sender: String::new(),
            current_recipient: String::new(),
            last_recipient: String::new(),
            recipients: Vec::new(),
            forced: Vec::new(),
        };
        Self { cluster, state }
    }

    /// The provider.
    pub(super) const fn site(&self) -> ProviderId {
        self.state.site
    }

    /// From here on the client speaks for another address, which is greeted as if it had just connected.
    pub(super) fn switch_client(&mut self, ip: IpAddr) -> RenderedVerdict {
        let Self { cluster, state } = self;
        let (mut shared, now) = (cluster.lock(), cluster.clock.now());
        state.leave(&mut shared, now);
        let client = shared.register_client(now, ip);
        shared.statistics.connects(now, state.site, client);
        (state.ip, state.client) = (ip, client);
        (state.has_named_recipient, state.is_refused) = (false, Cell::new(false));
        drop(shared);
        self.connect()
    }

    /// The connection, before the greeting.
    pub(super) fn connect(&mut self) -> RenderedVerdict {
        let Self { cluster, state } = self;
        let (mut shared, now) = (cluster.lock(), cluster.clock.now());
        if state.connection == 0 {
            shared.connections += 1;
            state.connection = shared.connections;
        }
        let provider = &mut shared.providers[state.site.index()].provider;
        let (session, verdict) = provider.connect_to(now, state.client, state.host);
        let open = provider.open_sessions();
        state.session = session;
        if session.is_some() {
            shared.statistics.opened(now, state.site, open);
            shared.events.emit(&state.event(now, LiveEventKind::Opened));
        }
        state.render_verdict(&mut shared, now, Stage::Connect, verdict)
    }

    /// The client talks before its greeting, which was put off.
    pub(super) fn on_early_talk(&mut self) -> RenderedVerdict {
        let Self { cluster, state } = self;
        let (mut shared, now) = (cluster.lock(), cluster.clock.now());
        let Some(session) = state.session else { return RenderedVerdict::DROP };
        let verdict = shared.provider(state.site).talks_early(now, session);
        let rendered = state.render_verdict(&mut shared, now, Stage::Connect, verdict);
        if !verdict.accepted() {
            state.session = None;
            shared.events.emit(&state.event(now, LiveEventKind::Closed));
        }
        rendered
    }

    /// EHLO or HELO, with what the client calls itself.
    pub(super) fn ehlo(&mut self, name: &str) -> RenderedVerdict {
        name.clone_into(&mut self.state.helo);
        self.evaluate(Stage::Ehlo, |state, shared, now, session| shared.provider(state.site).ehlo(now, session))
    }

    /// The client has logged in with this name: whatever the name, the provider takes it.
    pub(super) fn log_in(&mut self, name: &str) {
        let Some(session) = self.state.session else { return };
        let mut shared = self.cluster.lock();
        let account = shared.registry.account(name);
        shared.provider(self.state.site).log_in(session, account);
    }

    /// MAIL; `size` is what the client declares, in bytes.
    pub(super) fn mail(&mut self, from: EnvelopeAddress<'_>, size: u64) -> RenderedVerdict {
        let directives = SenderDirectives::parse(from.local);
        self.state.forget_transaction();
        from.write(&mut self.state.sender);
        self.state.forced.extend(directives.forced);
        self.begin_message();
        self.evaluate(Stage::Mail, |state, shared, now, session| {
            shared.statistics.transacts(state.site);
            let envelope = Envelope {
                sender_domain: shared.register_sender(now, from.domain, &History::NONE),
                sender_local_part: LocalPartLength::Octets(from.local_octets()),
                // More than any limit can be.
                size: u32::try_from(size).unwrap_or(u32::MAX),
                dns: !directives.no_dns,
                spf: !directives.spf_fails,
                dkim: !directives.dkim_fails,
                dmarc: !directives.dmarc_fails,
                spam: directives.spam,
            };
            shared.provider(state.site).mail(now, session, envelope)
        })
    }

    fn begin_message(&mut self) {
        let Self { cluster, state } = self;
        let mut shared = cluster.lock();
        shared.messages += 1;
        state.message = shared.messages;
        state.is_heard = shared.events.has_listener();
        state.forced.extend(shared.orders.take_for(state.site));
    }

    /// RCPT.
    pub(super) fn rcpt(&mut self, to: EnvelopeAddress<'_>) -> RenderedVerdict {
        if !std::mem::replace(&mut self.state.has_named_recipient, true) {
            self.cluster.lock().statistics.names_recipient(self.state.site);
        }
        let directives = RecipientDirectives::parse(to.local);
        let id = client_registry::recipient_hash(without_engagement(to.local), to.domain);
        to.write(&mut self.state.current_recipient);
        let earlier = self.state.forced.len();
        let only_this = directives.forced.as_ref().is_some_and(|forced| forced.stage == Stage::Rcpt);
        self.state.forced.extend(directives.forced);
        self.state.recipients.push(id);
        let mut service = Span::ZERO;
        let rendered = self.evaluate(Stage::Rcpt, |state, shared, now, session| {
            let domain = shared.registry.domain(to.domain);
            let provider = shared.provider(state.site);
            let is_foreign = provider.policy().is_foreign(to.domain);
            let (mailbox, engaged) = ((!is_foreign).then_some(directives.mailbox), directives.engaged);
            let recipient = Recipient { id, domain, mailbox, local_octets: to.local_octets(), engaged };
            let verdict = provider.rcpt(now, session, recipient);
            let per_recipient = shared.provider(state.site).policy().service.per_recipient;
            service = per_recipient.sample(&mut shared.chance);
            verdict
        });
        if only_this {
            self.state.forced.truncate(earlier);
        }
        if rendered.is_accepted() {
            self.state.remember_recipient();
            std::mem::swap(&mut self.state.last_recipient, &mut self.state.current_recipient);
        } else {
            self.state.recipients.pop();
        }
        self.state.current_recipient.clear();
        rendered.delayed_by(service)
    }

    /// DATA, or the first BDAT.
    pub(super) fn data(&mut self) -> RenderedVerdict {
        self.evaluate(Stage::Data, |state, shared, now, session| shared.provider(state.site).data(now, session))
    }

    /// A message of this size in bytes has arrived: how long the server processes it before it is answered.
    pub(super) fn message_received(&mut self, size: u64) -> Span {
        let Self { cluster, state } = self;
        let mut shared = cluster.lock();
        let provider = shared.provider(state.site);
        if let Some(session) = state.session {
            provider.set_message_size(session, u32::try_from(size).unwrap_or(u32::MAX));
        }
        let per_message = provider.policy().service.per_message;
        per_message.sample(&mut shared.chance)
    }

    /// The end of data, after processing; `acceptance` is what the front end says to a message that is accepted, and
    /// asked for only where an event tells it.
    /// Whatever the answer is, the transaction is over.
    pub(super) fn end_of_data(&mut self, size: u64, acceptance: impl FnOnce() -> Reply) -> RenderedVerdict {
        let rendered = self.evaluate(Stage::EndOfData, |state, shared, now, session| {
            let provider = shared.provider(state.site);
            let mut verdict = provider.end_of_data(now, session);
            if verdict.accepted() {
                // Recipients that an accepted message does not reach are bounced later. If it reaches none, the reply
                // refuses it.
                let missed = provider.undeliverable();
                match missed.first() {
                    Some((_, refusal)) if missed.len() == state.recipients.len() => {
                        verdict.decision = Decision::Refuse(*refusal);
                    }
                    _ => state.record_delivery(shared, now, size, acceptance),
                }
            }
            verdict
        });
        self.reset();
        rendered
    }

    /// The transaction is given up with RSET or a new EHLO, or it is over.
    pub(super) fn reset(&mut self) {
        self.state.forget_transaction();
        if let Some(session) = self.state.session {
            self.cluster.lock().provider(self.state.site).abort(session);
        }
    }

    /// The SMTP session itself has refused a command with this reply.
    pub(super) fn on_session_refusal(&mut self, stage: Stage, reply: &Reply) {
        let Self { cluster, state } = self;
        state.record_refusal(
            &mut cluster.lock(),
            cluster.clock.now(),
            stage,
            RefusalSource::Session(reply),
            Some(reply),
        );
    }

    /// The SMTP session itself has refused with this reply what was no attempt: no command, or one out of sequence.
    pub(super) fn on_misspoken(&mut self, stage: Stage, reply: &Reply) {
        let Self { cluster, state } = self;
        let shared = cluster.lock();
        if shared.events.has_listener() {
            let no_one_named = state.live_message(&[], 0);
            state.emit_refusal(&shared.events, cluster.clock.now(), stage, None, Some(reply), no_one_named);
        }
    }

    /// The connection was lost while a message was being received.
    pub(super) fn on_connection_lost(&mut self, stage: Stage) {
        let Self { cluster, state } = self;
        let now = cluster.clock.now();
        cluster.lock().statistics.lost(now, state.site, stage, &state.recipients);
        self.end_lost(now, None);
    }

    /// This machine breaks the session off: nothing of it is the client's or the provider's doing.
    pub(super) fn on_own_failure(&mut self, pair: SocketPair, what: OwnFailure) {
        let Self { cluster, state } = self;
        let now = cluster.clock.now();
        cluster.hosted.break_off(pair, what);
        if !state.recipients.is_empty() {
            cluster.lock().statistics.spoiled(now, state.site, state.recipients.len());
            self.end_lost(now, Some(what));
        }
    }

    fn end_lost(&mut self, now: Time, own_failure: Option<OwnFailure>) {
        let Self { cluster, state } = self;
        let shared = cluster.lock();
        if shared.events.has_listener() {
            let told = state.told_recipients(&[]);
            let message = state.live_message(&told, state.recipients.len());
            shared.events.emit(&state.event(now, LiveEventKind::Lost { message, own_failure }));
        }
        drop(shared);
        state.forget_transaction();
    }

    /// Answers a stage: an outcome that was asked for, or else the provider's verdict.
    fn evaluate(
        &mut self,
        stage: Stage,
        ask: impl FnOnce(&SessionState, &mut SharedState, Time, SessionId) -> Verdict,
    ) -> RenderedVerdict {
        let Self { cluster, state } = self;
        let (mut shared, now) = (cluster.lock(), cluster.clock.now());
        let Some(session) = state.session else { return RenderedVerdict::DROP };
        let index = state.forced.iter().position(|forced| forced.stage == stage);
        let slow = match index.map(|index| state.forced.remove(index).action) {
            None => Span::ZERO,
            Some(ForcedAction::Delay(span)) => span,
            Some(ForcedAction::Drop) => return state.apply_forced(&mut shared, now, stage, None),
            Some(ForcedAction::Reply(reply)) => return state.apply_forced(&mut shared, now, stage, Some(&reply)),
        };
        let verdict = ask(state, &mut shared, now, session);
        state.render_verdict(&mut shared, now, stage, verdict).delayed_by(slow)
    }
}

impl Drop for PolicySession {
    fn drop(&mut self) {
        let Self { cluster, state } = self;
        let now = cluster.clock.now();
        let mut shared = cluster.lock();
        state.leave(&mut shared, now);
        shared.on_disconnect(state.site);
    }
}

impl SessionState {
    fn forget_transaction(&mut self) {
        self.message = 0;
        self.told_recipients.clear();
        self.recipients.clear();
        self.forced.clear();
        self.last_recipient.clear();
    }

    fn leave(&mut self, shared: &mut SharedState, now: Time) {
        self.forget_transaction();
        if let Some(session) = self.session.take() {
            shared.provider(self.site).close(session);
            shared.events.emit(&self.event(now, LiveEventKind::Closed));
        }
    }

    /// Refuses with a reply that was asked for, or closes the connection without one.
    fn apply_forced(
        &self,
        shared: &mut SharedState,
        now: Time,
        stage: Stage,
        reply: Option<&Reply>,
    ) -> RenderedVerdict {
        let source = RefusalSource::Forced(reply);
        let Some(reply) = reply else {
            self.record_refusal(shared, now, stage, source, None);
            return RenderedVerdict::DROP;
        };
        shared.rejections_sent += 1;
        let reply =
            self.render_reply(shared.providers[self.site.index()].provider.policy(), shared.rejections_sent, reply);
        self.record_refusal(shared, now, stage, source, Some(&reply));
        RenderedVerdict::Refuse { close: reply.code.get() == 421, reply, delay: Span::ZERO }
    }

    /// Fills in the reply of a verdict, and records a refusal.
    fn render_verdict(&self, shared: &mut SharedState, now: Time, stage: Stage, verdict: Verdict) -> RenderedVerdict {
        let (rendered, refused) = self.fill_in(shared, verdict);
        if let Some(refusal) = refused {
            self.record_refusal(shared, now, stage, RefusalSource::Rule(refusal), rendered.reply());
        }
        rendered
    }

    /// Fills in the reply of a verdict; with the refusal, if it is one.
    fn fill_in(&self, shared: &mut SharedState, verdict: Verdict) -> (RenderedVerdict, Option<Refusal>) {
        let Verdict { decision, tarpit: delay } = verdict;
        let Decision::Refuse(refusal) = decision else { return (RenderedVerdict::Accept { delay }, None) };
        let RuleAction::Reply { reply, close } = refusal.action else {
            return (RenderedVerdict::Drop { delay }, Some(refusal));
        };
        shared.rejections_sent += 1;
        let policy = shared.providers[self.site.index()].provider.policy();
        let reply = self.render_reply(policy, shared.rejections_sent, &policy.replies[reply.index()]);
        (RenderedVerdict::Refuse { reply, close, delay }, Some(refusal))
    }

    /// Records a refusal and the recipients that it concerns.
    fn record_refusal(
        &self,
        shared: &mut SharedState,
        now: Time,
        stage: Stage,
        source: RefusalSource<'_>,
        reply: Option<&Reply>,
    ) {
        // A refusal of the SMTP session names no recipient.
        let names_recipient = !matches!(source, RefusalSource::Session(_));
        let recipients = match stage {
            Stage::Rcpt if !names_recipient => &[],
            Stage::Rcpt => self.recipients.last().map_or(&[][..], std::slice::from_ref),
            _ => &self.recipients,
        };
        let SharedState { providers, statistics, events, .. } = shared;
        let policy = providers[self.site.index()].provider.policy();
        let is_repeated = stage == Stage::Ehlo && self.is_refused.replace(true);
        let (site, client) = (self.site, self.client);
        statistics.refused(&RefusedAttempt { now, site, client, stage, source, recipients, is_repeated }, policy);
        if !events.has_listener() {
            return;
        }
        let told = match stage {
            Stage::Rcpt if names_recipient => vec![self.current_recipient.as_str()],
            Stage::Rcpt => Vec::new(),
            _ => self.told_recipients(&[]),
        };
        let rule = match source {
            RefusalSource::Rule(refusal) => Some(policy.rules[refusal.rule.index()].name.as_str()),
            RefusalSource::Forced(_) | RefusalSource::Session(_) => None,
        };
        let told = self.live_message(&told, recipients.len());
        self.emit_refusal(events, now, stage, rule, reply, told);
    }

    /// Tells the listener of a refusal; the message is told where there is one by then.
    fn emit_refusal(
        &self,
        events: &EventEmitter,
        now: Time,
        stage: Stage,
        rule: Option<&str>,
        reply: Option<&Reply>,
        message: LiveMessage<'_>,
    ) {
        let text = reply.map(as_sent);
        let kind = LiveEventKind::Refused {
            stage,
            rule,
            class: reply.map(|reply| reply.code.class()),
            reply: text.as_deref(),
            message: (stage >= Stage::Mail && self.message > 0).then_some(message),
        };
        events.emit(&self.event(now, kind));
    }

    fn record_delivery(&self, shared: &mut SharedState, now: Time, size: u64, acceptance: impl FnOnce() -> Reply) {
        let missed: Vec<_> = shared.provider(self.site).undeliverable().to_vec();
        let SharedState { providers, statistics, events, .. } = shared;
        let policy = providers[self.site.index()].provider.policy();
        for (index, refusal) in &missed {
            let recipients = self.recipients.get(*index as usize).map_or(&[][..], std::slice::from_ref);
            let (client, stage, source) = (self.client, Stage::EndOfData, RefusalSource::Rule(*refusal));
            let refused =
                RefusedAttempt { now, site: self.site, client, stage, source, recipients, is_repeated: false };
            statistics.refused(&refused, policy);
        }
        let reached = (0..).zip(&self.recipients).filter(|(n, _)| !missed.iter().any(|(index, _)| index == n));
        statistics.accepted(now, self.site, self.client, reached.map(|(_, id)| *id));
        if !events.has_listener() {
            return;
        }
        let told = self.told_recipients(&missed);
        let message = self.live_message(&told, self.recipients.len() - missed.len());
        let reply = as_sent(&acceptance());
        events.emit(&self.event(now, LiveEventKind::Accepted { message, size, reply: &reply }));
    }

    const fn event<'a>(&self, at: Time, kind: LiveEventKind<'a>) -> LiveEvent<'a> {
        LiveEvent { at, site: self.site, ip: self.ip, connection: self.connection, kind }
    }

    const fn live_message<'a>(&'a self, recipients: &'a [&'a str], recipients_count: usize) -> LiveMessage<'a> {
        LiveMessage { number: self.message, sender: self.sender.as_str(), recipients, recipients_count }
    }

    /// Keeps the recipient that was accepted for events.
    fn remember_recipient(&mut self) {
        if self.is_heard && self.told_recipients.len() < RECIPIENTS_TOLD_MAX {
            self.told_recipients.push(self.current_recipient.clone());
        }
    }

    /// The transaction's recipients as events name them, without those that the message does not reach.
    fn told_recipients(&self, missed: &[(u32, Refusal)]) -> Vec<&str> {
        let reached = |index: &u32| !missed.iter().any(|(other, _)| other == index);
        let told = (0..).zip(&self.told_recipients).filter(|(index, _)| reached(index));
        told.map(|(_, recipient)| recipient.as_str()).collect()
    }

    /// The reply with its placeholders filled in; `number` makes its `{id}`.
    fn render_reply(&self, policy: &Policy, number: u64, reply: &Reply) -> Reply {
        reply.filled(|name| Some(self.fill(name.parse().ok()?, policy, number)))
    }

    /// What stands in a reply instead of a placeholder.
    fn fill(&self, placeholder: Placeholder, policy: &Policy, number: u64) -> String {
        let rcpt = if self.current_recipient.is_empty() { &self.last_recipient } else { &self.current_recipient };
        let domain_of = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        let own = || policy.domains.names().next().or(policy.mx.first().map(String::as_str)).unwrap_or_default();
        match placeholder {
            Placeholder::Ip => self.ip.to_string(),
            Placeholder::Range => client_registry::network_of(self.ip),
            // No loopback address has a name, and that of another is not looked up.
            Placeholder::Host => "unknown".to_owned(),
            Placeholder::Helo => self.helo.clone(),
            Placeholder::Mx => policy.mx.first().cloned().unwrap_or_default(),
            Placeholder::Sender => self.sender.clone(),
            Placeholder::SenderDomain | Placeholder::FromDomain => {
                domain_of(&self.sender).unwrap_or_else(|| self.helo.clone())
            }
            Placeholder::Rcpt => rcpt.clone(),
            Placeholder::RcptDomain => domain_of(rcpt).unwrap_or_else(|| own().to_owned()),
            // Real servers have another one in every reply.
            Placeholder::Id => format!("{number:012x}"),
            Placeholder::Url => format!("https://postmaster.{}/", own()),
        }
    }
}

/// The lines of a reply that is filled in, as they are sent.
fn as_sent(reply: &Reply) -> String {
    reply.lines(|_| None).join("\n")
}
