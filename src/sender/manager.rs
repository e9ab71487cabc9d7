//! The queue manager, the same for every strategy: it is told events and yields actions.
//!
//! Contract: after every call of [`Sender::handle`], call [`Sender::poll`] and do what it says until it has nothing
//! more to say, and after every poll take what is [`Sender::settled`]; then wait for the next event. A delivery is
//! bound to a connection when it is dispatched, before the connection is greeted: what refuses the connection refuses
//! the delivery, as in every MTA that hands a message to a delivery agent. Recipients are conserved: injected =
//! delivered + bounced + expired + queued.
//!
//! What happens seldom is kept out of line (`inline(never)`), here and in the world: what every delivery goes through
//! then fits into a processor's instruction cache.

mod active_queue;
mod connection;
mod message_round;
mod oracle;
mod settle;
mod unknown_reply;

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::{Action, AttemptResult, Delivery, Event, Foresight, Injection, Timer, TransactionResult};
use super::layout::after;
use super::limiter::Limiter;
use super::queue::Queue;
use super::reply_class::ReplyClass;
use super::strategy::Strategy;
use crate::rng::Seed;
use crate::smtp::Reply;
use crate::time::{Moments, Time};
use crate::units::{ConnId, ProviderId, QueueId, SourceId};
use active_queue::ActiveQueue;
pub use connection::CONNECTIONS_MAX;
use connection::{ConnectionState, SenderConnection};
use message_round::MessageRounds;

/// A sender at work.
#[derive(Debug)]
pub struct Sender {
    pub(super) strategy: Strategy,
    pub(super) task: SenderTask,
    retries: Seed,
    pub(super) queues: Vec<Queue>,
    /// Queue of (source, domain): `source × domains + domain`.
    pub(super) queue_of: Vec<QueueId>,
    pub(super) limiters: Vec<Limiter>,
    conns: Vec<SenderConnection>,
    free: Vec<ConnId>,
    /// Whose turn it is to carry a stream's mail.
    pub(super) turns: Vec<usize>,
    /// Limiters that may have something to do.
    awake: VecDeque<u32>,
    /// Connections that became idle and have no timer yet.
    resting: Vec<ConnId>,
    actions: VecDeque<Action>,
    settled: Vec<AttemptResult>,
    counts: Vec<SiteCounts>,
    /// What every reply of every site's book means to the strategy.
    reply_classes: Vec<Vec<ReplyClass>>,
    /// Limiters that wait for somebody else's connection or slot.
    starved: Vec<u32>,
    /// Deliveries under way, all sites together.
    busy: u32,
    /// When the sender as a whole may begin its next delivery.
    rested_at: Time,
    admission: ActiveQueue,
    rounds: MessageRounds,
}

/// What a sender knows of its task.
#[derive(Clone, Debug)]
pub struct SenderTask {
    /// When each recipient's message should go out.
    pub intended: Arc<Moments>,
    /// How many sources there are.
    pub sources: usize,
    /// Who serves each recipient domain.
    pub sites: Vec<ProviderId>,
    /// The sources that carry each mail stream; none is empty.
    pub streams: Vec<Vec<SourceId>>,
    /// Each site's book of replies.
    pub replies: Vec<Vec<Reply>>,
}

/// Recipients of one site, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteCounts {
    /// Handed to the sender.
    pub injected: u64,
    /// Delivered.
    pub delivered: u64,
    /// Given up because of a reply.
    pub bounced: u64,
    /// Given up because of their age.
    pub expired: u64,
    /// Ready, and held back by the sender itself.
    pub ready: u64,
    /// Waiting for their retry.
    pub delayed: u64,
    /// Under way.
    pub in_flight: u64,
    /// Recipient-microseconds in which mail was ready and held back.
    pub held_back_us: u64,
    /// How often recipients were put off without being tried, because their site was dead.
    pub suspended: u64,
    /// The window of concurrency, seen after every delivery.
    pub window: WindowSamples,
}

/// A quantity that was looked at now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WindowSamples {
    /// How often.
    pub times: u64,
    /// The sum of what was seen.
    pub sum: u64,
}

impl WindowSamples {
    fn see(&mut self, value: u32) {
        self.times += 1;
        self.sum = self.sum.saturating_add(u64::from(value));
    }
}

impl Sender {
    /// A sender that runs `strategy`.
    pub fn new(strategy: Strategy, task: SenderTask, seed: Seed) -> Self {
        let strategy = strategy.unshared();
        let (sites, domains) = (task.replies.len(), task.sites.len());
        let mut sender = Self {
            retries: seed.named("retries"),
            queues: Vec::new(),
            queue_of: Vec::with_capacity(task.sources * domains),
            limiters: Vec::new(),
            conns: Vec::new(),
            free: Vec::new(),
            turns: vec![0; task.streams.len()],
            awake: VecDeque::new(),
            resting: Vec::new(),
            actions: VecDeque::new(),
            settled: Vec::new(),
            counts: vec![SiteCounts::default(); sites],
            reply_classes: task
                .replies
                .iter()
                .map(|book| book.iter().map(|reply| ReplyClass::of(reply, &strategy)).collect())
                .collect(),
            starved: Vec::new(),
            busy: 0,
            rested_at: Time::ZERO,
            admission: ActiveQueue::new(&strategy.process),
            rounds: MessageRounds::default(),
            strategy,
            task,
        };
        sender.lay_out_queues(sites);
        sender
    }

    /// How many timers it may ask for.
    pub fn timers(&self) -> u32 {
        u32::try_from(self.queues.len() + self.limiters.len() + 1).unwrap_or(u32::MAX)
    }

    /// Recipients of `site`, by what became of them.
    pub fn counts(&self, site: ProviderId) -> SiteCounts {
        self.counts[site.index()]
    }

    /// Whether every recipient so far is delivered, bounced or expired.
    pub fn is_done(&self) -> bool {
        self.counts.iter().all(|count| count.ready + count.delayed + count.in_flight == 0)
    }

    /// At the end of a trial: adds the time for which mail that is still ready was held back.
    pub fn finish(&mut self, now: Time) {
        for queue in &self.queues {
            let held: u64 = queue.ready().map(|d| now.since(d.ready_at).as_micros() * u64::from(d.count)).sum();
            self.counts[queue.site.index()].held_back_us += held;
        }
        self.hold_back_waiting(now);
    }

    /// Recipients found by looking into every queue and connection: must equal what the counters say.
    pub fn recount(&self, site: ProviderId) -> u64 {
        let queued = self.queues.iter().filter(|queue| queue.site == site).flat_map(Queue::mail);
        let flying = self.conns.iter().filter(|conn| {
            matches!(conn.state, ConnectionState::Connecting | ConnectionState::Busy)
                && self.queues[conn.queue.index()].site == site
        });
        let flying = flying.map(|conn| u64::from(conn.delivery.count));
        let elsewhere = self.waiting_for_admission(site) + self.waiting_for_their_message(site);
        queued.map(|d| u64::from(d.count)).chain(flying).sum::<u64>() + elsewhere
    }

    /// Tells the sender what happened.
    pub fn handle(&mut self, now: Time, event: Event<'_>) {
        match event {
            Event::Injected(ref injection) => self.inject(now, injection),
            Event::Connected(conn) => self.connected(now, conn),
            Event::Replied(replied) => self.replied(now, replied),
            Event::Closed(conn) => self.closed(conn),
            Event::IdleExpired(conn) => self.idle_expired(conn),
            Event::Due(Timer(timer)) => self.due(now, timer),
            Event::PolicyChanged => self.policy_changed(),
        }
        self.admit(now);
    }

    /// The next thing to do. `foresight` is what the oracle may know; others are given `None`.
    #[inline]
    pub fn poll(&mut self, now: Time, foresight: Option<&dyn Foresight>) -> Option<Action> {
        self.actions.pop_front().or_else(|| self.look_for_work(now, foresight))
    }

    /// Hands over what was settled since this was called last, in order. It is read where it stands: a report is
    /// written field by field, and a processor that copied it right after that would have to wait for all of them.
    #[inline]
    pub fn settled(&mut self, mut note: impl FnMut(&AttemptResult)) {
        for settled in &self.settled {
            note(settled);
        }
        self.settled.clear();
    }

    fn look_for_work(&mut self, now: Time, foresight: Option<&dyn Foresight>) -> Option<Action> {
        loop {
            if let Some(limiter) = self.awake.front().copied() {
                if let Some(action) = self.dispatch(now, limiter, foresight) {
                    if self.is_at_rest(now, limiter) {
                        self.let_sleep(limiter);
                    }
                    return Some(action);
                }
                self.let_sleep(limiter);
                // Looking may have set a timer, or given up mail.
                if let Some(action) = self.actions.pop_front() {
                    return Some(action);
                }
            } else {
                let conn = self.resting.pop()?;
                if self.conns[conn.index()].state == ConnectionState::Idle {
                    return Some(Action::Idle { conn, until: now + self.strategy.session.idle });
                }
            }
        }
    }

    /// The limiter that stands first in the line leaves it.
    fn let_sleep(&mut self, limiter: u32) {
        self.awake.pop_front();
        self.limiters[limiter as usize].awake = false;
    }

    fn inject(&mut self, now: Time, injection: &Injection) {
        let Injection { ref delivery, site, domain, stream } = *injection;
        let counts = &mut self.counts[site.index()];
        counts.injected += u64::from(delivery.count);
        counts.ready += u64::from(delivery.count);
        let queue = self.carrier(stream, domain);
        if self.strategy.retry.whole_message {
            self.rounds.begin(site, *delivery);
        }
        self.make_ready(now, queue, delivery);
    }

    /// The limiter can do nothing until somebody gives back a connection or a slot.
    fn starve(&mut self, limiter: u32) {
        if !self.starved.contains(&limiter) {
            self.starved.push(limiter);
        }
    }

    fn wake_starved(&mut self) {
        while let Some(limiter) = self.starved.pop() {
            self.wake(limiter);
        }
    }

    fn wake(&mut self, limiter: u32) {
        let state = &mut self.limiters[limiter as usize];
        if !state.awake {
            state.awake = true;
            self.awake.push_back(limiter);
        }
    }

    /// Finds one thing a limiter can do now.
    fn dispatch(&mut self, now: Time, limiter: u32, foresight: Option<&dyn Foresight>) -> Option<Action> {
        let state = &mut self.limiters[limiter as usize];
        state.refresh(now, &self.strategy);
        if state.is_dead(now, &self.strategy) {
            self.suspend(now, limiter);
            return None;
        }
        let queues = state.queues.len();
        if self.is_at_rest(now, limiter) {
            return None;
        }
        for _ in 0..queues {
            let state = &self.limiters[limiter as usize];
            let queue = state.queues[state.turn];
            let at = state.ready_at(now, &self.strategy).max(self.rested_at);
            self.give_up_old(now, queue);
            if self.queues[queue.index()].has_ready() {
                if at > now {
                    self.ring_limiter(limiter, at);
                    return None;
                }
                if self.strategy.process.deliveries.is_some_and(|most| self.busy >= most) {
                    self.starve(limiter);
                    return None;
                }
                if let Some(action) = self.serve(now, limiter, queue, foresight) {
                    return Some(action);
                }
            }
            let state = &mut self.limiters[limiter as usize];
            state.turn = after(state.turn, state.queues.len());
        }
        None
    }

    /// Whether a look at a limiter would change nothing: it is full, no pace is to be kept, nothing is too old, and no
    /// other limiter can be in its way.
    fn is_at_rest(&self, now: Time, limiter: u32) -> bool {
        let state = &self.limiters[limiter as usize];
        state.is_full()
            && state.ready_at(now, &self.strategy).max(self.rested_at) <= now
            && !self.strategy.retry.may_be_old(now)
            && self.strategy.process.deliveries.is_none()
    }

    /// Gives a queue's next mail to a connection: an idle one, or a new one.
    fn serve(&mut self, now: Time, limiter: u32, queue: QueueId, foresight: Option<&dyn Foresight>) -> Option<Action> {
        let counts_idle = self.strategy.session.counts_idle;
        if let Some(foresight) = foresight.filter(|_| !self.queues[queue.index()].idle.is_empty()) {
            return self.reuse_with_foresight(now, limiter, queue, foresight);
        }
        let idle = self.queues[queue.index()].idle.last().copied();
        if let Some(conn) = idle.filter(|_| self.limiters[limiter as usize].looks_for_idle(now, &self.strategy)) {
            if self.is_spent(now, conn) {
                return Some(self.quit(conn));
            }
            if self.limiters[limiter as usize].has_room(counts_idle, true) {
                return self.reuse(now, limiter, conn, self.strategy.session.recipients_per_message);
            }
            return None;
        }
        if !self.limiters[limiter as usize].has_room(counts_idle, false) {
            // Idle connections of other queues may stand in the way.
            let mut others = self.limiters[limiter as usize].queues.iter();
            let idle = others.find_map(|other| self.queues[other.index()].idle.first().copied());
            return idle.filter(|_| counts_idle).map(|conn| self.quit(conn));
        }
        if self.conns.len() - self.free.len() >= CONNECTIONS_MAX {
            self.starve(limiter);
            return None;
        }
        self.open(now, limiter, queue, foresight)
    }

    /// Mail was taken from a queue for a connection. Whether the connection is kept for more.
    fn bind(&mut self, now: Time, limiter: u32, queue: QueueId, delivery: &Delivery) -> bool {
        let counts = &mut self.counts[self.queues[queue.index()].site.index()];
        counts.ready -= u64::from(delivery.count);
        counts.in_flight += u64::from(delivery.count);
        counts.held_back_us += now.since(delivery.ready_at).as_micros() * u64::from(delivery.count);
        self.busy += 1;
        let limiter = &mut self.limiters[limiter as usize];
        limiter.busy += 1;
        limiter.began(now, &self.strategy)
    }

    #[inline(never)]
    fn replied(&mut self, now: Time, replied: TransactionResult<'_>) {
        let SenderConnection { queue, delivery, .. } = self.conns[replied.conn.index()];
        let limiter = self.queues[queue.index()].limiter;
        let pushed_back = self.settle(now, queue, delivery, &replied);
        // None left: only the oracle's mail goes by another connection.
        if delivery.count > 0 {
            self.learn(now, limiter, pushed_back);
        }
        if replied.closed {
            self.drop_conn(replied.conn);
        } else {
            self.rest(now, replied.conn);
        }
        self.wake_starved();
        self.wake(limiter);
    }

    /// What a delivery that is over says about its site.
    fn learn(&mut self, now: Time, limiter: u32, pushed_back: bool) {
        if let Some(until) = self.limiters[limiter as usize].learns(now, pushed_back, &self.strategy) {
            self.suspend(now, limiter);
            self.ring_limiter(limiter, until);
        }
        let state = &mut self.limiters[limiter as usize];
        let site = self.queues[state.queues[0].index()].site;
        self.counts[site.index()].window.see(state.window(now, &self.strategy));
        self.busy -= 1;
        state.busy -= 1;
        self.rested_at = now + self.strategy.process.delay;
        let drained = state.busy == 0 && !state.queues.iter().any(|queue| self.queues[queue.index()].has_ready());
        state.ended(now, drained, &self.strategy);
    }

    fn due(&mut self, now: Time, timer: u32) {
        let queues = u32::try_from(self.queues.len()).unwrap_or(u32::MAX);
        if let Some(limiter) = timer.checked_sub(queues) {
            // The last timer is that of the admission, which looks after every event.
            if let Some(state) = self.limiters.get_mut(limiter as usize) {
                state.rings_at = Time::NEVER;
                self.wake(limiter);
            }
            return;
        }
        self.queues[timer as usize].rings_at = Time::NEVER;
        while let Some(delivery) = self.queues[timer as usize].mature(now) {
            let n = u64::from(delivery.count);
            let counts = &mut self.counts[self.queues[timer as usize].site.index()];
            counts.delayed -= n;
            counts.ready += n;
            if self.strategy.oracle {
                // Where a greylist made it come back, what it let wait will now pass, and new mail will not.
                self.queues[timer as usize].push_front(delivery);
            } else {
                self.make_ready(now, QueueId(timer), &delivery);
            }
        }
        if let Some(at) = self.queues[timer as usize].next_due() {
            self.ring_queue(QueueId(timer), at);
        }
        self.wake(self.queues[timer as usize].limiter);
    }

    fn ring_queue(&mut self, queue: QueueId, at: Time) {
        let state = &mut self.queues[queue.index()];
        if at < state.rings_at {
            state.rings_at = at;
            self.actions.push_back(Action::WakeAt { timer: Timer(queue.0), at });
        }
    }

    fn ring_limiter(&mut self, limiter: u32, at: Time) {
        let state = &mut self.limiters[limiter as usize];
        if at == Time::NEVER {
            self.starve(limiter);
        } else if at < state.rings_at {
            // One timer serves several queues: it rings for the first of them.
            state.rings_at = at;
            let timer = Timer(u32::try_from(self.queues.len()).unwrap_or(u32::MAX) + limiter);
            self.actions.push_back(Action::WakeAt { timer, at });
        }
    }
}
