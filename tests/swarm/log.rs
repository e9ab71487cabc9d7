//! A observer that writes down every word of a trial, for the checkers to read afterwards.

use std::collections::BTreeMap;

use mxlab::provider::{Decision, Envelope, Provider, Recipient, Rule, Verdict};
use mxlab::sender::{Action, AttemptResult, Delivery, Event};
use mxlab::sim::{CallResult, Observer, ProviderCall};
use mxlab::smtp::Stage;
use mxlab::time::Time;
use mxlab::units::{ClientId, ConnId, ProviderId, RuleId, SenderDomainId, SessionId};

/// Everything that was said in a trial, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    /// Who speaks in each session that is open, and as whom in the message under way.
    speakers: BTreeMap<(ProviderId, SessionId), (ClientId, Option<SenderDomainId>)>,
    /// What the rules stood at before the command that is being judged.
    before: Vec<Standing>,
}

/// A word and its moment.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Time,
    pub(crate) word: Word,
}

/// A word.
#[derive(Clone, Debug)]
pub(crate) enum Word {
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
    /// A provider has judged a command.
    Judged(ProviderId, Judged),
    /// A provider is told that a transaction is given up.
    Aborted(ProviderId, SessionId),
    /// A provider is told that a session is over; so many are open after that.
    Closed(ProviderId, SessionId, u32),
    /// Something else: time passes.
    Other,
}

/// A command and the verdict on it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) stage: Stage,
    /// `None` is a connection that is refused.
    pub(crate) session: Option<SessionId>,
    pub(crate) client: ClientId,
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
    fn note(&mut self, at: Time, word: Word) {
        self.entries.push(Entry { at, word });
    }

    /// Who says this, as whom.
    fn speaker(&self, site: ProviderId, command: &ProviderCall<'_>) -> Option<(ClientId, Option<SenderDomainId>)> {
        let of = |session: &SessionId| self.speakers.get(&(site, *session)).copied();
        match command {
            ProviderCall::Connect(client) => Some((*client, None)),
            ProviderCall::Mail(session, envelope) => Some((of(session)?.0, Some(envelope.sender_domain))),
            ProviderCall::Ehlo(session)
            | ProviderCall::Rcpt(session, _)
            | ProviderCall::Data(session)
            | ProviderCall::EndOfData(session)
            | ProviderCall::Abort(session)
            | ProviderCall::Close(session) => of(session),
            ProviderCall::Complain(..) | ProviderCall::Amend(_) => None,
        }
    }
}

impl Observer for Log {
    fn sender_event(&mut self, now: Time, event: &Event<'_>) {
        self.note(
            now,
            match event {
                Event::Injected(injection) => Word::Injected(injection.delivery),
                Event::Connected(conn) => Word::Greeted(*conn),
                Event::Replied(replied) => Word::Replied(replied.conn, replied.closed),
                Event::IdleExpired(conn) => Word::Expired(*conn),
                Event::Closed(conn) => Word::Replied(*conn, true),
                Event::Due(_) | Event::PolicyChanged => Word::Other,
            },
        );
    }

    fn sender_action(&mut self, now: Time, action: &Action) {
        self.note(
            now,
            match *action {
                Action::Connect { conn, site, delivery, .. } => Word::Connect(conn, site, delivery),
                Action::Transact { conn, delivery } => Word::Transact(conn, delivery),
                Action::Quit(conn) => Word::Quit(conn),
                Action::Idle { conn, .. } => Word::Rest(conn),
                Action::WakeAt { .. } => Word::Other,
            },
        );
    }

    fn attempt_result(&mut self, now: Time, settled: &AttemptResult) {
        self.note(now, Word::Settled(*settled));
    }

    fn before_call(&mut self, now: Time, site: ProviderId, provider: &Provider, command: &ProviderCall<'_>) {
        let speaker = self.speaker(site, command);
        self.before = speaker.map_or_else(Vec::new, |(client, sender)| standings(now, provider, client, sender));
    }

    fn after_call(
        &mut self,
        now: Time,
        site: ProviderId,
        provider: &Provider,
        command: &ProviderCall<'_>,
        answer: CallResult,
    ) {
        let speaker = self.speaker(site, command);
        match command {
            ProviderCall::Abort(session) => {
                self.speakers.entry((site, *session)).and_modify(|(_, sender)| *sender = None);
                return self.note(now, Word::Aborted(site, *session));
            }
            ProviderCall::Close(session) => {
                self.speakers.remove(&(site, *session));
                return self.note(now, Word::Closed(site, *session, provider.open_sessions()));
            }
            _ => {}
        }
        // Nobody speaks in a session that is not open: the checkers see it as nobody's.
        let (client, sender) = speaker.unwrap_or((NOBODY, None));
        let Some(mut judged) = judge(provider, command, client, answer) else {
            return self.note(now, Word::Other);
        };
        if speaker.is_some() {
            let after = standings(now, provider, client, sender);
            judged.rules = self.before.drain(..).zip(after).collect();
        }
        let over = judged.stage == Stage::EndOfData || judged.stage == Stage::Mail && judged.refused.is_some();
        if let Some(session) = judged.session {
            self.speakers.insert((site, session), (client, if over { None } else { sender }));
        }
        self.note(now, Word::Judged(site, judged));
    }
}

/// Who speaks in a session that does not exist.
pub(crate) const NOBODY: ClientId = ClientId(u32::MAX);

fn standings(now: Time, provider: &Provider, client: ClientId, sender: Option<SenderDomainId>) -> Vec<Standing> {
    let rules = (0..).map(RuleId).zip(&provider.policy().rules);
    let standing = |(id, rule): (RuleId, &Rule)| Standing {
        enabled: rule.enabled,
        ceiling: provider.limit(now, id, client, sender),
    };
    rules.map(standing).collect()
}

/// What is to be noted of a command that is judged.
fn judge(provider: &Provider, command: &ProviderCall<'_>, client: ClientId, answer: CallResult) -> Option<Judged> {
    let (stage, session, verdict) = heard(command, answer)?;
    let refused = match verdict.decision {
        Decision::Accept => None,
        Decision::Refuse(refusal) => Some(refusal.rule.index()),
    };
    let undeliverable = if stage == Stage::EndOfData { provider.undeliverable().len() } else { 0 };
    Some(Judged {
        stage,
        session,
        client,
        envelope: if let ProviderCall::Mail(_, envelope) = command { Some(*envelope) } else { None },
        who: if let ProviderCall::Rcpt(_, who) = command { Some(*who) } else { None },
        refused,
        late: undeliverable > 0,
        undeliverable,
        rules: Vec::new(),
        open: provider.open_sessions(),
    })
}

/// The stage of a command, its session and the verdict on it; `None` for what is not judged.
fn heard(command: &ProviderCall<'_>, answer: CallResult) -> Option<(Stage, Option<SessionId>, Verdict)> {
    let stage = match command {
        ProviderCall::Connect(_) => Stage::Connect,
        ProviderCall::Ehlo(_) => Stage::Ehlo,
        ProviderCall::Mail(..) => Stage::Mail,
        ProviderCall::Rcpt(..) => Stage::Rcpt,
        ProviderCall::Data(_) => Stage::Data,
        ProviderCall::EndOfData(_) => Stage::EndOfData,
        ProviderCall::Abort(_) | ProviderCall::Close(_) | ProviderCall::Complain(..) | ProviderCall::Amend(_) => {
            return None;
        }
    };
    match (command, answer) {
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
