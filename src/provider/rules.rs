//! Rules at work: what each remembers, whether it lets something pass, and what a violation leads to.

use super::ceiling::{self, Ceiling};
use super::engine::{Asker, Provider, SPARSE};
use super::hold;
use super::keyed::Keyed;
use super::policy::{Answer, Counts, Greylist, Limit, Meter, Rule, Test, Weather, Window};
use super::steps::{Act, Step};
use super::verdict::Addressee;
use super::weather;
use super::window::Counter;
use crate::rng::{Seed, Seeds};
use crate::time::{Span, Time};
use crate::units::RuleId;

/// What a rule remembers.
#[derive(Clone, Debug)]
pub(super) struct RuleState {
    /// The limit by tier, unknowns drawn; `None` is no limit.
    pub(super) limits: Vec<Option<u32>>,
    /// How many moments a sliding log must remember.
    keep: u32,
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
    pub(super) fn new(rule: &Rule, seeds: Seeds) -> Self {
        let draws = seeds.unknowns.named("unknown").named(&rule.name);
        let mut state = Self {
            limits: Vec::new(),
            keep: 0,
            counters: Keyed::new(),
            holds: Keyed::new(),
            greylist: Keyed::new(),
            weather: weather::State::new(seeds.chance.named("weather").named(&rule.name)),
            tossed: 0,
            refused: 0,
            holds_begun: 0,
            held: Span::ZERO,
        };
        if let Test::Limit(limit) = &rule.test {
            state.limit(limit, draws, 0);
        }
        state
    }

    /// Draws what is unknown of a limit.
    fn limit(&mut self, limit: &Limit, draws: Seed, id: u16) {
        self.limits = draw_limits(&limit.ceiling, draws, id);
        self.keep = keep(limit, &self.limits);
    }

    /// The counter of a key.
    fn counter(&mut self, key: u64, clock: Time, window: &Window, ceiling: u32) -> &mut Counter {
        self.counters.entry(key, || Counter::new(window), |counter| counter.is_blank(clock, window, ceiling))
    }

    /// Whether there is a limit, in any tier.
    pub(super) fn is_limited(&self) -> bool {
        self.limits.iter().any(Option::is_some)
    }
}

/// How many moments a sliding log must remember: as many as the limit can ever be. Other windows remember none.
fn keep(limit: &Limit, limits: &[Option<u32>]) -> u32 {
    if !matches!(limit.window, Window::Sliding { .. }) {
        return 0;
    }
    let most = limits.iter().flatten().copied().max().unwrap_or(0);
    Ceiling::scaled(most, limit.ceiling.most_load())
}

/// The amount of every tier; one draw decides all unknowns of a rule, so that a better tier never gets less.
fn draw_limits(ceiling: &Ceiling, draws: Seed, id: u16) -> Vec<Option<u32>> {
    let share = draws.share(u64::from(id), 0);
    let amount = |amount: &ceiling::Amount| match *amount {
        ceiling::Amount::Exactly(n) => Some(n),
        ceiling::Amount::Unlimited => None,
        ceiling::Amount::Unknown { low, high } => Some(within(low, high, share)),
    };
    ceiling.by_tier.iter().map(amount).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between low and high")]
fn within(low: u32, high: u32, share: f64) -> u32 {
    low + ((f64::from(high - low) + 1.0) * share) as u32
}

impl Provider {
    /// Takes a step. (What the steps do stays out of line: inlined, each stage pays for preparing what none of its own
    /// steps needs.) Whether the rule lets what is asked pass; counts if it does, or if attempts count.
    pub(super) fn lets_pass(&mut self, step: Step, asker: &Asker<'_>) -> bool {
        match step.act {
            Act::Held => !self.holds(usize::from(step.rule), asker),
            Act::Check => self.check(usize::from(step.rule), asker),
            Act::Seat => self.seat(usize::from(step.rule), asker),
            Act::Tally => self.tally(step, asker),
            Act::Meter | Act::Look => self.meter(step, asker),
            Act::Count => {
                self.count_late(step, asker);
                true
            }
        }
    }

    /// A rule does not let it pass: what it answers.
    pub(super) fn object(&mut self, step: Step, asker: &Asker<'_>) -> Answer {
        let rule = usize::from(step.rule);
        if step.act == Act::Held
            && let Some(answer) = self.held(rule, asker)
        {
            self.rules[rule].refused += 1;
            return answer;
        }
        self.violated(rule, asker);
        self.policy.rules[rule].answer
    }

    /// Whether a rule that is no limit lets this pass.
    #[inline(never)]
    fn check(&mut self, index: usize, asker: &Asker<'_>) -> bool {
        let state = &self.sessions[asker.session.index()];
        let client = &self.clients[asker.client.index()].0;
        let envelope = state.envelope.as_ref();
        match &self.policy.rules[index].test {
            Test::Limit(_) => true,
            Test::Mailbox(mailbox) => asker.who.is_none_or(|who| who.mailbox != *mailbox),
            Test::Listed => !client.listed,
            Test::NoPtr => client.ptr,
            Test::Size(bytes) => envelope.is_none_or(|message| u64::from(message.size) <= bytes.0),
            Test::Unauthenticated(auth) => envelope.is_none_or(|message| message.passes(*auth)),
            Test::Content => envelope.is_none_or(|message| !message.spam),
            Test::Greylist(greylist) => {
                let greylist = *greylist;
                asker.who.is_none_or(|who| self.greylisted(index, greylist, asker, who))
            }
            Test::Reputation { below, of, refuse } => {
                let (below, of, refuse) = (*below, *of, *refuse);
                self.score(of, asker) >= below || !self.toss(index, refuse)
            }
            Test::Busy(weather) => {
                let weather: Weather = *weather;
                !self.rules[index].weather.busy(asker.now, &weather) || !self.toss(index, weather.refuse)
            }
            Test::Outage { from, until } => asker.now < *from || asker.now >= *until,
            Test::Always => false,
        }
    }

    /// Bookkeeping of a violation: cost, and perhaps a hold.
    pub(super) fn violated(&mut self, index: usize, asker: &Asker<'_>) {
        let cost = self.policy.rules[index].cost;
        self.blame(asker.session, cost);
        let key = self.hold_key(index, asker);
        let state = &mut self.rules[index];
        state.refused += 1;
        if let Some(hold) = &self.policy.rules[index].hold {
            let now = asker.now;
            let record = state.holds.entry(key, hold::Record::default, |record| record.is_blank(now, hold));
            if let Some(span) = record.violate(now, hold) {
                state.holds_begun += 1;
                state.held += span;
            }
        }
    }

    /// Whether the rule holds who asks. Mostly it holds nobody.
    fn holds(&self, index: usize, asker: &Asker<'_>) -> bool {
        !self.rules[index].holds.is_empty() && self.held(index, asker).is_some()
    }

    /// What the rule answers whom it holds.
    fn held(&self, index: usize, asker: &Asker<'_>) -> Option<Answer> {
        let hold = self.policy.rules[index].hold.as_ref()?;
        self.rules[index].holds.get(self.hold_key(index, asker))?.answer(asker.now, hold)
    }

    /// A gauge: whoever holds a slot keeps it; others get one while there are any.
    #[inline(never)]
    fn seat(&mut self, index: usize, asker: &Asker<'_>) -> bool {
        if self.sessions[asker.session.index()].holds_slot(index) {
            return true;
        }
        let Test::Limit(limit) = &self.policy.rules[index].test else { return true };
        let ceiling = self.limit_for(index, limit, asker).unwrap_or(u32::MAX);
        let key = self.key_of(limit.scope, asker);
        let blank = || Counter::new(&Window::Gauge);
        let counter = self.rules[index].counters.entry(key, blank, |counter| counter.used() == 0);
        if counter.used() >= ceiling {
            return false;
        }
        counter.count(Time::ZERO, &Window::Gauge, ceiling, 1, 0);
        assert!(counter.used() <= ceiling, "a gauge is never above its limit");
        let state = &mut self.sessions[asker.session.index()];
        state.seats[index] = key;
        let of_transaction = limit.meter == Meter::OpenTransactions;
        let slots = if of_transaction { &mut state.transaction_slots } else { &mut state.slots };
        *slots |= 1 << index;
        true
    }

    /// A count within one session or one message.
    #[inline(never)]
    fn tally(&mut self, step: Step, asker: &Asker<'_>) -> bool {
        let rule = usize::from(step.rule);
        let Test::Limit(limit) = &self.policy.rules[rule].test else { return true };
        let Some(ceiling) = self.limit_for(rule, limit, asker) else { return true };
        let state = &mut self.sessions[asker.session.index()];
        let n = state.amount(step.amount, asker.who);
        if n == 0 || state.has_passed(rule, step.once) {
            return true;
        }
        let sum = state.counts[rule].saturating_add(n);
        let fits = sum <= ceiling;
        if fits || limit.counts == Counts::Attempts {
            state.counts[rule] = sum;
        }
        if fits {
            state.pass(rule, step.once);
        }
        fits
    }

    /// A count over time.
    #[inline(never)]
    fn meter(&mut self, step: Step, asker: &Asker<'_>) -> bool {
        let rule = usize::from(step.rule);
        let Test::Limit(limit) = &self.policy.rules[rule].test else { return true };
        let Some(ceiling) = self.limit_for(rule, limit, asker) else { return true };
        let state = &self.sessions[asker.session.index()];
        let n = state.amount(step.amount, asker.who);
        if n == 0 || state.has_passed(rule, step.once) {
            return true;
        }
        let key = self.key_of(limit.scope, asker);
        let keep = self.rules[rule].keep;
        let counter = self.rules[rule].counter(key, asker.clock, &limit.window, ceiling);
        let fits = counter.admits(asker.clock, &limit.window, ceiling, n);
        if step.act == Act::Meter && (fits || limit.counts == Counts::Attempts) {
            counter.count(asker.clock, &limit.window, ceiling, n, keep);
        }
        if fits {
            self.sessions[asker.session.index()].pass(rule, step.once);
        }
        fits
    }

    /// Counts for a rule that was asked at an earlier stage.
    #[inline(never)]
    fn count_late(&mut self, step: Step, asker: &Asker<'_>) {
        let rule = usize::from(step.rule);
        let Test::Limit(limit) = &self.policy.rules[rule].test else { return };
        if limit.scope.is_of_recipient() && asker.who.is_none() {
            // A message counts for each of its recipients.
            for n in 0..self.sessions[asker.session.index()].addressees.len() {
                let who = self.sessions[asker.session.index()].addressees[n];
                self.count_late(step, &Asker { who: Some(&who), ..*asker });
            }
            return;
        }
        let n = self.sessions[asker.session.index()].amount(step.amount, asker.who);
        if n == 0 && limit.window.is_count() {
            return;
        }
        let Some(ceiling) = self.limit_for(rule, limit, asker) else { return };
        let key = self.key_of(limit.scope, asker);
        let keep = self.rules[rule].keep;
        let counter = self.rules[rule].counter(key, asker.clock, &limit.window, ceiling);
        counter.count(asker.clock, &limit.window, ceiling, n, keep);
    }

    /// Whether greylisting lets the triplet pass (RFC 6647, section 4).
    fn greylisted(&mut self, index: usize, greylist: Greylist, asker: &Asker<'_>, who: &Addressee) -> bool {
        let now = asker.now;
        let sender = asker.sender.map_or(0, |sender| u64::from(sender.0));
        let key = SPARSE | Seed(who.id).draw(u64::from(asker.client.0), sender);
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
            self.rules[rule.index()].limit(limit, self.amended, rule.0);
        }
    }
}
