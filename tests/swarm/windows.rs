//! Every limit counted again from outside: no window lets more through than its limit, no gauge is above it at any
//! moment, and neither refuses what would have fitted.
//!
//! From a log alone: which command was refused by which rule says which rules were asked before it and let it pass.
//! What a limit is at a moment is what the provider says it is; how much of it is used is counted here, naively.
//! Not judged are rules that answer with a tarpit, because it cannot be seen what they let pass.

use std::collections::{BTreeMap, BTreeSet};

use mxlab::provider::{
    Counted, Envelope, Limit, Mailbox, Meter, PolicyChange, Recipient, Rule, RuleAction, RuleKind, Scope, Window,
};
use mxlab::scenario::{Change, Scenario};
use mxlab::smtp::Stage;
use mxlab::time::Time;
use mxlab::units::{ClientId, HostId, ProviderId, SessionId};

use super::log::{Judged, Log, LoggedEvent, Standing};
use super::naive::{CountedEvent, excess};

/// How many verdicts were counted again: what passed, and what was refused. Or what is wrong.
pub(crate) fn check(scenario: &Scenario, log: &Log) -> Result<[u64; 2], String> {
    let mut recount = Recount {
        scenario,
        sessions: BTreeMap::new(),
        counted: BTreeMap::new(),
        unsure: BTreeSet::new(),
        opened: 0,
        agreed: [0; 2],
    };
    for entry in &log.entries {
        match &entry.event {
            LoggedEvent::Judged(site, judged) => recount.judged(entry.at, *site, judged)?,
            LoggedEvent::Aborted(site, session) => recount.transaction_over(*site, *session),
            LoggedEvent::Closed(site, session, _) => drop(recount.sessions.remove(&(*site, *session))),
            _ => {}
        }
    }
    Ok(recount.agreed)
}

struct Recount<'a> {
    scenario: &'a Scenario,
    sessions: BTreeMap<(ProviderId, SessionId), Session>,
    /// What each rule has counted, by provider, rule and whose counter it is.
    counted: BTreeMap<(ProviderId, usize, Key), Vec<CountedEvent>>,
    /// Rules whose limit was not sure once: mail on the way moved reputation, and so the number.
    unsure: BTreeSet<(ProviderId, usize)>,
    opened: u64,
    /// Verdicts that were counted again: what passed, and what was refused.
    agreed: [u64; 2],
}

/// Whose counter it is.
type Key = (u64, u64);

#[derive(Clone, Debug)]
struct Session {
    /// The how manieth session this is: numbers of sessions are used again, and this is not.
    serial: u64,
    client: ClientId,
    host: HostId,
    envelope: Option<Envelope>,
    /// Recipients accepted in this transaction.
    accepted: Vec<Recipient>,
    /// Gauges in which the session, or its transaction, has a place.
    places: Vec<(usize, Key, Meter)>,
    /// Rules that have let this connection pass, or this message, and ask no more.
    passed: Vec<(usize, Meter)>,
    /// What was counted since the session began, or since MAIL.
    tallies: Vec<(usize, Window, CountedEvent)>,
}

/// What a rule did about a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Did {
    /// Let it pass, and counted it.
    Passed,
    /// Refused it.
    Refused,
    /// Was asked earlier in the session, and counts now.
    CountedLate,
    /// Was not asked, as a rule before it has refused; but it counts attempts.
    CountedBehind,
}

impl Recount<'_> {
    fn judged(&mut self, at: Time, site: ProviderId, judged: &Judged) -> Result<(), String> {
        let mut session = self.session(site, judged);
        let rules = &self.scenario.providers[site.index()].rules;
        let until = judged.refused.filter(|_| !judged.late);
        for (index, rule) in rules.iter().enumerate() {
            let RuleKind::Limit(limit) = &rule.kind else { continue };
            let Some((before, after)) = judged.rules.get(index) else { continue };
            let tarpit = matches!(rule.action, RuleAction::Tarpit(_));
            let Some(did) = did(index, rule, limit, judged.stage, before.enabled, until) else { continue };
            if !tarpit {
                let asked = Asked { at, site, index, rule, limit, did, standing: [*before, *after] };
                self.rule(&asked, &mut session, judged.who)?;
            }
        }
        if let (Some(who), None) = (judged.who, judged.refused) {
            session.accepted.push(who);
        }
        let Some(id) = judged.session else { return Ok(()) };
        self.sessions.insert((site, id), session);
        if judged.stage == Stage::EndOfData || judged.stage == Stage::Mail && judged.refused.is_some() {
            self.transaction_over(site, id);
        }
        Ok(())
    }

    /// The session in which a command is given; a new one at connect.
    fn session(&mut self, site: ProviderId, judged: &Judged) -> Session {
        let known =
            judged.session.filter(|_| judged.stage > Stage::Connect).and_then(|id| self.sessions.get(&(site, id)));
        let mut session = known.cloned().unwrap_or_else(|| {
            self.opened += 1;
            Session {
                serial: self.opened,
                client: judged.client,
                host: judged.host.unwrap_or_default(),
                envelope: None,
                accepted: Vec::new(),
                places: Vec::new(),
                passed: Vec::new(),
                tallies: Vec::new(),
            }
        });
        if judged.envelope.is_some() {
            session.envelope = judged.envelope;
            session.accepted.clear();
            session.passed.retain(|(_, meter)| *meter != Meter::Messages);
            session.tallies.retain(|(_, window, _)| *window != Window::Message);
        }
        session
    }

    fn transaction_over(&mut self, site: ProviderId, session: SessionId) {
        if let Some(session) = self.sessions.get_mut(&(site, session)) {
            session.places.retain(|(_, _, meter)| *meter != Meter::OpenTransactions);
            session.envelope = None;
            session.accepted.clear();
        }
    }

    /// One rule and one command.
    fn rule(&mut self, asked: &Asked<'_>, session: &mut Session, who: Option<Recipient>) -> Result<(), String> {
        if asked.limit.window == Window::Gauge {
            return self.gauge(asked, session, who);
        }
        if asked.did == Did::CountedLate && asked.limit.scope.is_of_recipient() && who.is_none() {
            for who in session.accepted.clone() {
                self.window(asked, session, Some(who))?;
            }
            return Ok(());
        }
        self.window(asked, session, who)
    }

    fn gauge(&mut self, asked: &Asked<'_>, session: &mut Session, who: Option<Recipient>) -> Result<(), String> {
        let key = self.key(asked.limit.scope, session, who);
        if session.places.iter().any(|(index, ..)| *index == asked.index) {
            return asked.must(asked.did == Did::Passed, || "refused who had a place".to_owned());
        }
        let here = |((site, _), session): (&(ProviderId, SessionId), &Session)| {
            *site == asked.site && session.places.iter().any(|(index, of, _)| (*index, *of) == (asked.index, key))
        };
        let taken = self.sessions.iter().filter(|of| here(*of)).count() as u64;
        let [most, least] = asked.ceilings().map(|ceiling| ceiling.map_or(u64::MAX, u64::from));
        self.agreed[usize::from(asked.did == Did::Refused)] += 1;
        if asked.did == Did::Refused {
            return asked.must(taken >= least, || format!("refused with {taken} of {least} places taken"));
        }
        session.places.push((asked.index, key, asked.limit.meter));
        asked.must(taken < most, || format!("{} of {most} places are taken", taken + 1))
    }

    fn window(&mut self, asked: &Asked<'_>, session: &mut Session, who: Option<Recipient>) -> Result<(), String> {
        let Asked { limit, rule, .. } = asked;
        let meter = limit.meter;
        let stage = if asked.did == Did::CountedLate { meter.natural_stage() } else { rule.at };
        let looks = stage < meter.natural_stage();
        let n = if looks { 1 } else { amount(limit, stage, session, who) };
        if asked.standing[0] != asked.standing[1] {
            self.unsure.insert((asked.site, asked.index));
        }
        let sure = !self.unsure.contains(&(asked.site, asked.index));
        let [Some(most), Some(least)] = asked.ceilings() else { return Ok(()) };
        let asks_once = match meter {
            Meter::Connections => rule.at >= Stage::Mail,
            Meter::Messages => rule.at == Stage::Rcpt,
            _ => false,
        };
        let late = asked.did == Did::CountedLate;
        let behind = asked.did == Did::CountedBehind;
        if !late && (n == 0 || asks_once && session.passed.contains(&(asked.index, meter))) {
            return asked.must(behind || asked.did == Did::Passed, || "refused what it does not count".to_owned());
        }
        let amended = |change: &Change| {
            let of = matches!(change.policy_change, PolicyChange::Limit(rule, _) if rule.index() == asked.index);
            of && change.provider == asked.site
        };
        let forgets = asked.forgets(self.scenario.timeline.iter().any(amended));
        let key = self.key(limit.scope, session, who);
        let at = asked.at + self.scenario.day_starts;
        let in_session = limit.window.is_in_session();
        let counted = self.counted.entry((asked.site, asked.index, key)).or_default();
        if in_session {
            let own = session.tallies.iter().filter(|(index, ..)| *index == asked.index);
            *counted = own.map(|(.., counted)| *counted).collect();
        }
        let new = CountedEvent { at, n, limit: most };
        let over = excess(limit.window, counted, new);
        if asked.did == Did::Passed && !forgets {
            self.agreed[0] += 1;
            asked.must(over <= 1e-9, || format!("lets through {over} more than {most}: {n} on top of {counted:?}"))?;
        }
        let fits = over <= 1e-9;
        let over = excess(limit.window, counted, CountedEvent { limit: least, ..new });
        if asked.did == Did::Refused && sure && !forgets {
            self.agreed[1] += 1;
            asked.must(over > 0.0, || format!("refuses what fits under {least}: {n} on top of {counted:?}"))?;
        }
        let counts = late || behind || !looks && (asked.did == Did::Passed || limit.counted == Counted::Attempts);
        if counts && in_session {
            session.tallies.push((asked.index, limit.window, new));
        } else if counts {
            counted.push(new);
        }
        if asks_once && (asked.did == Did::Passed || behind && fits) {
            session.passed.push((asked.index, meter));
        }
        Ok(())
    }

    fn key(&self, scope: Scope, session: &Session, who: Option<Recipient>) -> Key {
        let client = u64::from(session.client.0);
        let sender = session.envelope.map_or(0, |envelope| u64::from(envelope.sender_domain.0));
        let domain = who.map_or(0, |who| u64::from(who.domain.0));
        let recipient = who.map_or(0, |who| who.id);
        let (one, two) = match scope {
            Scope::ClientIp => (client, 0),
            Scope::ClientNetwork => (u64::from(self.scenario.sources[session.client.index()].network.0), 0),
            Scope::ClientIpAndHost => (client, u64::from(session.host.0)),
            Scope::Account => {
                let account = self.scenario.sources[session.client.index()].account;
                account.map_or((client, 0), |account| (u64::from(account.0), 1))
            }
            Scope::SenderDomain => (sender, 0),
            Scope::ClientIpAndSenderDomain => (client, sender),
            Scope::Recipient => (recipient, 0),
            Scope::RecipientDomain => (domain, 0),
            Scope::ClientIpAndRecipientDomain => (client, domain),
            Scope::SenderDomainAndRecipient => (sender, recipient),
            Scope::Session => (session.serial, 0),
            Scope::Provider => (0, 0),
        };
        (one, two)
    }
}

/// A rule and a command.
struct Asked<'a> {
    at: Time,
    site: ProviderId,
    index: usize,
    rule: &'a Rule,
    limit: &'a Limit,
    did: Did,
    /// Before and after the command.
    standing: [Standing; 2],
}

impl Asked<'_> {
    /// The highest and the lowest that the limit can have been; `None` is no limit.
    fn ceilings(&self) -> [Option<u32>; 2] {
        let [one, two] = self.standing.map(|standing| standing.ceiling);
        match (one, two) {
            (Some(one), Some(two)) => [Some(one.max(two)), Some(one.min(two))],
            _ => [None, one.or(two)],
        }
    }

    /// Whether a rule may remember less than it has counted: a bucket that is empty is not in debt, and a sliding log
    /// holds no more than its limit, which may be `amended`.
    fn forgets(&self, amended: bool) -> bool {
        let attempts = self.limit.counted == Counted::Attempts;
        match self.limit.window {
            Window::Bucket { .. } => attempts || self.rule.at < self.limit.meter.natural_stage(),
            Window::Sliding { .. } => attempts && amended,
            _ => false,
        }
    }

    fn must(&self, holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
        if holds {
            return Ok(());
        }
        let Self { at, site, rule, limit, .. } = self;
        let secs = at.as_secs_f64();
        Err(format!("at {secs} s, provider {}, rule {}: {}; {limit:?}", site.0, rule.name, otherwise()))
    }
}

/// What a rule did about a command, where it can be told. `until` is the rule that refused it.
fn did(index: usize, rule: &Rule, limit: &Limit, stage: Stage, enabled: bool, until: Option<usize>) -> Option<Did> {
    let reached = until.is_none_or(|until| index < until);
    let natural = limit.meter.natural_stage();
    if rule.at == stage && enabled && reached {
        return Some(Did::Passed);
    }
    let each = limit.scope.is_of_recipient() && stage != Stage::Rcpt;
    let counts_attempt = until != Some(index) && limit.counted == Counted::Attempts && !each;
    if natural == stage && rule.at < natural && !limit.meter.is_gauge() && (reached || counts_attempt) {
        return Some(Did::CountedLate);
    }
    if rule.at == stage && enabled && !reached && until != Some(index) && counts_refused(rule, limit) {
        return Some(Did::CountedBehind);
    }
    // A refusal at a stage where the rule also holds clients may be the hold's.
    let held = rule.hold.as_ref().is_some_and(|hold| hold.at == stage);
    (rule.at == stage && enabled && until == Some(index) && !held).then_some(Did::Refused)
}

/// Whether a limit counts what another rule has refused before it.
fn counts_refused(rule: &Rule, limit: &Limit) -> bool {
    limit.counted == Counted::Attempts && limit.window != Window::Gauge && rule.at >= limit.meter.natural_stage()
}

/// How much a command counts at a stage that is not before the meter's own.
fn amount(limit: &Limit, stage: Stage, session: &Session, who: Option<Recipient>) -> u32 {
    let unknown = |who: &Recipient| who.mailbox == Some(Mailbox::Unknown);
    let count = match limit.meter {
        Meter::Recipients if stage > Stage::Rcpt => session.accepted.len(),
        Meter::UnknownRecipients if stage > Stage::Rcpt => session.accepted.iter().filter(|who| unknown(who)).count(),
        Meter::UnknownRecipients => usize::from(who.as_ref().is_some_and(unknown)),
        Meter::Bytes => return session.envelope.map_or(0, |envelope| envelope.size),
        _ => 1,
    };
    u32::try_from(count).unwrap()
}
