//! Gives mail to connections: to an idle one, or to a new one.

use std::ops::ControlFlow;

use super::connection_pool::ConnectionPool;
use super::event::Action;
use super::process_gate::ProcessGate;
use super::spool::{BegunDelivery, Spool};
use crate::time::{Span, Time};
use crate::units::{ConnId, LimiterId, QueueId};

/// The mail, the connections, and what limits both.
#[derive(Debug)]
pub(super) struct Dispatcher {
    pub(super) spool: Spool,
    pub(super) pool: ConnectionPool,
    pub(super) gate: ProcessGate,
}

impl Dispatcher {
    /// Whether one more delivery of a limiter may begin, on a connection that is open already or on a new one.
    #[expect(clippy::inline_always, reason = "asked for every delivery")]
    #[inline(always)]
    pub(super) fn has_room(&self, limiter: LimiterId, on_open: bool) -> bool {
        self.spool.limiter(limiter).has_room(self.pool.open_at(limiter), on_open)
    }

    /// Whether a connection may not take another message: too many on it already, or too old.
    pub(super) fn is_spent(&self, now: Time, conn: ConnId) -> bool {
        let session = &self.spool.queue(self.pool.get(conn).queue).axes.session;
        self.pool.is_spent(now, conn, session.messages_per_connection, session.reuse)
    }

    /// An idle connection takes its queue's next mail, at most so many recipients of it.
    pub(super) fn reuse(&mut self, now: Time, conn: ConnId, most: u32) -> Option<Action> {
        let begun = self.spool.begin(now, self.pool.get(conn).queue, most)?;
        self.gate.began();
        self.pool.reuse(now, conn, begun.delivery, begun.keeps_connection);
        Some(Action::Transact { conn, delivery: begun.delivery })
    }

    /// Whether nothing stands in the way of a new connection; otherwise what to do about that.
    pub(super) fn may_open(&mut self, now: Time, limiter: LimiterId) -> ControlFlow<Option<Action>> {
        if !self.has_room(limiter, false) {
            // Idle connections of other queues may stand in the way.
            let state = self.spool.limiter(limiter);
            let mut others = state.queues().iter().filter(|_| state.counts_idle());
            let idle = others.find_map(|other| self.pool.idle_of(*other).first().copied());
            return ControlFlow::Break(idle.map(|conn| self.quit(conn)));
        }
        if self.pool.is_full() {
            self.pool.waiting.join(now, limiter);
            return ControlFlow::Break(None);
        }
        ControlFlow::Continue(())
    }

    /// A new connection is opened for a queue's next mail.
    #[inline(never)]
    pub(super) fn open(&mut self, now: Time, queue: QueueId) -> Option<Action> {
        let most = self.spool.queue(queue).axes.session.recipients_per_message;
        let BegunDelivery { delivery, keeps_connection } = self.spool.begin(now, queue, most)?;
        self.gate.began();
        let state = self.spool.queue(queue);
        let conn = self.pool.open(now, queue, state.limiter, delivery, keeps_connection);
        Some(Action::Connect { conn, source: state.source, site: state.site, delivery })
    }

    /// A connection that has become idle is kept for more mail, or closed.
    pub(super) fn rest(&mut self, now: Time, conn: ConnId) {
        self.pool.idle(conn);
        let (queue, kept) = (self.pool.get(conn).queue, self.pool.get(conn).kept);
        let state = self.spool.queue(queue);
        let too_many = self.spool.limiter(state.limiter).is_overfull(self.pool.open_at(state.limiter));
        if too_many || !kept || self.is_spent(now, conn) || state.axes.session.idle == Span::ZERO && !state.has_ready()
        {
            let quit = self.quit(conn);
            self.spool.push_action(quit);
        } else {
            self.pool.rest(conn);
        }
    }

    /// An idle connection is closed by the sender.
    pub(super) fn quit(&mut self, conn: ConnId) -> Action {
        self.pool.close(conn);
        Action::Quit(conn)
    }

    /// The limiter that has waited longest for what is free now, a slot of the process or a connection; it waits no
    /// more. Where that has to rest first, the limiter is woken after the rest, and waits until then.
    pub(super) fn next_waiting(&mut self, now: Time) -> Option<LimiterId> {
        let Self { spool, pool, gate } = self;
        let rested_at = gate.ready_at();
        let line = if !gate.waiting.is_empty() && !gate.is_full() {
            &mut gate.waiting
        } else if !pool.waiting.is_empty() && !pool.is_full() {
            &mut pool.waiting
        } else {
            return None;
        };
        if rested_at <= now {
            return line.leave(now);
        }
        let first = line.first()?;
        spool.set_limiter_timer(first, rested_at);
        None
    }
}
