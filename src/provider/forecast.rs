//! Forecasts: what the provider would say, without asking it. Only the oracle may read them.
//!
//! A forecast promises that the limits, holds and outages of the profile let something pass at a moment if nothing
//! else happens until then. It knows nothing of chance (busy spells, reputation coins) and of single recipients. A
//! tarpit lets everything pass. Where a forecast says *wait*, it says until when it is worth looking again: not later
//! than the moment at which the thing would pass.

use super::compiled_rules::CountOnce;
use super::context::Subject;
use super::engine::Provider;
use super::policy::{Check, Limit, Mailbox, Meter, Outage, Rule, RuleAction, RuleKind, Scope, Window};
use super::verdict::{Envelope, Recipient};
use super::window::Counter;
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{ClientId, DomainId, RuleId, SenderDomainId, SessionId};

/// A message that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct ProposedMessage {
    /// Its envelope.
    pub envelope: Envelope,
    /// Its recipients' domain.
    pub domain: DomainId,
    /// How many recipients it has; at least 1.
    pub recipients: u32,
    /// How long after MAIL the server judges the dot.
    pub until_end_of_data: Span,
}

/// What would happen to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// It would pass now, with at most so many recipients.
    Now {
        /// At least 1.
        recipients: u32,
    },
    /// Not before this moment; [`Time::NEVER`] is not before a slot is given back.
    Wait(Time),
    /// Not on this session: it has done all it may.
    NewSession,
}

/// Who asks.
#[derive(Clone, Copy)]
struct Who {
    client: ClientId,
    session: Option<SessionId>,
    sender: SenderDomainId,
    domain: DomainId,
}

impl Provider {
    /// The first moment at which a connection of `client` would pass, and, once it is set up `set_up` later, a message
    /// like `asked` on it: `now`, or later, or never by itself.
    pub fn may_connect(&self, now: Time, client: ClientId, set_up: Span, asked: &ProposedMessage) -> Time {
        let who = Who { client, session: None, sender: asked.envelope.sender_domain, domain: asked.domain };
        let rules = self.policy.rules.iter().enumerate();
        rules.fold(now, |earliest, (index, rule)| {
            let lead = |stage: Stage| match stage {
                Stage::Connect | Stage::Ehlo => Span::ZERO,
                Stage::Mail | Stage::Rcpt | Stage::Data => set_up,
                Stage::EndOfData => set_up + asked.until_end_of_data,
            };
            let held = rule.hold.as_ref().map_or(now, |hold| {
                let lead = lead(hold.at);
                before(self.free_of_hold(index, now + lead, who), lead)
            });
            let lead = lead(rule.at);
            let asked = before(self.first_pass(index, rule, now + lead, who, asked, 1), lead);
            earliest.max(held).max(asked)
        })
    }

    /// What would happen to a transaction with a message like `asked` on `session`.
    pub fn may_send(&self, now: Time, session: SessionId, asked: &ProposedMessage) -> Forecast {
        let state = &self.sessions[session.index()];
        let (sender, domain) = (asked.envelope.sender_domain, asked.domain);
        let who = Who { client: state.client, session: Some(session), sender, domain };
        let (mut earliest, mut most) = (now, asked.recipients.max(1));
        for (index, rule) in self.policy.rules.iter().enumerate() {
            let lead = |stage: Stage| if stage == Stage::EndOfData { asked.until_end_of_data } else { Span::ZERO };
            if let Some(hold) = rule.hold.as_ref().filter(|hold| hold.at > Stage::Ehlo) {
                let lead = lead(hold.at);
                earliest = earliest.max(before(self.free_of_hold(index, now + lead, who), lead));
            }
            if rule.at <= Stage::Ehlo || state.holds_slot(index) || state.has_passed(index, CountOnce::Connection) {
                continue;
            }
            let (lead, at) = (lead(rule.at), now + lead(rule.at));
            match self.left_in_session(index, rule, at, session, asked) {
                Some(0) => return Forecast::NewSession,
                Some(left) => most = most.min(left),
                None => {}
            }
            if let RuleKind::Limit(Limit { meter: Meter::Recipients, .. }) = &rule.kind {
                most = self.most_recipients(index, rule, at, who, asked, most);
            }
            earliest = earliest.max(before(self.first_pass(index, rule, at, who, asked, most), lead));
        }
        if earliest > now { Forecast::Wait(earliest) } else { Forecast::Now { recipients: most } }
    }

    /// How long after a refusal by `rule` the same thing may pass, where the rule itself says so (greylisting).
    pub fn retry_delay(&self, rule: RuleId) -> Option<Span> {
        match &self.policy.rules[rule.index()].kind {
            RuleKind::Check(Check::Greylist(greylist)) => Some(greylist.delay),
            _ => None,
        }
    }

    /// The first moment from `at` on, when the rule is asked, at which it lets a message with so many recipients pass.
    fn first_pass(
        &self,
        index: usize,
        rule: &Rule,
        at: Time,
        who: Who,
        asked: &ProposedMessage,
        recipients: u32,
    ) -> Time {
        if !rule.enabled || matches!(rule.action, RuleAction::Tarpit(_)) {
            return at;
        }
        match &rule.kind {
            RuleKind::Check(Check::Outage(Outage { from, until })) if (*from..*until).contains(&at) => *until,
            RuleKind::Limit(limit) => match amount(limit, rule.at, asked, recipients) {
                0 => at,
                n => self.room(index, limit, at, who, n),
            },
            _ => at,
        }
    }

    /// The first moment from `at` on at which a limit has room for `n`, or at which its number changes with the load.
    fn room(&self, index: usize, limit: &Limit, at: Time, who: Who, n: u32) -> Time {
        if matches!(limit.scope, Scope::Recipient | Scope::SenderDomainAndRecipient) {
            return at;
        }
        let clock = self.clock(at);
        let Some(ceiling) =
            self.rules[index].limit(self.tier(limit.reputation_of, who.client, Some(who.sender)), clock)
        else {
            return at;
        };
        let until_load = limit.value.next_step(clock).map_or(Time::NEVER, |clock| self.unclock(clock));
        // What is counted within a session was looked at before: here it only matters whether it can ever fit.
        if limit.window.is_in_session() || limit.scope == Scope::Session && who.session.is_none() {
            return if n <= ceiling { at } else { until_load };
        }
        let key = self.key_in(limit.scope, who);
        let under_way = self.under_way(index, limit, who, key);
        let fits = match (self.rules[index].counters.get(key), limit.window) {
            (counter, Window::Gauge) => {
                let used = counter.map_or(0, Counter::used).max(under_way);
                if used.saturating_add(n) <= ceiling { at } else { Time::NEVER }
            }
            (Some(counter), _) => self.unclock(counter.earliest(clock, &limit.window, ceiling, n + under_way)).max(at),
            (None, _) if n + under_way <= ceiling => at,
            (None, _) => Time::NEVER,
        };
        fits.min(until_load)
    }

    /// What has passed the stages before a limit and is not counted yet: messages on their way to the dot, and
    /// connections on their way to MAIL.
    fn under_way(&self, index: usize, limit: &Limit, who: Who, key: u64) -> u32 {
        let at = self.policy.rules[index].at;
        let open = self.sessions.iter().zip(0_u32..).filter(|(session, _)| session.is_open());
        match limit.meter {
            Meter::OpenConnections if at > Stage::Ehlo && who.session.is_none() => {
                let same = open.filter(|(session, id)| {
                    self.key_in(limit.scope, Who { client: session.client, session: Some(SessionId(*id)), ..who })
                        == key
                });
                u32::try_from(same.count()).unwrap_or(u32::MAX)
            }
            Meter::Messages | Meter::Recipients | Meter::Bytes if at == Stage::EndOfData => open
                .filter_map(|(session, id)| {
                    let envelope = session.envelope?;
                    let other = Who {
                        client: session.client,
                        session: Some(SessionId(id)),
                        sender: envelope.sender_domain,
                        ..who
                    };
                    let n = match limit.meter {
                        Meter::Bytes => envelope.size,
                        Meter::Recipients => u32::try_from(session.recipients.len()).unwrap_or(u32::MAX),
                        _ => 1,
                    };
                    (self.key_in(limit.scope, other) == key).then_some(n)
                })
                .fold(0, u32::saturating_add),
            _ => 0,
        }
    }

    /// How many more recipients a session takes in a message like `asked`, where a rule counts within it; 0 is not even
    /// one message.
    fn left_in_session(
        &self,
        index: usize,
        rule: &Rule,
        at: Time,
        session: SessionId,
        asked: &ProposedMessage,
    ) -> Option<u32> {
        let RuleKind::Limit(limit) = &rule.kind else { return None };
        if !rule.enabled || matches!(rule.action, RuleAction::Tarpit(_)) || !limit.window.is_in_session() {
            return None;
        }
        let state = &self.sessions[session.index()];
        let tier = self.tier(limit.reputation_of, state.client, Some(asked.envelope.sender_domain));
        let ceiling = self.rules[index].limit(tier, self.clock(at))?;
        let used = if limit.window == Window::Session { state.counts[index] } else { 0 };
        let left = ceiling.saturating_sub(used);
        match limit.meter {
            // What no session ever takes is no reason for a new one.
            _ if amount(limit, rule.at, asked, 1) > ceiling => None,
            Meter::Recipients => Some(left),
            Meter::UnknownRecipients => None,
            _ if amount(limit, rule.at, asked, 1) > left => Some(0),
            _ => None,
        }
    }

    /// The most recipients, up to `most` and at least 1, for which a limit has room when it is asked.
    fn most_recipients(
        &self,
        index: usize,
        rule: &Rule,
        at: Time,
        who: Who,
        asked: &ProposedMessage,
        most: u32,
    ) -> u32 {
        let (mut low, mut high) = (1, most);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let fits = self.first_pass(index, rule, at, who, asked, middle) == at;
            if fits { low = middle } else { high = middle - 1 }
        }
        low
    }

    /// When nobody is held any more for whom the hold of a rule would be, from `at` on.
    fn free_of_hold(&self, index: usize, at: Time, who: Who) -> Time {
        let rule = &self.policy.rules[index];
        let scope = rule.kind.hold_scope();
        let Some(hold) = rule.hold.as_ref().filter(|_| rule.enabled) else { return at };
        if matches!(scope, Scope::Recipient | Scope::SenderDomainAndRecipient) {
            return at;
        }
        let record = self.rules[index].holds.get(self.key_in(scope, who));
        match record.and_then(|record| Some((record, record.action(at, hold)?))) {
            Some((_, RuleAction::Tarpit(_))) | None => at,
            Some((record, _)) => record.until(),
        }
    }

    fn key_in(&self, scope: Scope, who: Who) -> u64 {
        let subject = Subject {
            session: who.session.unwrap_or(SessionId(u32::MAX)),
            client: who.client,
            network: self.clients[who.client.index()].0.network,
            sender: Some(who.sender),
            who: Some(Recipient { id: 0, domain: who.domain, mailbox: Mailbox::Exists }),
        };
        subject.key(scope)
    }
}

/// How much a limit counts of a message whose recipients all exist.
fn amount(limit: &Limit, at: Stage, asked: &ProposedMessage, recipients: u32) -> u32 {
    match limit.meter {
        _ if at < limit.meter.natural_stage() => 1,
        Meter::Recipients => recipients,
        Meter::UnknownRecipients => 0,
        Meter::Bytes => asked.envelope.size,
        Meter::OpenConnections | Meter::OpenTransactions | Meter::Connections | Meter::Messages => 1,
    }
}

/// `span` before `at`; never stays never.
fn before(at: Time, span: Span) -> Time {
    if at == Time::NEVER { at } else { Time::ZERO + (at.since(Time::ZERO) - span) }
}
