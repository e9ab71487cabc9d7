//! The queue manager, the same for every strategy: it is told events and yields actions.
//!
//! Contract: after every call of [`Sender::handle`], call [`Sender::poll`] and do what it says until it has nothing
//! more to say, and after every poll take what [`Sender::drain_results`] hands over; then wait for the next event.
//! Recipients are conserved: injected = delivered + bounced + expired + queued.
//!
//! The mail is in the spool, the connections are in the pool, and the dispatcher brings them together; this file says
//! which event moves what. What only some senders do is a policy of its own: when mail is bound to a connection
//! ([`Binding`]), which mail may be worked on (`AdmissionPolicy`), whether a message goes as one (`MessageRounds`), and
//! whether connections are kept (`ConnectionReuse`).
//!
//! What happens seldom is kept out of line (`inline(never)`), here and in the world: what every delivery goes through
//! then fits into a processor's instruction cache.

use super::binding::Binding;
use super::connection_pool::{CONNECTIONS_MAX, ConnectionPool};
use super::dispatcher::Dispatcher;
use super::event::{Action, AttemptResult, Event, Foresight, Timer, TransactionResult};
use super::limiter::Limiter;
use super::oracle::Oracle;
use super::process_gate::ProcessGate;
use super::site_counts::SiteCounts;
use super::spool::{SiteResponse, Spool};
use super::strategy::Strategy;
use super::strategy::controller::Observation;
use super::task::SenderTask;
use crate::rng::Seed;
use crate::smtp::Reply;
use crate::time::{Span, Time};
use crate::units::{ConnId, LimiterId, ProviderId, ReplyId};

/// A sender at work.
#[derive(Debug)]
pub struct Sender {
    work: Dispatcher,
    binding: Binding,
    /// How often a limiter was looked at for work.
    #[cfg(test)]
    looks: u64,
}

impl Sender {
    /// A sender that runs `strategy`.
    pub fn new(strategy: &Strategy, task: &SenderTask, seed: Seed) -> Self {
        let spool = Spool::new(strategy, task, seed);
        let (queues, limiters) = (spool.queues().len(), spool.limiters());
        let binding = if strategy.oracle {
            Binding::WithForesight(Oracle::new(queues, task.replies.len()))
        } else {
            Binding::AtDispatch
        };
        let pool = ConnectionPool::new(queues, limiters, CONNECTIONS_MAX);
        Self {
            work: Dispatcher { spool, pool, gate: ProcessGate::new(strategy.process, limiters) },
            binding,
            #[cfg(test)]
            looks: 0,
        }
    }

    /// How many timers it may ask for.
    pub fn timers(&self) -> u32 {
        self.work.spool.timers()
    }

    /// Recipients of `site`, by what became of them.
    pub fn counts(&self, site: ProviderId) -> SiteCounts {
        *self.work.spool.counts(site)
    }

    /// How long mail has waited because as many connections were open as a sender opens: [`CONNECTIONS_MAX`].
    pub fn waited_for_connections(&self, now: Time) -> Span {
        self.work.pool.waiting.stood(now)
    }

    /// At the end of a trial: adds the time for which mail that is still ready was held back.
    pub fn finish(&mut self, now: Time) {
        self.work.spool.finish(now);
    }

    /// Recipients found by looking into every queue and connection: must equal what the counters say.
    pub fn recount(&self, site: ProviderId) -> u64 {
        let Dispatcher { spool, pool, .. } = &self.work;
        let flying = pool.in_flight().filter(|connection| spool.queue(connection.queue).site == site);
        flying.map(|connection| u64::from(connection.delivery.count)).sum::<u64>() + spool.recount(site)
    }

    /// A site has given a reply that its profile does not list: it is read as any other, and has the number that is
    /// returned.
    pub fn learn_reply(&mut self, site: ProviderId, reply: &Reply) -> ReplyId {
        self.work.spool.learn_reply(site, reply)
    }

    /// Tells the sender what happened.
    pub fn handle(&mut self, now: Time, event: Event<'_>) {
        match event {
            Event::Injected(ref injection) => self.work.spool.inject(now, injection),
            Event::Connected(conn) => self.binding.connected(now, &mut self.work, conn),
            Event::RetryForeseen(conn, at) => self.binding.retry_foreseen(conn, at),
            Event::Replied(replied) => self.replied(now, &replied),
            Event::Closed(conn) => self.closed(conn),
            Event::IdleExpired(conn) => self.idle_expired(conn),
            Event::Due(timer) => self.due(now, timer),
            Event::PolicyChanged => self.binding.policy_changed(&mut self.work),
        }
        self.work.spool.admit(now);
    }

    /// The next thing to do. `foresight` is what the oracle may know; others are given `None`.
    #[inline]
    pub fn poll(&mut self, now: Time, foresight: Option<&dyn Foresight>) -> Option<Action> {
        self.work.spool.next_action().or_else(|| self.look_for_work(now, foresight))
    }

    /// Hands over what was settled since this was called last, in order. It is read where it stands: a report is
    /// written field by field, and a processor that copied it right after that would have to wait for all of them.
    #[inline]
    pub fn drain_results(&mut self, mut note: impl FnMut(&AttemptResult)) {
        let results = self.work.spool.results();
        for result in results.iter() {
            note(result);
        }
        results.clear();
    }

    /// What has been given back goes to a limiter that waits for it before any other is looked at.
    fn look_for_work(&mut self, now: Time, foresight: Option<&dyn Foresight>) -> Option<Action> {
        loop {
            let waited = self.work.next_waiting(now);
            let Some(limiter) = waited.or_else(|| self.work.spool.wake_queue.first()) else { break };
            let action = self.dispatch(now, limiter, foresight);
            let may_do_more = action.is_some() && !self.is_at_rest(now, limiter);
            match waited {
                Some(_) if may_do_more => self.work.spool.wake_queue.wake(limiter),
                None if !may_do_more => self.work.spool.wake_queue.put_first_to_sleep(),
                _ => {}
            }
            // Looking may have set a timer, or given up mail.
            if let Some(action) = action.or_else(|| self.work.spool.next_action()) {
                return Some(action);
            }
        }
        // Those who wait may have set a timer.
        if let Some(action) = self.work.spool.next_action() {
            return Some(action);
        }
        let conn = self.work.pool.next_resting()?;
        let idle = self.work.spool.queue(self.work.pool.get(conn).queue).axes.session.idle;
        Some(Action::Idle { conn, until: now + idle })
    }

    /// Finds one thing a limiter can do now.
    fn dispatch(&mut self, now: Time, limiter: LimiterId, foresight: Option<&dyn Foresight>) -> Option<Action> {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        let spool = &mut self.work.spool;
        let state = spool.limiter_mut(limiter);
        state.refresh(now);
        if state.is_dead(now) {
            spool.put_off(now, limiter);
            return None;
        }
        let (ready, recovers_at) = (state.load().ready, state.recovers_at());
        if let Some(at) = recovers_at {
            spool.set_limiter_timer(limiter, at);
        }
        if ready == 0 || self.is_at_rest(now, limiter) {
            return None;
        }
        for _ in 0..self.work.spool.limiter(limiter).queues().len() {
            let Dispatcher { spool, gate, .. } = &mut self.work;
            let state = spool.limiter(limiter);
            let queue = state.current_queue();
            let at = state.ready_at(now).max(gate.ready_at());
            spool.give_up_old(now, queue);
            if spool.queue(queue).has_ready() {
                if at > now {
                    spool.set_limiter_timer(limiter, at);
                    return None;
                }
                if gate.is_full() {
                    gate.waiting.join(now, limiter);
                    return None;
                }
                if let Some(action) = self.binding.serve(now, &mut self.work, limiter, queue, foresight) {
                    return Some(action);
                }
            }
            self.work.spool.limiter_mut(limiter).pass_turn();
        }
        None
    }

    /// Whether a look at a limiter would change nothing: it is full, no pace is to be kept, nothing is too old, and no
    /// other limiter can be in its way.
    #[expect(clippy::inline_always, reason = "asked twice for every delivery")]
    #[inline(always)]
    fn is_at_rest(&self, now: Time, limiter: LimiterId) -> bool {
        let Dispatcher { spool, pool, gate } = &self.work;
        let state = spool.limiter(limiter);
        gate.is_open()
            && state.is_full(pool.open_at(limiter))
            && state.ready_at(now).max(gate.ready_at()) <= now
            && !state.may_hold_old_mail(now)
    }

    #[inline(never)]
    fn replied(&mut self, now: Time, replied: &TransactionResult<'_>) {
        let connection = self.work.pool.get(replied.conn);
        let (queue, delivery, began) = (connection.queue, connection.delivery, connection.began);
        let limiter = self.work.spool.queue(queue).limiter;
        let retry = self.binding.retry_law(replied.conn);
        // No recipient is left where the oracle's mail went by another connection.
        if let Some(response) = self.work.spool.settle(now, queue, delivery, replied.recipients, retry) {
            let seen = observation(now, self.work.spool.limiter(limiter), began, response);
            self.work.spool.observe(limiter, &seen);
            self.work.gate.ended(now);
        }
        if replied.closed {
            self.work.pool.close(replied.conn);
        } else {
            self.work.pool.count_transaction(replied.conn);
            self.binding.rest(now, &mut self.work, replied.conn);
        }
        self.binding.given_back(&mut self.work, queue);
        self.work.spool.wake_queue.wake(limiter);
    }

    /// The server closed a connection. Where it is at work, the reply says so.
    fn closed(&mut self, conn: ConnId) {
        if self.work.pool.is_idle(conn) {
            self.work.pool.close(conn);
            self.has_gone(conn);
        }
    }

    /// A connection was kept as long as the strategy keeps it.
    fn idle_expired(&mut self, conn: ConnId) {
        if self.work.pool.is_idle(conn) {
            let quit = self.work.quit(conn);
            self.work.spool.push_action(quit);
            self.has_gone(conn);
        }
    }

    /// An idle connection is no more.
    fn has_gone(&mut self, conn: ConnId) {
        let queue = self.work.pool.get(conn).queue;
        self.binding.given_back(&mut self.work, queue);
        let limiter = self.work.spool.queue(queue).limiter;
        self.work.spool.wake_queue.wake(limiter);
    }

    fn due(&mut self, now: Time, timer: Timer) {
        let Some(queue) = self.work.spool.take_due(timer) else { return };
        while let Some(delivery) = self.work.spool.pop_due(now, queue) {
            self.binding.due(now, &mut self.work, queue, &delivery);
        }
        self.work.spool.set_retry_timer(queue);
    }
}

/// What the controllers of a site are told of a delivery that began then and is over now.
#[inline]
fn observation(now: Time, limiter: &Limiter, began: Time, response: SiteResponse) -> Observation {
    let SiteResponse { stage, outcome, pushed_back } = response;
    let (load, window, latency) = (limiter.load(), limiter.width(), now.since(began));
    Observation { now, load, window, latency, stage, outcome, pushed_back }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::strategy::Concurrency;
    use super::*;
    use crate::sender::event::{Delivery, Injection, Outcome, RecipientResult};
    use crate::sender::preset;
    use crate::sender::strategy::controller::Load;
    use crate::smtp::Stage;
    use crate::time::Moments;
    use crate::units::{DomainId, MailStreamId, RecipientId, SourceId};

    #[test]
    fn an_observation_says_how_long_it_took_and_what_there_is_to_do() {
        let axes = preset::strategy("fixed").unwrap().unwrap().axes;
        let mut limiter = Limiter::new(ProviderId(0), Arc::new(axes));
        (0..3).for_each(|_| limiter.message_ready());
        limiter.message_taken();
        limiter.began(Time::from_micros(100));
        let response = SiteResponse { stage: Stage::Rcpt, outcome: Outcome::Deferred, pushed_back: true };
        let seen = observation(Time::from_micros(350), &limiter, Time::from_micros(100), response);
        assert_eq!((seen.latency, seen.window), (Span::from_micros(250), 20));
        assert_eq!(seen.load, Load { busy: 1, ready: 2 });
        assert_eq!((seen.stage, seen.outcome, seen.pushed_back), (Stage::Rcpt, Outcome::Deferred, true));
    }

    const SOURCES: u32 = 200;
    const EACH: u32 = 20;

    /// A sender from 200 sources to one site, each with 20 messages and a limiter of its own that lets all of them go
    /// at once.
    fn crowd(change: impl FnOnce(&mut Strategy)) -> Sender {
        let mut strategy = preset::strategy("fixed").unwrap().unwrap();
        strategy.axes.concurrency = Concurrency::Fixed(EACH);
        change(&mut strategy);
        let mut intended = Moments::with_capacity(0);
        intended.fill((SOURCES * EACH) as usize, Time::ZERO);
        let task = SenderTask {
            intended: Arc::new(intended),
            sources: SOURCES as usize,
            sites: vec![ProviderId(0)],
            streams: vec![(0..SOURCES as usize).map(SourceId::from_index).collect()],
            replies: vec![Vec::new()],
        };
        Sender::new(&strategy, &task, Seed(1))
    }

    /// All mail comes, and every connection is closed after its message; whose mail went, in order, by limiter.
    fn send_all(sender: &mut Sender) -> Vec<u32> {
        for n in 0..SOURCES * EACH {
            let first = RecipientId(n);
            let delivery = Delivery { ready_at: Time::ZERO, first, count: 1, failures: 0, priority: false };
            let (site, domain, stream) = (ProviderId(0), DomainId(0), MailStreamId(0));
            sender.handle(Time::ZERO, Event::Injected(Injection { delivery, site, domain, stream }));
        }
        let (mut open, mut served) = (std::collections::VecDeque::new(), Vec::new());
        loop {
            while let Some(action) = sender.poll(Time::ZERO, None) {
                if let Action::Connect { conn, delivery, .. } = action {
                    open.push_back(conn);
                    served.push(delivery.first.0 % SOURCES);
                }
            }
            let Some(conn) = open.pop_front() else { return served };
            let recipients = &[RecipientResult::Accepted];
            sender.handle(Time::ZERO, Event::Replied(TransactionResult { conn, recipients, closed: true }));
        }
    }

    /// A source that waits gets the next place, and none a second one before all others have had theirs.
    fn is_first_come_first_served(sender: &mut Sender, places: u32) {
        let served = send_all(sender);
        assert_eq!(served.len(), (SOURCES * EACH) as usize, "everything goes");
        let waited = &served[places as usize..];
        for round in waited.chunks_exact(SOURCES as usize).take(EACH as usize / 2) {
            let mut all = round.to_vec();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), SOURCES as usize, "each once: {round:?}");
        }
        // For each place one of those who wait is looked at, again after it has taken the place, and the limiter whose
        // place it was.
        let most = u64::from(3 * SOURCES * EACH + 2 * SOURCES);
        assert!(sender.looks <= most, "{} looks for {} messages", sender.looks, SOURCES * EACH);
    }

    #[test]
    fn a_connection_that_is_closed_wakes_one_of_those_who_wait() {
        let mut sender = crowd(|_| {});
        sender.work.pool = ConnectionPool::new(SOURCES as usize, SOURCES as usize, 10);
        is_first_come_first_served(&mut sender, 10);
    }

    #[test]
    fn a_delivery_that_ends_wakes_one_of_those_who_wait() {
        let mut sender = crowd(|strategy| strategy.process.deliveries = Some(10));
        is_first_come_first_served(&mut sender, 10);
    }
}
