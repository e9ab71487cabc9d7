//! What only the oracle does: it looks before it sends, binds mail to no connection before it must, and tries refused
//! mail again when it would be accepted.
//!
//! It opens connections as others do, one for each delivery that finds none idle. But the delivery goes by whichever
//! connection is ready first, and no connection is opened or used that would be refused.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use super::dispatcher::Dispatcher;
use super::event::{Action, Delivery, Foreseen, Foresight};
use super::retry_law::RetryLaw;
use crate::time::Time;
use crate::units::{ConnId, QueueId};

/// What the oracle remembers.
#[derive(Debug)]
pub(super) struct Oracle {
    /// Connections of each queue that are being opened, the oldest first, some of them perhaps no longer.
    connecting: Vec<VecDeque<ConnId>>,
    /// When that would be accepted which the next reply on a connection defers.
    retries: BTreeMap<ConnId, Time>,
    /// By site, the queues whose mail will not pass until the site gets something back.
    blocked: Vec<Vec<QueueId>>,
    is_blocked: Vec<bool>,
}

impl Oracle {
    pub(super) fn new(queues: usize, sites: usize) -> Self {
        Self {
            connecting: vec![VecDeque::new(); queues],
            retries: BTreeMap::new(),
            blocked: vec![Vec::new(); sites],
            is_blocked: vec![false; queues],
        }
    }

    /// Gives a queue's next mail to a connection on which it will pass.
    pub(super) fn serve(
        &mut self,
        now: Time,
        work: &mut Dispatcher,
        queue: QueueId,
        foresight: &dyn Foresight,
    ) -> Option<Action> {
        let action = if work.pool.idle_of(queue).is_empty() {
            match work.may_open(now, work.spool.queue(queue).limiter) {
                ControlFlow::Continue(()) => self.open(now, work, queue, foresight),
                ControlFlow::Break(first) => first,
            }
        } else {
            self.reuse(now, work, queue, foresight)
        };
        if let Some(Action::Quit(conn)) = action {
            self.given_back(work, work.pool.get(conn).queue);
        }
        action
    }

    /// The site of a queue has got back a connection or the slot of a transaction: what was blocked there may pass.
    pub(super) fn given_back(&mut self, work: &mut Dispatcher, queue: QueueId) {
        while let Some(blocked) = self.blocked[work.spool.queue(queue).site.index()].pop() {
            self.is_blocked[blocked.index()] = false;
            work.spool.wake_queue.wake(work.spool.queue(blocked).limiter);
        }
    }

    /// A queue's mail will not pass before this moment; if that is never, not before its site gets something back.
    fn look_again(&mut self, work: &mut Dispatcher, queue: QueueId, at: Time) {
        let state = work.spool.queue(queue);
        if at < Time::NEVER {
            work.spool.set_limiter_timer(state.limiter, at);
        } else if !std::mem::replace(&mut self.is_blocked[queue.index()], true) {
            self.blocked[state.site.index()].push(queue);
        }
    }

    /// Opens a connection, if it will not be refused.
    fn open(&mut self, now: Time, work: &mut Dispatcher, queue: QueueId, foresight: &dyn Foresight) -> Option<Action> {
        let state = work.spool.queue(queue);
        let at = foresight.may_connect(now, state.source, state.site, state.peek()?);
        if at > now {
            let in_the_way = if at == Time::NEVER { idle_elsewhere(work, queue) } else { None };
            if in_the_way.is_none() {
                self.look_again(work, queue, at);
            }
            return in_the_way.map(|conn| work.quit(conn));
        }
        let action = work.open(now, queue);
        if let Some(Action::Connect { conn, .. }) = action {
            self.connecting[queue.index()].push_back(conn);
        }
        action
    }

    /// The oracle's choice among its idle connections: the first on which the mail will pass now.
    #[inline(never)]
    fn reuse(&mut self, now: Time, work: &mut Dispatcher, queue: QueueId, foresight: &dyn Foresight) -> Option<Action> {
        let state = work.spool.queue(queue);
        let next = *state.peek()?;
        let most = state.axes.session.recipients_per_message;
        let slice = Delivery { count: next.count_up_to(most), ..next };
        let mut earliest = Time::NEVER;
        // All connections that have carried mail wait for the same thing, and so do all that have not: one of each kind
        // is asked.
        let mut asked = [false; 2];
        for place in (0..work.pool.idle_of(queue).len()).rev() {
            let conn = work.pool.idle_of(queue)[place];
            let kind = usize::from(work.pool.get(conn).transactions > 0);
            if asked[kind] {
                continue;
            }
            match foresight.may_send(now, conn, &slice) {
                _ if work.is_spent(now, conn) => return Some(work.quit(conn)),
                Foreseen::Now(recipients) => return work.reuse(now, conn, most.min(recipients)),
                Foreseen::NewConnection => return Some(work.quit(conn)),
                Foreseen::Wait(at) => earliest = earliest.min(at),
            }
            asked[kind] = true;
            if asked == [true; 2] {
                break;
            }
        }
        self.look_again(work, queue, earliest);
        None
    }

    /// What the reply on a connection will defer would be accepted at this moment.
    pub(super) fn retry_foreseen(&mut self, conn: ConnId, at: Time) {
        self.retries.insert(conn, at);
    }

    /// What the reply on a connection defers is tried again when it would be accepted, where that was foreseen.
    pub(super) fn retry_law(&mut self, conn: ConnId) -> RetryLaw {
        self.retries.remove(&conn).map_or(RetryLaw::Axis, RetryLaw::At)
    }

    /// A connection is greeted.
    pub(super) fn connected(&mut self, now: Time, work: &mut Dispatcher, conn: ConnId) {
        unbind(now, work, conn);
        self.rest(now, work, conn);
    }

    /// A connection has become idle. Where nothing else is ready for it, it takes the mail that waits for a connection
    /// still being opened: that one may turn out not to be needed.
    pub(super) fn rest(&mut self, now: Time, work: &mut Dispatcher, conn: ConnId) {
        let queue = work.pool.get(conn).queue;
        work.pool.idle(conn);
        work.pool.rest(conn);
        while !work.spool.queue(queue).has_ready() {
            let Some(opening) = self.connecting[queue.index()].pop_front() else { break };
            if work.pool.is_connecting(opening) && work.pool.get(opening).queue == queue {
                unbind(now, work, opening);
            }
        }
        work.spool.wake_queue.wake(work.spool.queue(queue).limiter);
    }
}

/// A connection to the same site that another queue has no use for now.
fn idle_elsewhere(work: &Dispatcher, queue: QueueId) -> Option<ConnId> {
    let site = work.spool.queue(queue).site;
    let mut others =
        work.spool.queues().iter().enumerate().filter(|(_, other)| other.site == site && !other.has_ready());
    others.find_map(|(place, _)| work.pool.idle_of(QueueId::from_index(place)).first().copied())
}

/// The oracle looks again before it sends: mail that waits for a connection goes back to the front of the queue.
fn unbind(now: Time, work: &mut Dispatcher, conn: ConnId) {
    let (queue, delivery) = (work.pool.get(conn).queue, work.pool.get(conn).delivery);
    if delivery.count > 0 {
        work.pool.unbind(conn);
        work.gate.withdrawn();
        work.spool.put_back(now, queue, delivery);
    }
}
