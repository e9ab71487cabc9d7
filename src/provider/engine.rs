//! The engine: one provider, its clients and its sessions. Pure: told the time, asked for verdicts.
//!
//! Contract: a session is made by [`Provider::connect`] and lives until [`Provider::close`]; in between the stages come
//! in the order of SMTP, and a transaction ends with [`Provider::end_of_data`] or [`Provider::abort`]. A verdict that
//! closes ([`Refusal::closes`]) obliges the caller to call `close`. Nothing here allocates once every client and every
//! session slot has been seen.

use super::compiled_rules::{CompiledRules, CountOnce};
use super::context::RuleContext;
use super::policy::{Listener, Mailbox, Meter, Policy, PolicyChange, RuleKind, Window};
use super::reputation::Reputation;
use super::rules::RuleRuntime;
use super::verdict::{Client, Decision, Envelope, Recipient, Refusal, Verdict};
use super::window::Counter;
use crate::rng::{Seed, Seeds};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{ClientId, Fraction, RuleId, SenderDomainId, SessionId};

/// A provider at work.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(super) policy: Policy,
    pub(super) rules: Vec<RuleRuntime>,
    pub(super) steps: CompiledRules,
    pub(super) clients: Vec<(Client, Reputation)>,
    pub(super) senders: Vec<Reputation>,
    pub(super) sessions: Vec<Session>,
    free: Vec<u32>,
    open: u32,
    day_starts: Span,
    pub(super) coins: Seed,
    /// What limits that are amended later are drawn from.
    pub(super) amended: Seed,
    pub(super) undeliverable: Vec<(u32, Refusal)>,
}

/// A session.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    open: bool,
    pub(super) client: ClientId,
    /// Rules of whose gauge the session holds a slot, by bit.
    pub(super) slots: u64,
    /// Rules of whose gauge the transaction holds a slot.
    pub(super) transaction_slots: u64,
    /// Whose gauge each slot is of, by rule: the sender that was named then may not be the one named now.
    pub(super) slot_keys: Vec<u64>,
    /// Rules that have let this connection pass, by bit; and this message, since MAIL.
    connection_passed: u64,
    message_passed: u64,
    /// Counts since the session began and since MAIL, by rule.
    pub(super) counts: Vec<u32>,
    pub(super) envelope: Option<Envelope>,
    pub(super) recipients: Vec<Recipient>,
}

impl Session {
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    /// The sender domain, once it is named.
    #[inline]
    pub(super) fn sender(&self) -> Option<SenderDomainId> {
        self.envelope.as_ref().map(|message| message.sender_domain)
    }

    /// Whether the session or its transaction has a slot of a rule's gauge.
    pub(super) const fn holds_slot(&self, rule: usize) -> bool {
        (self.slots | self.transaction_slots) & (1 << rule) != 0
    }

    /// Whether a rule has let this connection, or this message, pass already.
    pub(super) const fn has_passed(&self, rule: usize, once: CountOnce) -> bool {
        match once {
            CountOnce::Never => false,
            CountOnce::Connection => self.connection_passed & (1 << rule) != 0,
            CountOnce::Message => self.message_passed & (1 << rule) != 0,
        }
    }

    /// A rule lets this connection, or this message, pass.
    pub(super) const fn pass(&mut self, rule: usize, once: CountOnce) {
        match once {
            CountOnce::Never => {}
            CountOnce::Connection => self.connection_passed |= 1 << rule,
            CountOnce::Message => self.message_passed |= 1 << rule,
        }
    }
}

/// What a rule did in a trial.
#[derive(Clone, Debug)]
pub struct RuleStats {
    /// The limits by tier, unknowns drawn.
    pub limits: Vec<Option<u32>>,
    /// What it refused.
    pub refused: u64,
    /// Holds it began.
    pub holds: u64,
    /// Time its clients spent under its holds until now.
    pub held: Span,
}

impl Provider {
    /// A provider under its seeds: unknown limits are drawn, weather is set. `day_starts` is the time of day at time
    /// zero.
    pub fn new(policy: Policy, seeds: Seeds, day_starts: Span) -> Self {
        let own = |seed: Seed| seed.named(&policy.name);
        let seeds = Seeds { chance: own(seeds.chance), unknowns: own(seeds.unknowns) };
        let rules: Vec<RuleRuntime> = policy.rules.iter().map(|rule| RuleRuntime::new(rule, seeds)).collect();
        Self {
            steps: CompiledRules::new(&policy, &rules),
            rules,
            clients: Vec::new(),
            senders: Vec::new(),
            sessions: Vec::new(),
            free: Vec::new(),
            open: 0,
            day_starts,
            coins: seeds.chance.named("coins"),
            // Amended limits draw from where the coins came before unknowns had a seed of their own.
            amended: seeds.unknowns.named("coins").named("amended"),
            undeliverable: Vec::new(),
            policy,
        }
    }

    /// The policy it enforces, changes included.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The listener, if connections are limited.
    pub const fn listener(&self) -> Option<Listener> {
        self.policy.listener
    }

    /// A client IP that the provider has not met before.
    pub fn meet_client(&mut self, client: Client) -> ClientId {
        let start = client.reputation.unwrap_or(self.policy.reputation.start);
        self.clients.push((client, Reputation::new(start, client.daily_volume, &self.policy)));
        ClientId::from_index(self.clients.len() - 1)
    }

    /// A sender domain that the provider has not met before. Domains are numbered in the order in which they are met.
    pub fn meet_sender(&mut self, reputation: Option<Fraction>, daily_volume: u32) -> SenderDomainId {
        let start = reputation.unwrap_or(self.policy.reputation.start);
        self.senders.push(Reputation::new(start, daily_volume, &self.policy));
        SenderDomainId::from_index(self.senders.len() - 1)
    }

    /// A client connects. Refused, there is no session.
    pub fn connect(&mut self, now: Time, client: ClientId) -> (Option<SessionId>, Verdict) {
        self.clients[client.index()].1.touch(now, &self.policy);
        let session = self.open_session(client);
        let mut verdict = self.pass(now, session, Stage::Connect);
        if verdict.accepted() {
            verdict.tarpit += self.steps.before_greeting;
            return (Some(session), verdict);
        }
        self.close(session);
        (None, verdict)
    }

    /// EHLO.
    pub fn ehlo(&mut self, now: Time, session: SessionId) -> Verdict {
        self.pass(now, session, Stage::Ehlo)
    }

    /// MAIL. Refused, there is no transaction.
    pub fn mail(&mut self, now: Time, session: SessionId, envelope: Envelope) -> Verdict {
        let state = &mut self.sessions[session.index()];
        state.envelope = Some(envelope);
        state.recipients.clear();
        state.message_passed = 0;
        for rule in &self.steps.per_message {
            state.counts[usize::from(*rule)] = 0;
        }
        let verdict = self.pass(now, session, Stage::Mail);
        if !verdict.accepted() {
            self.abort(session);
        }
        verdict
    }

    /// RCPT. Refused, the transaction goes on without this recipient.
    pub fn rcpt(&mut self, now: Time, session: SessionId, recipient: Recipient) -> Verdict {
        let mut case = self.case(now, session, Some(recipient));
        let verdict = case.pass(case.steps.named(recipient.mailbox));
        if verdict.accepted() {
            case.session.recipients.push(recipient);
        } else if case.looked_up(&verdict, Mailbox::Unknown) {
            case.penalize(case.policy.reputation.unknown_recipient);
        }
        verdict
    }

    /// DATA.
    pub fn data(&mut self, now: Time, session: SessionId) -> Verdict {
        self.pass(now, session, Stage::Data)
    }

    /// The message has so many bytes, whatever MAIL announced. For a world in which they can differ.
    pub fn set_message_size(&mut self, session: SessionId, bytes: u32) {
        if let Some(envelope) = &mut self.sessions[session.index()].envelope {
            envelope.size = bytes;
        }
    }

    /// The dot. The transaction is over, whatever the verdict. Recipients that an accepted message does not reach
    /// (unknown users where the provider says so only now) are listed in [`Provider::undeliverable`].
    pub fn end_of_data(&mut self, now: Time, session: SessionId) -> Verdict {
        let mut case = self.case(now, session, None);
        case.undeliverable.clear();
        let mut verdict = case.pass(case.steps.at(Stage::EndOfData));
        if verdict.accepted() {
            let (decision, tarpit) = case.deliver();
            verdict.decision = decision;
            verdict.tarpit += tarpit;
        }
        self.abort(session);
        verdict
    }

    /// Recipients of the last accepted message whom it does not reach: place among the accepted recipients, and why.
    pub fn undeliverable(&self) -> &[(u32, Refusal)] {
        &self.undeliverable
    }

    /// The transaction is over without a message.
    pub fn abort(&mut self, session: SessionId) {
        let state = &mut self.sessions[session.index()];
        state.envelope = None;
        state.recipients.clear();
        let slots = std::mem::take(&mut state.transaction_slots);
        self.release(session, slots);
    }

    /// The session is over.
    pub fn close(&mut self, session: SessionId) {
        self.abort(session);
        let slots = std::mem::take(&mut self.sessions[session.index()].slots);
        self.release(session, slots);
        let state = &mut self.sessions[session.index()];
        assert!(state.open, "a session is closed once");
        state.open = false;
        self.open -= 1;
        self.free.push(session.0);
    }

    /// A recipient complains about a message from this client and sender.
    pub fn complain(&mut self, now: Time, client: ClientId, sender: SenderDomainId) {
        let (share, tiers) = (self.policy.reputation.complaint, &self.policy.tiers);
        for reputation in
            [Some(&mut self.clients[client.index()].1), self.senders.get_mut(sender.index())].into_iter().flatten()
        {
            reputation.touch(now, &self.policy);
            reputation.lose(share, tiers);
        }
    }

    /// An administrator changes something.
    pub fn apply(&mut self, change: &PolicyChange) {
        match change {
            PolicyChange::Limit(rule, ceiling) => self.raise(*rule, ceiling),
            PolicyChange::Enabled(rule, enabled) => self.policy.rules[rule.index()].enabled = *enabled,
            PolicyChange::Reputation(client, score) => {
                if let Some((_, reputation)) = self.clients.get_mut(client.index()) {
                    reputation.set(*score, &self.policy.tiers);
                }
            }
        }
        self.steps = CompiledRules::new(&self.policy, &self.rules);
    }

    /// The reputation of a client IP.
    pub fn reputation(&self, client: ClientId) -> Fraction {
        self.clients[client.index()].1.score()
    }

    /// Sessions open now.
    pub const fn open_sessions(&self) -> u32 {
        self.open
    }

    /// The tightest limit on open connections of one client now; `None` if there is none.
    pub fn open_connection_limit(&self, now: Time, client: ClientId) -> Option<u32> {
        let gauges = self.policy.rules.iter().enumerate().filter_map(|(index, rule)| match &rule.kind {
            RuleKind::Limit(limit) if limit.meter == Meter::OpenConnections && rule.enabled => {
                let tier = self.tier(limit.reputation_of, client, None);
                self.rules[index].limit(tier, self.clock(now))
            }
            _ => None,
        });
        gauges.min()
    }

    /// What rule number `rule` has done until `now`.
    pub fn activity(&self, rule: RuleId, now: Time) -> RuleStats {
        let state = &self.rules[rule.index()];
        let unserved: Span = state.holds.values().fold(Span::ZERO, |sum, hold| sum + hold.until().since(now));
        RuleStats {
            limits: state.limits.clone(),
            refused: state.refused,
            holds: state.holds_begun,
            held: state.held - unserved,
        }
    }

    /// Asks everything that is to be asked at a stage about a connection or a message.
    fn pass(&mut self, now: Time, session: SessionId, stage: Stage) -> Verdict {
        if self.steps.at(stage).is_empty() {
            return Verdict { decision: Decision::Accept, tarpit: Span::ZERO };
        }
        let mut case = self.case(now, session, None);
        case.pass(case.steps.at(stage))
    }

    /// A command of a session before the rules; with the recipient that it names.
    pub(super) fn case(&mut self, now: Time, id: SessionId, who: Option<Recipient>) -> RuleContext<'_> {
        let clock = self.clock(now);
        let Self { policy, rules, steps, clients, senders, sessions, coins, undeliverable, .. } = self;
        let session = &mut sessions[id.index()];
        let (client, reputation) = &mut clients[session.client.index()];
        let coins = *coins;
        RuleContext {
            now,
            clock,
            id,
            session,
            who,
            client,
            reputation,
            senders,
            policy,
            rules,
            steps,
            coins,
            undeliverable,
        }
    }

    fn open_session(&mut self, client: ClientId) -> SessionId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(Session::default());
            u32::try_from(self.sessions.len() - 1).unwrap_or(u32::MAX)
        });
        let session = &mut self.sessions[id as usize];
        session.open = true;
        session.client = client;
        let rules = self.policy.rules.len();
        session.slot_keys.resize(rules, 0);
        session.connection_passed = 0;
        session.message_passed = 0;
        session.counts.clear();
        session.counts.resize(rules, 0);
        self.open += 1;
        self.forget_session(SessionId(id));
        SessionId(id)
    }

    /// What rules count per session begins anew: the number of a session that is over is given to another.
    fn forget_session(&mut self, session: SessionId) {
        for rule in &self.steps.per_session {
            let RuleKind::Limit(limit) = &self.policy.rules[usize::from(*rule)].kind else { continue };
            let blank = Counter::new(&limit.window);
            let counters = &mut self.rules[usize::from(*rule)].counters;
            *counters.entry(u64::from(session.0), || blank.clone(), |_| false) = blank.clone();
        }
    }

    fn release(&mut self, session: SessionId, slots: u64) {
        let mut rest = slots;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let key = self.sessions[session.index()].slot_keys[index];
            let blank = || Counter::new(&Window::Gauge);
            self.rules[index].counters.entry(key, blank, |counter| counter.used() == 0).release(1);
        }
    }

    /// Time on the provider's wall: frames of a fixed window begin at its whole hours.
    pub(super) fn clock(&self, now: Time) -> Time {
        now + self.day_starts
    }

    /// The moment of the trial at which the provider's wall shows `clock`.
    pub(super) fn unclock(&self, clock: Time) -> Time {
        if clock == Time::NEVER { clock } else { Time::ZERO + (clock.since(Time::ZERO) - self.day_starts) }
    }
}
