//! Rules at work: what each remembers, whether it lets something pass, and what a violation leads to.

use super::compiled_rules::{Increment, Operation, RuleStep, StatelessCheck};
use super::context::{RuleContext, SPARSE};
use super::engine::Provider;
use super::hold::HoldRecord;
use super::keyed_store::KeyedStore;
use super::limit_value::{self, LimitValue, LoadStep};
use super::policy::{Check, Greylist, Limit, LowReputation, Mailbox, Rule, RuleAction, RuleKind, Window};
use super::verdict::Recipient;
use super::weather::BusyState;
use super::window::Counter;
use crate::rng::{Seed, Seeds};
use crate::time::{Span, Time};
use crate::units::RuleId;

/// What a rule remembers.
#[derive(Clone, Debug)]
pub(super) struct RuleRuntime {
    /// The limit by tier, unknowns drawn; `None` is no limit.
    pub(super) limits: Vec<Option<u32>>,
    /// How the load scales them by time of day; see [`LimitValue::load`].
    load: Vec<LoadStep>,
    /// Over which time it counts.
    window: Window,
    /// How many moments a sliding log must remember.
    keep: u32,
    pub(super) counters: KeyedStore<Counter>,
    pub(super) holds: KeyedStore<HoldRecord>,
    greylist: KeyedStore<Triplet>,
    weather: BusyState,
    /// Draws made so far.
    pub(super) draws: u64,
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

impl RuleRuntime {
    pub(super) fn new(rule: &Rule, seeds: Seeds) -> Self {
        let draws = seeds.unknowns.named("unknown").named(&rule.name);
        let mut state = Self {
            limits: Vec::new(),
            load: Vec::new(),
            window: Window::Gauge,
            keep: 0,
            counters: KeyedStore::new(),
            holds: KeyedStore::new(),
            greylist: KeyedStore::new(),
            weather: BusyState::new(seeds.chance.named("weather").named(&rule.name)),
            draws: 0,
            refused: 0,
            holds_begun: 0,
            held: Span::ZERO,
        };
        if let RuleKind::Limit(limit) = &rule.kind {
            state.draw(limit, draws, 0);
        }
        state
    }

    /// Draws what is unknown of a limit.
    fn draw(&mut self, limit: &Limit, draws: Seed, id: u16) {
        self.limits = draw_limits(&limit.value, draws, id);
        self.load.clone_from(&limit.value.load);
        self.window = limit.window;
        self.keep = keep(limit, &self.limits);
    }

    /// The limit that applies to a tier at a moment of the provider's clock; `None` is no limit.
    #[inline]
    pub(super) fn limit(&self, tier: usize, clock: Time) -> Option<u32> {
        let amount = self.limits[tier]?;
        if self.load.is_empty() { Some(amount) } else { Some(self.scaled(amount, clock)) }
    }

    fn scaled(&self, amount: u32, clock: Time) -> u32 {
        let time_of_day = clock.as_micros() % Span::DAY.as_micros();
        let step = self.load.iter().rev().find(|step| step.from.as_micros() <= time_of_day);
        LimitValue::scaled(amount, step.map_or(1.0, |step| step.factor))
    }

    /// Whether `n` more fit for a key. Counts them if they do, or if attempts count; never where the step only looks.
    #[inline]
    fn admits(&mut self, step: &RuleStep, key: u64, clock: Time, ceiling: u32, n: u32) -> bool {
        let keep = self.keep;
        let (counter, window) = self.counter(key, clock, ceiling);
        if step.op == Operation::Peek {
            counter.admits(clock, window, ceiling, n)
        } else {
            counter.takes(clock, window, ceiling, n, (keep, step.attempts))
        }
    }

    /// Counts `n` for a key.
    #[inline]
    fn count(&mut self, key: u64, clock: Time, ceiling: u32, n: u32) {
        let keep = self.keep;
        let (counter, window) = self.counter(key, clock, ceiling);
        counter.count(clock, window, ceiling, n, keep);
    }

    /// The counter of a key, and its window.
    #[inline]
    fn counter(&mut self, key: u64, clock: Time, ceiling: u32) -> (&mut Counter, &Window) {
        let Self { counters, window, .. } = self;
        let forget = |counter: &Counter| counter.is_blank(clock, window, ceiling);
        (counters.entry(key, || Counter::new(window), forget), window)
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
    LimitValue::scaled(most, limit.value.largest_factor())
}

/// The amount of every tier; one draw decides all unknowns of a rule, so that a better tier never gets less.
fn draw_limits(ceiling: &LimitValue, draws: Seed, id: u16) -> Vec<Option<u32>> {
    let share = draws.share(u64::from(id), 0);
    let amount = |amount: &limit_value::TierValue| match *amount {
        limit_value::TierValue::Exactly(n) => Some(n),
        limit_value::TierValue::Unlimited => None,
        limit_value::TierValue::Unknown { low, high } => Some(within(low, high, share)),
    };
    ceiling.by_tier.iter().map(amount).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between low and high")]
fn within(low: u32, high: u32, share: f64) -> u32 {
    low + ((f64::from(high - low) + 1.0) * share) as u32
}

impl RuleContext<'_> {
    /// Takes a step. Whether the rule lets what is asked pass; counts if it does, or if attempts count.
    ///
    /// What the steps do stays out of line: inlined, each stage would pay for what none of its own steps needs.
    #[inline]
    pub(super) fn permits(&mut self, step: &RuleStep) -> bool {
        match step.op {
            Operation::CheckHold => !self.holds(step),
            Operation::Stateless(fact) => self.is_free_of(fact),
            Operation::Stateful => self.check(step),
            Operation::AcquireSlot | Operation::AcquireTransactionSlot => self.acquire_slot(step),
            Operation::CountInSession => self.count_in_session(step),
            Operation::CountInWindow | Operation::Peek => self.meter(step),
            Operation::Record => {
                self.record_late(step);
                true
            }
            Operation::RecordEach => {
                self.count_each(step);
                true
            }
        }
    }

    /// Whether what a rule looks for is not there.
    #[inline]
    fn is_free_of(&self, fact: StatelessCheck) -> bool {
        let message = self.session.envelope.as_ref();
        match fact {
            StatelessCheck::Mailbox(mailbox) => self.who.is_none_or(|who| who.mailbox != mailbox),
            StatelessCheck::Listed => !self.client.listed,
            StatelessCheck::NoPtr => self.client.ptr,
            StatelessCheck::Size(bytes) => message.is_none_or(|message| u64::from(message.size) <= bytes),
            StatelessCheck::Unauthenticated(auth) => message.is_none_or(|message| message.passes(auth)),
            StatelessCheck::Content => message.is_none_or(|message| !message.spam),
            StatelessCheck::Outage { from, until } => self.now < from || self.now >= until,
            StatelessCheck::Always => false,
        }
    }

    /// Whether a rule lets this pass that is no limit, and remembers or tosses a coin.
    #[inline(never)]
    fn check(&mut self, step: &RuleStep) -> bool {
        let index = usize::from(step.rule);
        match self.policy.rules[index].kind {
            RuleKind::Check(Check::Greylist(greylist)) => {
                self.who.is_none_or(|who| self.greylisted(index, greylist, who))
            }
            RuleKind::Check(Check::Reputation(LowReputation { below, of, refuse })) => {
                self.score(of) >= below || !self.bernoulli(index, refuse)
            }
            RuleKind::Check(Check::Busy(weather)) => {
                !self.rules[index].weather.busy(self.now, &weather) || !self.bernoulli(index, weather.refuse)
            }
            _ => true,
        }
    }

    /// Whether the rule holds who asks. Mostly it holds nobody.
    #[inline]
    fn holds(&self, step: &RuleStep) -> bool {
        !self.rules[usize::from(step.rule)].holds.is_empty() && self.held(step).is_some()
    }

    /// What the rule answers whom it holds.
    pub(super) fn held(&self, step: &RuleStep) -> Option<RuleAction> {
        let rule = &self.policy.rules[usize::from(step.rule)];
        let key = self.subject().key(rule.kind.hold_scope());
        self.rules[usize::from(step.rule)].holds.get(key)?.action(self.now, rule.hold.as_ref()?)
    }

    /// A gauge: whoever holds a slot keeps it; others get one while there are any.
    #[inline(never)]
    fn acquire_slot(&mut self, step: &RuleStep) -> bool {
        let rule = usize::from(step.rule);
        if self.session.holds_slot(rule) {
            return true;
        }
        let (tier, key) = (self.tier(step.reputation_of), self.subject().key(step.scope));
        let ceiling = self.rules[rule].limit(tier, self.clock).unwrap_or(u32::MAX);
        let blank = || Counter::new(&Window::Gauge);
        let counter = self.rules[rule].counters.entry(key, blank, |counter| counter.used() == 0);
        if counter.used() >= ceiling {
            return false;
        }
        counter.count(Time::ZERO, &Window::Gauge, ceiling, 1, 0);
        assert!(counter.used() <= ceiling, "a gauge is never above its limit");
        self.session.slot_keys[rule] = key;
        let of_transaction = step.op == Operation::AcquireTransactionSlot;
        let slots = if of_transaction { &mut self.session.transaction_slots } else { &mut self.session.slots };
        *slots |= 1 << rule;
        true
    }

    /// A count within one session or one message.
    #[inline(never)]
    fn count_in_session(&mut self, step: &RuleStep) -> bool {
        let rule = usize::from(step.rule);
        let n = self.amount(step);
        if n == 0 || self.session.has_passed(rule, step.once) {
            return true;
        }
        let Some(ceiling) = self.rules[rule].limit(self.tier(step.reputation_of), self.clock) else { return true };
        let sum = self.session.counts[rule].saturating_add(n);
        let fits = sum <= ceiling;
        if fits || step.attempts {
            self.session.counts[rule] = sum;
        }
        if fits {
            self.session.pass(rule, step.once);
        }
        fits
    }

    /// A count over time.
    #[inline(never)]
    fn meter(&mut self, step: &RuleStep) -> bool {
        let rule = usize::from(step.rule);
        let n = self.amount(step);
        if n == 0 || self.session.has_passed(rule, step.once) {
            return true;
        }
        let (tier, key) = (self.tier(step.reputation_of), self.subject().key(step.scope));
        let state = &mut self.rules[rule];
        let Some(ceiling) = state.limit(tier, self.clock) else { return true };
        let fits = state.admits(step, key, self.clock, ceiling, n);
        if fits {
            self.session.pass(rule, step.once);
        }
        fits
    }

    /// Counts for a rule that was asked at an earlier stage.
    #[inline(never)]
    fn record_late(&mut self, step: &RuleStep) {
        let rule = usize::from(step.rule);
        let n = self.amount(step);
        if n == 0 && self.rules[rule].window.is_count() {
            return;
        }
        let (tier, key) = (self.tier(step.reputation_of), self.subject().key(step.scope));
        let state = &mut self.rules[rule];
        if let Some(ceiling) = state.limit(tier, self.clock) {
            state.count(key, self.clock, ceiling, n);
        }
    }

    /// The same for a message that counts for each of its recipients.
    fn count_each(&mut self, step: &RuleStep) {
        for n in 0..self.session.recipients.len() {
            self.who = Some(self.session.recipients[n]);
            self.record_late(step);
        }
        self.who = None;
    }

    /// How much a limit counts: mostly the one thing that is asked about.
    #[inline]
    fn amount(&self, step: &RuleStep) -> u32 {
        match step.amount {
            Increment::One => 1,
            Increment::Unknown => u32::from(self.who.is_some_and(|who| who.mailbox == Mailbox::Unknown)),
            of_message => of_message.of(self.session),
        }
    }

    /// Whether greylisting lets the triplet pass (RFC 6647, section 4).
    fn greylisted(&mut self, index: usize, greylist: Greylist, who: Recipient) -> bool {
        let now = self.now;
        let sender = self.session.sender().map_or(0, |sender| u64::from(sender.0));
        let key = SPARSE | Seed(who.id).draw(u64::from(self.session.client.0), sender);
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
}

impl Provider {
    /// A limit is amended.
    pub(super) fn raise(&mut self, rule: RuleId, ceiling: &LimitValue) {
        if let RuleKind::Limit(limit) = &mut self.policy.rules[rule.index()].kind {
            limit.value = ceiling.clone();
            self.rules[rule.index()].draw(limit, self.amended, rule.0);
        }
    }
}
