//! An observer that writes down every event of a trial, for the checkers to read afterwards.

use std::collections::BTreeMap;

use mxlab::provider::{Decision, Envelope, Provider, Recipient, Rule, Verdict};
use mxlab::sender::{Action, AttemptResult, Delivery, Event};
use mxlab::sim::{CallResult, Observer, ProviderCall};
use mxlab::smtp::Stage;
use mxlab::time::Time;
use mxlab::units::{ClientId, ConnId, HostId, ProviderId, RuleId, SenderDomainId, SessionId};

/// Everything that was said in a trial, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    /// Who speaks in each session that is open, and as whom in the message under way.
    speakers: BTreeMap<(ProviderId, SessionId), (ClientId, Option<SenderDomainId>)>,
    /// What the rules stood at before the call that is being judged.
    before: Vec<Standing>,
}

/// An event and its moment.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Time,
    pub(crate) event: LoggedEvent,
}

/// An event.
#[derive(Clone, Debug)]
pub(crate) enum LoggedEvent {
    /// The sender is told of a message of so many recipients, from this one on.
    Injected(Delivery),
    /// The sender is told that a connection is greeted.
    Greeted(ConnId),
    /// The sender is told how a delivery went, and whether the connection is gone.
    Replied(ConnId, bool),
    /// The sender is told that an idle connection has been idle for long enough.
    Expired(ConnId),
    /// The sender wants a connection.
    Connect(ConnId, ProviderId, Delivery),
    /// The sender wants a message sent.
    Transact(ConnId, Delivery),
    /// The sender wants a connection closed.
    Quit(ConnId),
    /// The sender wants to be told when a connection has been idle for long enough.
    Rest(ConnId),
    /// The sender has settled what became of recipients.
    Settled(AttemptResult),
    /// A provider has judged a call.
    Judged(ProviderId, Judged),
    /// A provider is told that a transaction is given up.
    Aborted(ProviderId, SessionId),
    /// A provider is told that a session is over; so many are open after that.
    Closed(ProviderId, SessionId, u32),
    /// Something else: time passes.
    Other,
}

/// A call and the verdict on it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) stage: Stage,
    /// `None` is a connection that is refused.
    pub(crate) session: Option<SessionId>,
    pub(crate) client: ClientId,
    /// At connect.
    pub(crate) host: Option<HostId>,
    /// At MAIL.
    pub(crate) envelope: Option<Envelope>,
    /// At RCPT.
    pub(crate) who: Option<Recipient>,
    /// The rule that refused.
    pub(crate) refused: Option<usize>,
    /// Whether all rules let the message pass, and only its recipients were then judged one by one.
    pub(crate) late: bool,
    /// Recipients of an accepted message whom it does not reach.
    pub(crate) undeliverable: usize,
    /// Every rule, before and after.
    pub(crate) rules: Vec<(Standing, Standing)>,
    /// Sessions open after it.
    pub(crate) open: u32,
}

/// Where a rule stands for a client and a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) enabled: bool,
    /// `None` is no limit.
    pub(crate) ceiling: Option<u32>,
}

impl Log {
    fn note(&mut self, at: Time, event: LoggedEvent) {
        self.entries.push(Entry { at, event });
    }

    /// Who says this, as whom.
    fn speaker(&self, site: ProviderId, call: &ProviderCall<'_>) -> Option<(ClientId, Option<SenderDomainId>)> {
        let of = |session: &SessionId| self.speakers.get(&(site, *session)).copied();
        match call {
            ProviderCall::Connect(client, _) => Some((*client, None)),
            ProviderCall::Mail(session, envelope) => Some((of(session)?.0, Some(envelope.sender_domain))),
            ProviderCall::Ehlo(session)
            | ProviderCall::Rcpt(session, _)
            | ProviderCall::Data(session)
            | ProviderCall::EndOfData(session)
            | ProviderCall::IdleExpired(session)
            | ProviderCall::Abort(session)
            | ProviderCall::Close(session) => of(session),
            ProviderCall::LogIn(..) | ProviderCall::Complain(..) | ProviderCall::ChangePolicy(_) => None,
        }
    }
}

impl Observer for Log {
    fn sender_event(&mut self, now: Time, event: &Event<'_>) {
        self.note(
            now,
            match event {
                Event::Injected(injection) => LoggedEvent::Injected(injection.delivery),
                Event::Connected(conn) => LoggedEvent::Greeted(*conn),
                Event::Replied(replied) => LoggedEvent::Replied(replied.conn, replied.closed),
                Event::IdleExpired(conn) => LoggedEvent::Expired(*conn),
                Event::Closed(conn) => LoggedEvent::Replied(*conn, true),
                Event::RetryForeseen(..) | Event::Due(_) | Event::PolicyChanged => LoggedEvent::Other,
            },
        );
    }

    fn sender_action(&mut self, now: Time, action: &Action) {
        self.note(
            now,
            match *action {
                Action::Connect { conn, site, delivery, .. } => LoggedEvent::Connect(conn, site, delivery),
                Action::Transact { conn, delivery } => LoggedEvent::Transact(conn, delivery),
                Action::Quit(conn) => LoggedEvent::Quit(conn),
                Action::Idle { conn, .. } => LoggedEvent::Rest(conn),
                Action::WakeAt { .. } => LoggedEvent::Other,
            },
        );
    }

    fn attempt_result(&mut self, now: Time, settled: &AttemptResult) {
        self.note(now, LoggedEvent::Settled(*settled));
    }

    fn before_call(&mut self, now: Time, site: ProviderId, provider: &Provider, call: &ProviderCall<'_>) {
        let speaker = self.speaker(site, call);
        self.before = speaker.map_or_else(Vec::new, |(client, sender)| standings(now, provider, client, sender));
    }

    fn after_call(
        &mut self,
        now: Time,
        site: ProviderId,
        provider: &Provider,
        call: &ProviderCall<'_>,
        answer: CallResult,
    ) {
        let speaker = self.speaker(site, call);
        match call {
            ProviderCall::Abort(session) => {
                self.speakers.entry((site, *session)).and_modify(|(_, sender)| *sender = None);
                return self.note(now, LoggedEvent::Aborted(site, *session));
            }
            ProviderCall::Close(session) => {
                self.speakers.remove(&(site, *session));
                return self.note(now, LoggedEvent::Closed(site, *session, provider.open_sessions()));
            }
            _ => {}
        }
        // There is no client in a session that is not open.
        let (client, sender) = speaker.unwrap_or((NO_CLIENT, None));
        let Some(mut judged) = judge(provider, call, client, answer) else {
            return self.note(now, LoggedEvent::Other);
        };
        if speaker.is_some() {
            let after = standings(now, provider, client, sender);
            judged.rules = self.before.drain(..).zip(after).collect();
        }
        let over = judged.stage == Stage::EndOfData || judged.stage == Stage::Mail && judged.refused.is_some();
        if let Some(session) = judged.session {
            self.speakers.insert((site, session), (client, if over { None } else { sender }));
        }
        self.note(now, LoggedEvent::Judged(site, judged));
    }
}

/// Who speaks in a session that does not exist.
pub(crate) const NO_CLIENT: ClientId = ClientId(u32::MAX);

fn standings(now: Time, provider: &Provider, client: ClientId, sender: Option<SenderDomainId>) -> Vec<Standing> {
    let rules = (0..).map(RuleId).zip(&provider.policy().rules);
    let standing = |(id, rule): (RuleId, &Rule)| Standing {
        enabled: rule.enabled,
        ceiling: provider.limit(now, id, client, sender),
    };
    rules.map(standing).collect()
}

/// What is to be noted of a call that is judged.
fn judge(provider: &Provider, call: &ProviderCall<'_>, client: ClientId, answer: CallResult) -> Option<Judged> {
    let (stage, session, verdict) = verdict_of(call, answer)?;
    let refused = match verdict.decision {
        Decision::Accept => None,
        Decision::Refuse(refusal) => Some(refusal.rule.index()),
    };
    let undeliverable = if stage == Stage::EndOfData { provider.undeliverable().len() } else { 0 };
    Some(Judged {
        stage,
        session,
        client,
        host: if let ProviderCall::Connect(_, host) = call { Some(*host) } else { None },
        envelope: if let ProviderCall::Mail(_, envelope) = call { Some(*envelope) } else { None },
        who: if let ProviderCall::Rcpt(_, who) = call { Some(*who) } else { None },
        refused,
        late: undeliverable > 0,
        undeliverable,
        rules: Vec::new(),
        open: provider.open_sessions(),
    })
}

/// The stage of a call, its session and the verdict on it; `None` for what is not judged.
fn verdict_of(call: &ProviderCall<'_>, answer: CallResult) -> Option<(Stage, Option<SessionId>, Verdict)> {
    let stage = match call {
        ProviderCall::Connect(..) => Stage::Connect,
        ProviderCall::Ehlo(_) => Stage::Ehlo,
        ProviderCall::Mail(..) => Stage::Mail,
        ProviderCall::Rcpt(..) => Stage::Rcpt,
        ProviderCall::Data(_) => Stage::Data,
        ProviderCall::EndOfData(_) => Stage::EndOfData,
        ProviderCall::LogIn(..)
        | ProviderCall::IdleExpired(_)
        | ProviderCall::Abort(_)
        | ProviderCall::Close(_)
        | ProviderCall::Complain(..)
        | ProviderCall::ChangePolicy(_) => {
            return None;
        }
    };
    match (call, answer) {
        (_, CallResult::Session(session, verdict)) => Some((stage, session, verdict)),
        (
            ProviderCall::Ehlo(session)
            | ProviderCall::Mail(session, _)
            | ProviderCall::Rcpt(session, _)
            | ProviderCall::Data(session)
            | ProviderCall::EndOfData(session),
            CallResult::Verdict(verdict),
        ) => Some((stage, Some(*session), verdict)),
        _ => None,
    }
}
