//! The engine: one provider, its clients and its sessions. Pure: told the time, asked for verdicts.
//!
//! Contract: a session is made by [`Provider::connect`] and lives until [`Provider::close`]; in between the stages come
//! in the order of SMTP, and a transaction ends with [`Provider::end_of_data`] or [`Provider::abort`]. A verdict that
//! closes ([`Refusal::closes`]) obliges the caller to call `close`. Nothing here allocates once every client and every
//! session slot has been seen.

use super::keyed::Keyed;
use super::policy::{
    Amendment, Answer, Ceiling, Counts, Listener, Mailbox, Meter, Policy, Rule, Standing, Test, Window,
};
use super::policy::{Amount, Greylist, Hold, Limit, Weather};
use super::reputation::Reputation;
use super::verdict::{Addressee, Client, Decision, Envelope, Refusal, Verdict};
use super::window::Counter;
use super::{hold, weather};
use crate::rng::Seed;
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{ClientId, RuleId, SenderDomainId, SessionId, Share};

/// A provider at work.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(super) policy: Policy,
    pub(super) rules: Vec<RuleState>,
    /// For each stage what is done there, in the order of the profile.
    pub(super) steps: [Vec<Step>; 6],
    clients: Vec<(Client, Reputation)>,
    senders: Vec<Reputation>,
    pub(super) sessions: Vec<Session>,
    free: Vec<u32>,
    open: u32,
    day_starts: Span,
    coins: Seed,
    tossed: u64,
    undeliverable: Vec<(u32, Refusal)>,
}

/// What is done at a stage.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Refuse whom the rule holds.
    Held(u16),
    /// Ask the rule.
    Ask(u16),
    /// Count for a rule that was asked earlier in the session.
    Count(u16),
}

/// What a rule remembers.
#[derive(Clone, Debug)]
pub(super) struct RuleState {
    /// The limit by tier, unknowns drawn; `None` is no limit.
    pub(super) limits: Vec<Option<u32>>,
    pub(super) counters: Keyed<Counter>,
    pub(super) holds: Keyed<hold::Record>,
    greylist: Keyed<Triplet>,
    weather: weather::State,
    refused: u64,
    holds_begun: u64,
    held: Span,
}

/// What greylisting remembers of a (client, sender domain, recipient).
#[derive(Clone, Copy, Debug)]
struct Triplet {
    first: Option<Time>,
    passed_until: Time,
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
    /// Counts since the session began and since MAIL, by rule.
    pub(super) counts: Vec<u32>,
    envelope: Option<Envelope>,
    addressees: Vec<Addressee>,
}

impl Session {
    /// Whether the session or its transaction has a slot of a rule's gauge.
    pub(super) const fn holds_slot(&self, rule: usize) -> bool {
        (self.slots | self.transaction_slots) & (1 << rule) != 0
    }
}

/// What a rule did in a trial.
#[derive(Clone, Debug)]
pub struct Activity {
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
    /// A provider under a seed: unknown limits are drawn, weather is set. `day_starts` is the time of day at time zero.
    pub fn new(policy: Policy, seed: Seed, day_starts: Span) -> Self {
        let seed = seed.named(&policy.name);
        let rules = policy.rules.iter().map(|rule| RuleState::new(rule, seed)).collect();
        let steps = Stage::ALL.map(|stage| steps(&policy, stage));
        Self {
            rules,
            steps,
            clients: Vec::new(),
            senders: Vec::new(),
            sessions: Vec::new(),
            free: Vec::new(),
            open: 0,
            day_starts,
            coins: seed.named("coins"),
            tossed: 0,
            undeliverable: Vec::new(),
            policy,
        }
    }

    /// The policy it enforces, amendments included.
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
        ClientId(u32::try_from(self.clients.len() - 1).unwrap_or(u32::MAX))
    }

    /// A sender domain that the provider has not met before. Domains are numbered in the order in which they are met.
    pub fn meet_sender(&mut self, reputation: Option<Share>, daily_volume: u32) -> SenderDomainId {
        let start = reputation.unwrap_or(self.policy.reputation.start);
        self.senders.push(Reputation::new(start, daily_volume, &self.policy));
        SenderDomainId(u16::try_from(self.senders.len() - 1).unwrap_or(u16::MAX))
    }

    /// A client connects. Refused, there is no session.
    pub fn connect(&mut self, now: Time, client: ClientId) -> (Option<SessionId>, Verdict) {
        self.clients[client.index()].1.touch(now, &self.policy);
        let session = self.open_session(client);
        let verdict = self.pass(now, session, Stage::Connect, None);
        if verdict.accepted() {
            return (Some(session), verdict);
        }
        self.close(session);
        (None, verdict)
    }

    /// EHLO.
    pub fn ehlo(&mut self, now: Time, session: SessionId) -> Verdict {
        self.pass(now, session, Stage::Ehlo, None)
    }

    /// MAIL. Refused, there is no transaction.
    pub fn mail(&mut self, now: Time, session: SessionId, envelope: Envelope) -> Verdict {
        let state = &mut self.sessions[session.index()];
        state.envelope = Some(envelope);
        state.addressees.clear();
        for (count, rule) in state.counts.iter_mut().zip(&self.policy.rules) {
            if matches!(&rule.test, Test::Limit(limit) if limit.window == Window::Message) {
                *count = 0;
            }
        }
        let verdict = self.pass(now, session, Stage::Mail, None);
        if !verdict.accepted() {
            self.abort(session);
        }
        verdict
    }

    /// RCPT. Refused, the transaction goes on without this recipient.
    pub fn rcpt(&mut self, now: Time, session: SessionId, addressee: Addressee) -> Verdict {
        let verdict = self.pass(now, session, Stage::Rcpt, Some(addressee));
        if verdict.accepted() {
            self.sessions[session.index()].addressees.push(addressee);
        } else if addressee.mailbox == Mailbox::Unknown {
            self.blame(session, self.policy.reputation.unknown_recipient);
        }
        verdict
    }

    /// DATA.
    pub fn data(&mut self, now: Time, session: SessionId) -> Verdict {
        self.pass(now, session, Stage::Data, None)
    }

    /// The dot. The transaction is over, whatever the verdict. Recipients that an accepted message does not reach
    /// (unknown users where the provider says so only now) are listed in [`Provider::undeliverable`].
    pub fn end_of_data(&mut self, now: Time, session: SessionId) -> Verdict {
        self.undeliverable.clear();
        let mut verdict = self.pass(now, session, Stage::EndOfData, None);
        if verdict.accepted() {
            verdict.decision = self.deliver(now, session);
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
        let slots = std::mem::take(&mut self.sessions[session.index()].transaction_slots);
        self.release(session, slots);
        let state = &mut self.sessions[session.index()];
        state.envelope = None;
        state.addressees.clear();
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
    pub fn amend(&mut self, amendment: &Amendment) {
        match amendment {
            Amendment::Ceiling(rule, ceiling) => self.raise(*rule, ceiling),
            Amendment::Enabled(rule, enabled) => self.policy.rules[rule.index()].enabled = *enabled,
            Amendment::Reputation(client, score) => {
                if let Some((_, reputation)) = self.clients.get_mut(client.index()) {
                    reputation.set(*score, &self.policy.tiers);
                }
            }
        }
    }

    /// The reputation of a client IP.
    pub fn reputation(&self, client: ClientId) -> Share {
        self.clients[client.index()].1.score()
    }

    /// Sessions open now.
    pub const fn open_sessions(&self) -> u32 {
        self.open
    }

    /// The tightest limit on open connections of one client now; `None` if there is none.
    pub fn open_limit(&self, now: Time, client: ClientId) -> Option<u32> {
        let gauges = self.policy.rules.iter().enumerate().filter_map(|(index, rule)| match &rule.test {
            Test::Limit(limit) if limit.meter == Meter::OpenConnections && rule.enabled => {
                let tier = self.tier(limit.standing, client, None);
                self.limit(index, limit, tier, self.clock(now))
            }
            _ => None,
        });
        gauges.min()
    }

    /// What rule number `rule` has done until `now`.
    pub fn activity(&self, rule: RuleId, now: Time) -> Activity {
        let state = &self.rules[rule.index()];
        let unserved: Span = state.holds.values().fold(Span::ZERO, |sum, hold| sum + hold.until().since(now));
        Activity {
            limits: state.limits.clone(),
            refused: state.refused,
            holds: state.holds_begun,
            held: state.held - unserved,
        }
    }

    /// Asks everything that is to be asked at a stage, in order; the first refusal wins.
    fn pass(&mut self, now: Time, session: SessionId, stage: Stage, addressee: Option<Addressee>) -> Verdict {
        let mut tarpit = Span::ZERO;
        let steps = std::mem::take(&mut self.steps[stage as usize]);
        let mut decision = Decision::Accept;
        for step in &steps {
            let answer = self.take(*step, now, session, addressee);
            match answer {
                None => {}
                Some((_, Answer::Tarpit(span))) => tarpit += span,
                Some((rule, answer)) => {
                    decision = Decision::Refuse(Refusal { rule: RuleId(rule), answer });
                    break;
                }
            }
        }
        self.steps[stage as usize] = steps;
        Verdict { decision, tarpit }
    }

    fn take(&mut self, step: Step, now: Time, session: SessionId, who: Option<Addressee>) -> Option<(u16, Answer)> {
        match step {
            Step::Held(rule) => self.held(usize::from(rule), now, session, who).map(|answer| (rule, answer)),
            Step::Count(rule) => {
                self.count_late(usize::from(rule), now, session, who);
                None
            }
            Step::Ask(rule) => {
                let index = usize::from(rule);
                if !self.policy.rules[index].enabled || self.allows(index, now, session, who) {
                    return None;
                }
                self.violated(index, now, session, who);
                Some((rule, self.policy.rules[index].answer))
            }
        }
    }

    /// Whether the rule lets this pass; counts if it does, or if attempts count.
    fn allows(&mut self, index: usize, now: Time, session: SessionId, who: Option<Addressee>) -> bool {
        let state = &self.sessions[session.index()];
        let client = &self.clients[state.client.index()].0;
        let envelope = state.envelope.as_ref();
        match &self.policy.rules[index].test {
            Test::Limit(_) => self.within_limit(index, now, session, who),
            Test::Mailbox(mailbox) => who.is_none_or(|who| who.mailbox != *mailbox),
            Test::Listed => !client.listed,
            Test::NoPtr => client.ptr,
            Test::Size(bytes) => envelope.is_none_or(|message| u64::from(message.size) <= bytes.0),
            Test::Unauthenticated(auth) => envelope.is_none_or(|message| message.passes(*auth)),
            Test::Content => envelope.is_none_or(|message| !message.spam),
            Test::Greylist(greylist) => {
                let greylist = *greylist;
                who.is_none_or(|who| self.greylisted(index, greylist, now, session, who))
            }
            Test::Reputation { below, of, refuse } => {
                let (below, of, refuse) = (*below, *of, *refuse);
                self.score(of, session) >= below || !self.toss(refuse)
            }
            Test::Busy(weather) => {
                let weather: Weather = *weather;
                !self.rules[index].weather.busy(now, &weather) || !self.toss(weather.refuse)
            }
            Test::Outage { from, until } => now < *from || now >= *until,
            Test::Always => false,
        }
    }

    /// Bookkeeping of a violation: cost, and perhaps a hold.
    fn violated(&mut self, index: usize, now: Time, session: SessionId, who: Option<Addressee>) {
        let cost = self.policy.rules[index].cost;
        self.blame(session, cost);
        let key = self.key(index, session, who);
        let state = &mut self.rules[index];
        state.refused += 1;
        if let Some(hold) = &self.policy.rules[index].hold {
            let record = state.holds.entry(key, hold::Record::default, |record| record.is_blank(now, hold));
            if let Some(span) = record.violate(now, hold) {
                state.holds_begun += 1;
                state.held += span;
            }
        }
    }

    fn held(&mut self, index: usize, now: Time, session: SessionId, who: Option<Addressee>) -> Option<Answer> {
        let hold: &Hold = self.policy.rules[index].hold.as_ref()?;
        let answer = self.rules[index].holds.get(self.key(index, session, who))?.answer(now, hold)?;
        self.rules[index].refused += 1;
        Some(answer)
    }

    /// Costs the session's client, and its sender domain where it is known, a share of their reputation.
    fn blame(&mut self, session: SessionId, share: Share) {
        if share == Share::NONE {
            return;
        }
        let state = &self.sessions[session.index()];
        self.clients[state.client.index()].1.lose(share, &self.policy.tiers);
        if let Some(sender) = state.envelope.and_then(|message| self.senders.get_mut(message.sender_domain.index())) {
            sender.lose(share, &self.policy.tiers);
        }
    }

    /// The message is accepted: reputation moves, and recipients are judged where the provider judges them only now.
    fn deliver(&mut self, now: Time, session: SessionId) -> Decision {
        let state = &self.sessions[session.index()];
        let Some(envelope) = state.envelope else { return Decision::Accept };
        let (client, count) = (state.client, state.addressees.len());
        let (mut unknown, mut traps) = (0_u32, 0_u32);
        for n in 0..count {
            let who = self.sessions[session.index()].addressees[n];
            unknown += u32::from(who.mailbox == Mailbox::Unknown);
            traps += u32::from(who.mailbox == Mailbox::Trap);
            if let Some(refusal) = self.judge_late(now, session, who) {
                self.undeliverable.push((u32::try_from(n).unwrap_or(u32::MAX), refusal));
            }
        }
        let model = self.policy.reputation;
        let parties = [Some(&mut self.clients[client.index()].1), self.senders.get_mut(envelope.sender_domain.index())];
        for reputation in parties.into_iter().flatten() {
            reputation.accepted(now, &self.policy);
            for _ in 0..unknown {
                reputation.lose(model.unknown_recipient, &self.policy.tiers);
            }
            for _ in 0..traps {
                reputation.lose(model.spam_trap, &self.policy.tiers);
            }
            if !envelope.passes(super::policy::Auth::Either) {
                reputation.lose(model.unauthenticated, &self.policy.tiers);
            }
        }
        match self.undeliverable.first() {
            Some((_, refusal)) if self.undeliverable.len() == count => Decision::Refuse(*refusal),
            _ => Decision::Accept,
        }
    }

    /// Asks the rules that judge a recipient at the end of data.
    fn judge_late(&mut self, now: Time, session: SessionId, who: Addressee) -> Option<Refusal> {
        for n in 0..self.steps[Stage::EndOfData as usize].len() {
            let Step::Ask(rule) = self.steps[Stage::EndOfData as usize][n] else { continue };
            let index = usize::from(rule);
            let judged = matches!(self.policy.rules[index].test, Test::Mailbox(mailbox) if mailbox == who.mailbox);
            if judged && self.policy.rules[index].enabled {
                self.violated(index, now, session, Some(who));
                return Some(Refusal { rule: RuleId(rule), answer: self.policy.rules[index].answer });
            }
        }
        None
    }

    fn open_session(&mut self, client: ClientId) -> SessionId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(Session::default());
            u32::try_from(self.sessions.len() - 1).unwrap_or(u32::MAX)
        });
        let session = &mut self.sessions[id as usize];
        session.open = true;
        session.client = client;
        session.counts.clear();
        session.counts.resize(self.policy.rules.len(), 0);
        self.open += 1;
        SessionId(id)
    }

    fn release(&mut self, session: SessionId, slots: u64) {
        let mut rest = slots;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let key = self.key(index, session, None);
            let blank = || Counter::new(&Window::Gauge);
            self.rules[index].counters.entry(key, blank, |counter| counter.used() == 0).release(1);
        }
    }

    fn toss(&mut self, share: Share) -> bool {
        self.tossed += 1;
        share == Share::ALL || self.coins.share(self.tossed, 0) < share.get()
    }

    fn score(&self, of: Standing, session: SessionId) -> Share {
        let state = &self.sessions[session.index()];
        let client = self.clients[state.client.index()].1.score();
        let sender =
            state.envelope.and_then(|message| self.senders.get(message.sender_domain.index())).map(Reputation::score);
        match (of, sender) {
            (Standing::SenderDomain, Some(sender)) => sender,
            (Standing::Lower, Some(sender)) if sender < client => sender,
            _ => client,
        }
    }

    pub(super) fn tier(&self, of: Standing, client: ClientId, sender: Option<SenderDomainId>) -> usize {
        let client = self.clients[client.index()].1.tier();
        let sender = sender.and_then(|sender| self.senders.get(sender.index())).map(Reputation::tier);
        match (of, sender) {
            (Standing::SenderDomain, Some(sender)) => sender,
            (Standing::Lower, Some(sender)) => sender.min(client),
            _ => client,
        }
    }

    /// The limit that applies to a tier at a moment of the provider's clock; `None` is no limit.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub(super) fn limit(&self, index: usize, limit: &Limit, tier: usize, clock: Time) -> Option<u32> {
        let amount = self.rules[index].limits[tier]?;
        if limit.ceiling.load.is_empty() {
            return Some(amount);
        }
        let time_of_day = clock.as_micros() % Span::DAY.as_micros();
        let step = limit.ceiling.load.iter().rev().find(|step| step.from.as_micros() <= time_of_day);
        Some((f64::from(amount) * step.map_or(1.0, |step| step.factor)) as u32)
    }

    /// Time on the provider's wall: frames of a fixed window begin at its whole hours.
    pub(super) fn clock(&self, now: Time) -> Time {
        now + self.day_starts
    }

    /// The moment of the trial at which the provider's wall shows `clock`.
    pub(super) fn unclock(&self, clock: Time) -> Time {
        if clock == Time::NEVER { clock } else { Time::ZERO + (clock.since(Time::ZERO) - self.day_starts) }
    }

    /// Whose counter a rule uses here.
    pub(super) fn key(&self, index: usize, session: SessionId, who: Option<Addressee>) -> u64 {
        let state = &self.sessions[session.index()];
        let scope = match &self.policy.rules[index].test {
            Test::Limit(limit) => limit.scope,
            _ => super::policy::Scope::ClientIp,
        };
        self.key_of(scope, state.client, session, state.envelope.map(|message| message.sender_domain), who)
    }

    pub(super) fn key_of(
        &self,
        scope: super::policy::Scope,
        client: ClientId,
        session: SessionId,
        sender: Option<SenderDomainId>,
        who: Option<Addressee>,
    ) -> u64 {
        use super::policy::Scope;
        let sender = sender.map_or(0, |sender| u64::from(sender.0));
        let domain = who.map_or(0, |who| u64::from(who.domain.0));
        let recipient = who.map_or(0, |who| who.id);
        match scope {
            Scope::ClientIp => u64::from(client.0),
            Scope::ClientNetwork => u64::from(self.clients[client.index()].0.network.0),
            Scope::SenderDomain => sender,
            Scope::Recipient => SPARSE | recipient,
            Scope::RecipientDomain => domain,
            Scope::ClientIpAndRecipientDomain => SPARSE | u64::from(client.0) << 16 | domain,
            Scope::SenderDomainAndRecipient => SPARSE | sender << 44 | recipient,
            Scope::Session => u64::from(session.0),
            Scope::Provider => 0,
        }
    }

    /// What the session's client is told about, before the rule counts it: the sender, if MAIL has named it.
    fn within_limit(&mut self, index: usize, now: Time, session: SessionId, who: Option<Addressee>) -> bool {
        let Test::Limit(limit) = &self.policy.rules[index].test else { return true };
        let state = &self.sessions[session.index()];
        let sender = state.envelope.map(|message| message.sender_domain);
        let tier = self.tier(limit.standing, state.client, sender);
        let clock = self.clock(now);
        let Some(ceiling) = self.limit(index, limit, tier, clock) else { return true };
        let key = self.key_of(limit.scope, state.client, session, sender, who);
        let (n, early) = amount(limit, self.policy.rules[index].at, state.envelope.as_ref(), &state.addressees, who);
        if n == 0 {
            return true;
        }
        match limit.window {
            Window::Gauge => self.seat(index, session, key, ceiling),
            Window::Session | Window::Message => self.tally(index, session, ceiling, n),
            _ => self.meter(index, clock, key, ceiling, n, early),
        }
    }

    /// A gauge: whoever holds a slot keeps it; others get one while there are any.
    fn seat(&mut self, index: usize, session: SessionId, key: u64, ceiling: u32) -> bool {
        let Test::Limit(limit) = &self.policy.rules[index].test else { return true };
        let bit = 1 << index;
        let transaction = limit.meter == Meter::OpenTransactions;
        let state = &mut self.sessions[session.index()];
        if state.holds_slot(index) {
            return true;
        }
        let blank = || Counter::new(&Window::Gauge);
        let counter = self.rules[index].counters.entry(key, blank, |counter| counter.used() == 0);
        if counter.used() >= ceiling {
            return false;
        }
        counter.count(Time::ZERO, &Window::Gauge, ceiling, 1, 0);
        assert!(counter.used() <= ceiling, "a gauge is never above its limit");
        if transaction {
            state.transaction_slots |= bit;
        } else {
            state.slots |= bit;
        }
        true
    }

    /// A count within one session or one message.
    fn tally(&mut self, index: usize, session: SessionId, ceiling: u32, n: u32) -> bool {
        let Test::Limit(limit) = &self.policy.rules[index].test else { return true };
        let count = &mut self.sessions[session.index()].counts[index];
        let fits = count.saturating_add(n) <= ceiling;
        if fits || limit.counts == Counts::Attempts {
            *count = count.saturating_add(n);
        }
        fits
    }

    /// A count over time. Asked before its meter's own stage it only looks: [`Step::Count`] counts later.
    fn meter(&mut self, index: usize, clock: Time, key: u64, ceiling: u32, n: u32, early: bool) -> bool {
        let Test::Limit(limit) = &self.policy.rules[index].test else { return true };
        let (window, counts) = (limit.window, limit.counts);
        let keep = self.rules[index].limits.iter().flatten().copied().max().unwrap_or(0);
        let blank = || Counter::new(&window);
        let counter = self.rules[index].counters.entry(key, blank, |counter| counter.is_blank(clock, &window, ceiling));
        let fits = counter.admits(clock, &window, ceiling, n);
        if !early && (fits || counts == Counts::Attempts) {
            counter.count(clock, &window, ceiling, n, keep);
        }
        fits
    }

    /// Counts for a rule that was asked at an earlier stage.
    fn count_late(&mut self, index: usize, now: Time, session: SessionId, who: Option<Addressee>) {
        let Test::Limit(limit) = &self.policy.rules[index].test else { return };
        let state = &self.sessions[session.index()];
        let sender = state.envelope.map(|message| message.sender_domain);
        let (window, clock) = (limit.window, self.clock(now));
        let tier = self.tier(limit.standing, state.client, sender);
        let Some(ceiling) = self.limit(index, limit, tier, clock) else { return };
        let key = self.key_of(limit.scope, state.client, session, sender, who);
        let stage = limit.meter.natural_stage();
        let (n, _) = amount(limit, stage, state.envelope.as_ref(), &state.addressees, who);
        let keep = self.rules[index].limits.iter().flatten().copied().max().unwrap_or(0);
        let blank = || Counter::new(&window);
        let counter = self.rules[index].counters.entry(key, blank, |counter| counter.is_blank(clock, &window, ceiling));
        counter.count(clock, &window, ceiling, n, keep);
    }

    /// Whether greylisting lets the triplet pass (RFC 6647, section 4).
    fn greylisted(&mut self, index: usize, greylist: Greylist, now: Time, session: SessionId, who: Addressee) -> bool {
        let state = &self.sessions[session.index()];
        let sender = state.envelope.map_or(0, |message| u64::from(message.sender_domain.0));
        let key = SPARSE | Seed(who.id).draw(u64::from(state.client.0), sender);
        let blank = || Triplet { first: None, passed_until: Time::ZERO };
        let forget = |triplet: &Triplet| {
            triplet.passed_until <= now && triplet.first.is_none_or(|first| now.since(first) > greylist.retry_within)
        };
        let triplet = self.rules[index].greylist.entry(key, blank, forget);
        let ripe =
            triplet.first.is_some_and(|first| (greylist.delay..=greylist.retry_within).contains(&now.since(first)));
        if now < triplet.passed_until || ripe {
            triplet.passed_until = now + greylist.remember;
            return true;
        }
        if triplet.first.is_none_or(|first| now.since(first) > greylist.retry_within) {
            triplet.first = Some(now);
        }
        false
    }

    fn raise(&mut self, rule: RuleId, ceiling: &Ceiling) {
        if let Test::Limit(limit) = &mut self.policy.rules[rule.index()].test {
            limit.ceiling = ceiling.clone();
            let draws = self.coins.named("amended");
            self.rules[rule.index()].limits = draw_limits(ceiling, draws, rule.0);
        }
    }
}

/// Keys that are hashes or pairs stand above all small numbers.
const SPARSE: u64 = 1 << 63;

impl RuleState {
    fn new(rule: &Rule, seed: Seed) -> Self {
        let draws = seed.named("unknown").named(&rule.name);
        let limits = match &rule.test {
            Test::Limit(limit) => draw_limits(&limit.ceiling, draws, 0),
            _ => Vec::new(),
        };
        Self {
            limits,
            counters: Keyed::new(),
            holds: Keyed::new(),
            greylist: Keyed::new(),
            weather: weather::State::new(seed.named("weather").named(&rule.name)),
            refused: 0,
            holds_begun: 0,
            held: Span::ZERO,
        }
    }
}

/// The amount of every tier; one draw decides all unknowns of a rule, so that a better tier never gets less.
fn draw_limits(ceiling: &Ceiling, draws: Seed, id: u16) -> Vec<Option<u32>> {
    let share = draws.share(u64::from(id), 0);
    let amount = |amount: &Amount| match *amount {
        Amount::Exactly(n) => Some(n),
        Amount::Unlimited => None,
        Amount::Unknown { low, high } => Some(within(low, high, share)),
    };
    ceiling.by_tier.iter().map(amount).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between low and high")]
fn within(low: u32, high: u32, share: f64) -> u32 {
    low + ((f64::from(high - low) + 1.0) * share) as u32
}

/// What is done at a stage: holds enforced here, rules asked here, and counting for rules that were asked before.
fn steps(policy: &Policy, stage: Stage) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, rule) in (0_u16..).zip(&policy.rules) {
        if rule.hold.as_ref().is_some_and(|hold| hold.at == stage) {
            steps.push(Step::Held(index));
        }
        if rule.at == stage {
            steps.push(Step::Ask(index));
        }
        if let Test::Limit(limit) = &rule.test {
            let natural = limit.meter.natural_stage();
            if natural == stage && rule.at < natural && !limit.meter.is_gauge() {
                steps.push(Step::Count(index));
            }
        }
    }
    steps
}

/// How much a limit counts at a stage, and whether the stage comes before the meter's own.
fn amount(
    limit: &Limit,
    at: Stage,
    envelope: Option<&Envelope>,
    accepted: &[Addressee],
    who: Option<Addressee>,
) -> (u32, bool) {
    let early = at < limit.meter.natural_stage();
    let n = match limit.meter {
        _ if early => 1,
        Meter::OpenConnections | Meter::OpenTransactions | Meter::Connections | Meter::Messages => 1,
        Meter::Recipients if at == Stage::Rcpt => 1,
        Meter::Recipients => u32::try_from(accepted.len()).unwrap_or(u32::MAX),
        Meter::UnknownRecipients if at == Stage::Rcpt => {
            u32::from(who.is_some_and(|who| who.mailbox == Mailbox::Unknown))
        }
        Meter::UnknownRecipients => {
            let unknown = accepted.iter().filter(|who| who.mailbox == Mailbox::Unknown).count();
            u32::try_from(unknown).unwrap_or(u32::MAX)
        }
        Meter::Bytes => envelope.map_or(0, |message| message.size),
    };
    (n, early)
}
