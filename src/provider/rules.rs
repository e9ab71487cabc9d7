//! Rules at work: what each remembers, whether it lets something pass, and what a violation leads to.
//!
//! At a stage the steps are taken in the order of the profile: refuse whom a rule holds, ask a rule, count for a rule
//! that was asked earlier in the session.

use super::ceiling::{Amount, Ceiling};
use super::engine::{Provider, SPARSE};
use super::hold;
use super::keyed::Keyed;
use super::policy::{Answer, Counts, Greylist, Hold, Limit, Mailbox, Meter, Policy, Rule, Test, Weather, Window};
use super::verdict::{Addressee, Envelope};
use super::weather;
use super::window::Counter;
use crate::rng::{Seed, Seeds};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{RuleId, SessionId};

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
    /// Coins tossed so far.
    pub(super) tossed: u64,
    pub(super) refused: u64,
    pub(super) holds_begun: u64,
    pub(super) held: Span,
}

/// What greylisting remembers of a (client, sender domain, recipient).
#[derive(Clone, Copy, Debug)]
struct Triplet {
    first: Option<Time>,
    passed_until: Time,
}

impl RuleState {
    /// How many moments a sliding log must remember: as many as the limit can ever be. Other windows remember none.
    fn keep(&self, limit: &Limit) -> u32 {
        if !matches!(limit.window, Window::Sliding { .. }) {
            return 0;
        }
        let ceiling = &limit.ceiling;
        let most = self.limits.iter().flatten().copied().max().unwrap_or(0);
        Ceiling::scaled(most, ceiling.most_load())
    }

    pub(super) fn new(rule: &Rule, seeds: Seeds) -> Self {
        let draws = seeds.unknowns.named("unknown").named(&rule.name);
        let limits = match &rule.test {
            Test::Limit(limit) => draw_limits(&limit.ceiling, draws, 0),
            _ => Vec::new(),
        };
        Self {
            limits,
            counters: Keyed::new(),
            holds: Keyed::new(),
            greylist: Keyed::new(),
            weather: weather::State::new(seeds.chance.named("weather").named(&rule.name)),
            tossed: 0,
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
pub(super) fn steps(policy: &Policy, stage: Stage) -> Vec<Step> {
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

impl Provider {
    pub(super) fn take(
        &mut self,
        step: Step,
        now: Time,
        session: SessionId,
        who: Option<Addressee>,
    ) -> Option<(u16, Answer)> {
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
                self.score(of, session) >= below || !self.toss(index, refuse)
            }
            Test::Busy(weather) => {
                let weather: Weather = *weather;
                !self.rules[index].weather.busy(now, &weather) || !self.toss(index, weather.refuse)
            }
            Test::Outage { from, until } => now < *from || now >= *until,
            Test::Always => false,
        }
    }

    /// Bookkeeping of a violation: cost, and perhaps a hold.
    pub(super) fn violated(&mut self, index: usize, now: Time, session: SessionId, who: Option<Addressee>) {
        let cost = self.policy.rules[index].cost;
        self.blame(session, cost);
        let key = self.hold_key(index, session, who);
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
        let rule = &self.policy.rules[index];
        let hold: &Hold = rule.hold.as_ref().filter(|_| rule.enabled)?;
        let answer = self.rules[index].holds.get(self.hold_key(index, session, who))?.answer(now, hold)?;
        self.rules[index].refused += 1;
        Some(answer)
    }

    /// Whether a limit has room; counts if it has, or if attempts count.
    fn within_limit(&mut self, index: usize, now: Time, session: SessionId, who: Option<Addressee>) -> bool {
        let Test::Limit(limit) = &self.policy.rules[index].test else { return true };
        let state = &self.sessions[session.index()];
        let sender = state.envelope.map(|message| message.sender_domain);
        let tier = self.tier(limit.standing, state.client, sender);
        let clock = self.clock(now);
        let ceiling = self.limit(index, limit, tier, clock);
        let key = self.key_of(limit.scope, state.client, session, sender, who);
        if limit.window == Window::Gauge {
            // Where there is no limit today there may be one tomorrow: who is open then counts.
            return self.seat(index, session, key, ceiling.unwrap_or(u32::MAX));
        }
        let Some(ceiling) = ceiling else { return true };
        let at = self.policy.rules[index].at;
        let (n, early) = amount(limit, at, state.envelope.as_ref(), &state.addressees, who);
        let in_session = limit.window.is_in_session();
        if n == 0 || self.once(index, session).is_some_and(|passed| *passed) {
            return true;
        }
        let fits = if in_session {
            self.tally(index, session, ceiling, n)
        } else {
            self.meter(index, clock, key, ceiling, n, early)
        };
        if let (true, Some(passed)) = (fits, self.once(index, session)) {
            *passed = true;
        }
        fits
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
        state.seats[index] = key;
        if transaction {
            state.transaction_slots |= bit;
        } else {
            state.slots |= bit;
        }
        true
    }

    /// For a rule that is asked more often than what it counts happens (connections at MAIL, messages at RCPT): whether
    /// it has let this one pass. It counts it once and is then silent.
    fn once(&mut self, index: usize, session: SessionId) -> Option<&mut bool> {
        let rule = &self.policy.rules[index];
        let Test::Limit(limit) = &rule.test else { return None };
        let state = &mut self.sessions[session.index()];
        match limit.meter {
            Meter::Connections if rule.at >= Stage::Mail => state.connection_passed.get_mut(index),
            Meter::Messages if rule.at == Stage::Rcpt => state.message_passed.get_mut(index),
            _ => None,
        }
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
        let keep = self.rules[index].keep(limit);
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
        if limit.scope.is_of_recipient() && who.is_none() {
            // A message counts for each of its recipients.
            for n in 0..self.sessions[session.index()].addressees.len() {
                let who = self.sessions[session.index()].addressees[n];
                self.count_late(index, now, session, Some(who));
            }
            return;
        }
        let state = &self.sessions[session.index()];
        let sender = state.envelope.map(|message| message.sender_domain);
        let (window, clock) = (limit.window, self.clock(now));
        let tier = self.tier(limit.standing, state.client, sender);
        let Some(ceiling) = self.limit(index, limit, tier, clock) else { return };
        let key = self.key_of(limit.scope, state.client, session, sender, who);
        let counted_at = limit.meter.natural_stage();
        let (n, _) = amount(limit, counted_at, state.envelope.as_ref(), &state.addressees, who);
        let keep = self.rules[index].keep(limit);
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

    pub(super) fn raise(&mut self, rule: RuleId, ceiling: &Ceiling) {
        if let Test::Limit(limit) = &mut self.policy.rules[rule.index()].test {
            limit.ceiling = ceiling.clone();
            self.rules[rule.index()].limits = draw_limits(ceiling, self.amended, rule.0);
        }
    }
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
