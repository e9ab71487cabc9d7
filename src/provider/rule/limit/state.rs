//! What a limit remembers, and whether it lets a command pass.

use super::Limit;
use super::step::{Increment, LimitAction, LimitStep};
use crate::provider::context::RuleContext;
use crate::provider::keyed_store::KeyedStore;
use crate::provider::limit_value::{DrawnLimit, LimitValue};
use crate::provider::message::Mailbox;
use crate::provider::session::SlotOf;
use crate::provider::window::timed::TimedCounters;
use crate::provider::window::{Counted, Window};
use crate::rng::Seed;
use crate::time::Time;

/// What a limit remembers.
#[derive(Clone, Debug)]
pub(in crate::provider) struct LimitState {
    drawn: DrawnLimit,
    counters: LimitCounters,
}

/// What a limit has counted, by what kind of window it has. With a tag of its own, as it is asked for with every
/// command.
#[derive(Clone, Debug)]
#[repr(u8)]
enum LimitCounters {
    /// Slots that are taken now.
    Slots(SlotOf, KeyedStore<u32>),
    /// Nothing of its own: each session counts for itself.
    InSession,
    /// What happened over time.
    OverTime(TimedCounters),
}

impl LimitState {
    pub(in crate::provider) fn new(limit: &Limit, seed: Seed) -> Self {
        let drawn = limit.value.draw(seed, 0);
        let counters = match limit.window {
            Window::Gauge => {
                let slot = limit.meter.slot().expect("a gauge is of what is open now");
                LimitCounters::Slots(slot, KeyedStore::new())
            }
            Window::Session | Window::Message => LimitCounters::InSession,
            Window::Fixed { length, aligned, offset } => {
                LimitCounters::OverTime(TimedCounters::fixed(length, aligned, offset))
            }
            Window::Sliding { length } => LimitCounters::OverTime(TimedCounters::sliding(length, drawn.largest())),
            Window::Bucket { per, burst } => LimitCounters::OverTime(TimedCounters::refill_bucket(per, burst)),
            Window::Ewma { period } => LimitCounters::OverTime(TimedCounters::ewma(period)),
        };
        Self { drawn, counters }
    }

    /// The numbers of the limit in this trial.
    pub(in crate::provider) const fn drawn(&self) -> &DrawnLimit {
        &self.drawn
    }

    /// The limit has another value from now on. What was counted still counts.
    pub(in crate::provider) fn set_value(&mut self, value: &LimitValue, seed: Seed, id: u16) {
        self.drawn = value.draw(seed, id);
        if let LimitCounters::OverTime(counters) = &mut self.counters {
            counters.keep(self.drawn.largest());
        }
    }

    /// Takes a step. Whether the limit lets the command pass; counts if it does, or if attempts count.
    ///
    /// What the steps do stays out of line: inlined, each stage would pay for what none of its own steps needs. The way
    /// there does not: it is taken several times a command.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "one instruction in a hundred of a trial")]
    pub(in crate::provider) fn permits(
        &mut self,
        step: &LimitStep,
        rule: usize,
        context: &mut RuleContext<'_>,
    ) -> bool {
        let Self { drawn, counters } = self;
        match counters {
            LimitCounters::Slots(of, taken) => acquire_slot(drawn, taken, *of, step, rule, context),
            LimitCounters::InSession => count_in_session(drawn, step, rule, context),
            LimitCounters::OverTime(counters) => match step.action {
                LimitAction::Take | LimitAction::Peek => count_over_time(drawn, counters, step, rule, context),
                LimitAction::Record => {
                    record(drawn, counters, step, context);
                    true
                }
                LimitAction::RecordEach => {
                    record_each(drawn, counters, step, context);
                    true
                }
            },
        }
    }

    /// Counts one event. Whether it was still within the limit.
    pub(in crate::provider) fn add(&mut self, step: &LimitStep, context: &RuleContext<'_>) -> bool {
        let (Self { drawn, counters }, clock) = (self, context.clock());
        match (counters, drawn.at(step.subject, context, clock)) {
            (LimitCounters::OverTime(counters), Some(limit)) => {
                counters.take(context.key(step.scope), clock, limit, 1, Counted::Attempts)
            }
            (LimitCounters::OverTime(_) | LimitCounters::Slots(..) | LimitCounters::InSession, _) => true,
        }
    }

    /// A slot of a gauge is given back.
    pub(in crate::provider) fn release_slot(&mut self, key: u64) {
        if let LimitCounters::Slots(_, taken) = &mut self.counters {
            let taken = taken.entry(key, |taken| *taken == 0);
            *taken = taken.saturating_sub(1);
        }
    }

    /// A slot of a gauge is taken, whether or not there is room.
    pub(in crate::provider) fn retake_slot(&mut self, key: u64) {
        if let LimitCounters::Slots(_, taken) = &mut self.counters {
            *taken.entry(key, |taken| *taken == 0) += 1;
        }
    }

    /// What was counted for a key is forgotten.
    pub(in crate::provider) fn reset(&mut self, key: u64) {
        match &mut self.counters {
            LimitCounters::Slots(_, taken) => *taken.entry(key, |_| false) = 0,
            LimitCounters::InSession => {}
            LimitCounters::OverTime(counters) => counters.reset(key),
        }
    }

    /// The first moment from `at` on at which `n` more fit for a key under `limit`, where `under_way` are on their way
    /// and not counted yet; [`Time::NEVER`] where no moment can be named. All on the provider's clock.
    pub(super) fn earliest(&self, key: u64, at: Time, limit: u32, n: u32, under_way: u32) -> Time {
        let never_unless = |fits| if fits { at } else { Time::NEVER };
        match &self.counters {
            LimitCounters::Slots(_, taken) => {
                let taken = taken.get(key).copied().unwrap_or(0).max(under_way);
                never_unless(taken.saturating_add(n) <= limit)
            }
            // What is counted within a session was looked at before: here it only matters whether it can ever fit.
            LimitCounters::InSession => never_unless(n <= limit),
            LimitCounters::OverTime(counters) => {
                let n = n.saturating_add(under_way);
                counters.earliest(key, at, limit, n).unwrap_or_else(|| never_unless(n <= limit))
            }
        }
    }
}

/// A gauge: a session that holds a slot keeps it; others get one while there are any.
#[inline(never)]
fn acquire_slot(
    drawn: &DrawnLimit,
    taken: &mut KeyedStore<u32>,
    of: SlotOf,
    step: &LimitStep,
    rule: usize,
    context: &mut RuleContext<'_>,
) -> bool {
    if context.session().holds_slot(rule) {
        return true;
    }
    let key = context.key(step.scope);
    let limit = drawn.at(step.subject, context, context.clock()).unwrap_or(u32::MAX);
    let taken = taken.entry(key, |taken| *taken == 0);
    if *taken >= limit {
        return false;
    }
    *taken += 1;
    context.session_mut().take_slot(rule, key, of);
    true
}

/// A count within one session or one message.
#[inline(never)]
fn count_in_session(drawn: &DrawnLimit, step: &LimitStep, rule: usize, context: &mut RuleContext<'_>) -> bool {
    let n = increment(step, context);
    if n == 0 || context.session().has_passed(rule, step.once) {
        return true;
    }
    let Some(limit) = drawn.at(step.subject, context, context.clock()) else { return true };
    let session = context.session_mut();
    let sum = session.count(rule).saturating_add(n);
    let fits = sum <= limit;
    if fits || step.counted == Counted::Attempts {
        session.set_count(rule, sum);
    }
    if fits {
        session.pass(rule, step.once);
    }
    fits
}

/// A count over time.
#[inline(never)]
fn count_over_time(
    drawn: &DrawnLimit,
    counters: &mut TimedCounters,
    step: &LimitStep,
    rule: usize,
    context: &mut RuleContext<'_>,
) -> bool {
    let n = increment(step, context);
    if n == 0 || context.session().has_passed(rule, step.once) {
        return true;
    }
    let (key, clock) = (context.key(step.scope), context.clock());
    let Some(limit) = drawn.at(step.subject, context, clock) else { return true };
    let fits = if step.action == LimitAction::Peek {
        counters.admits(key, clock, limit, n)
    } else {
        counters.take(key, clock, limit, n, step.counted)
    };
    if fits {
        context.session_mut().pass(rule, step.once);
    }
    fits
}

/// Counts what the limit was asked about at an earlier stage.
#[inline(never)]
fn record(drawn: &DrawnLimit, counters: &mut TimedCounters, step: &LimitStep, context: &RuleContext<'_>) {
    let n = increment(step, context);
    if n == 0 && step.is_count {
        return;
    }
    let clock = context.clock();
    if let Some(limit) = drawn.at(step.subject, context, clock) {
        counters.count(context.key(step.scope), clock, limit, n);
    }
}

/// The same for a message that counts for each of its recipients.
fn record_each(drawn: &DrawnLimit, counters: &mut TimedCounters, step: &LimitStep, context: &mut RuleContext<'_>) {
    for n in 0..context.session().recipients().len() {
        context.set_recipient(Some(context.session().recipients()[n]));
        record(drawn, counters, step, context);
    }
    context.set_recipient(None);
}

/// How much the limit counts: mostly the one thing that is asked about.
#[inline]
fn increment(step: &LimitStep, context: &RuleContext<'_>) -> u32 {
    match step.increment {
        Increment::One => 1,
        Increment::UnknownRecipient => {
            u32::from(context.recipient().is_some_and(|recipient| recipient.mailbox == Some(Mailbox::Unknown)))
        }
        of_message @ (Increment::Recipients | Increment::UnknownRecipients | Increment::Bytes) => {
            of_message.of_message(context.session())
        }
    }
}
