//! The life of a connection as the queue manager sees it: opened for a delivery, used again, left idle, closed.

use super::Sender;
use crate::sender::event::{Action, Delivery, Foresight};
use crate::sender::queue::Queue;
use crate::time::{Span, Time};
use crate::units::{ConnId, QueueId};

/// A connection as the sender sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SenderConnection {
    pub(super) queue: QueueId,
    pub(super) state: ConnectionState,
    pub(super) delivery: Delivery,
    pub(super) transactions: u32,
    pub(super) opened: Time,
    /// Whether it is kept for another delivery after this one.
    pub(super) kept: bool,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionState {
    Closed,
    Connecting,
    Busy,
    Idle,
}

/// The most connections a sender opens at a time, whatever its strategy.
pub const CONNECTIONS_MAX: usize = 20_000;

impl Sender {
    /// An idle connection takes the queue's next mail, at most so many recipients of it.
    pub(super) fn reuse(&mut self, now: Time, limiter: u32, conn: ConnId, most: u32) -> Option<Action> {
        let queue = self.conns[conn.index()].queue;
        let delivery = self.queues[queue.index()].take(most)?;
        let kept = self.bind(now, limiter, queue, &delivery);
        self.queues[queue.index()].remove_idle(conn);
        let state = &mut self.conns[conn.index()];
        state.state = ConnectionState::Busy;
        state.delivery = delivery;
        state.kept = kept;
        Some(Action::Transact { conn, delivery })
    }

    /// A new connection is opened for the queue's next mail.
    #[inline(never)]
    pub(super) fn open(
        &mut self,
        now: Time,
        limiter: u32,
        queue: QueueId,
        foresight: Option<&dyn Foresight>,
    ) -> Option<Action> {
        let Queue { source, site, .. } = self.queues[queue.index()];
        if let Some(foresight) = foresight {
            let next = *self.queues[queue.index()].peek()?;
            let at = foresight.may_connect(now, source, site, &next);
            if at > now {
                let in_the_way = if at == Time::NEVER { self.idle_elsewhere(queue) } else { None };
                if in_the_way.is_none() {
                    self.ring_limiter(limiter, at);
                }
                return in_the_way.map(|conn| self.quit(conn));
            }
        }
        let delivery = self.queues[queue.index()].take(self.strategy.session.recipients_per_message)?;
        let kept = self.bind(now, limiter, queue, &delivery);
        self.limiters[limiter as usize].open += 1;
        let state = SenderConnection {
            queue,
            state: ConnectionState::Connecting,
            delivery,
            transactions: 0,
            opened: now,
            kept,
        };
        let conn = if let Some(conn) = self.free.pop() {
            self.conns[conn.index()] = state;
            conn
        } else {
            self.conns.push(state);
            ConnId::from_index(self.conns.len() - 1)
        };
        if self.strategy.oracle {
            self.queues[queue.index()].connecting.push_back(conn);
        }
        Some(Action::Connect { conn, source, site, delivery })
    }

    /// It is greeted: the mail that it was opened for goes.
    pub(super) fn connected(&mut self, now: Time, conn: ConnId) {
        let state = &mut self.conns[conn.index()];
        assert!(state.state == ConnectionState::Connecting, "only a connection that is being opened is greeted");
        if self.strategy.oracle {
            self.unbind(now, conn);
            return self.rest_with_foresight(now, conn);
        }
        state.state = ConnectionState::Busy;
        self.actions.push_back(Action::Transact { conn, delivery: state.delivery });
    }

    /// A connection has done its transaction and may take another.
    pub(super) fn rest(&mut self, now: Time, conn: ConnId) {
        let state = &mut self.conns[conn.index()];
        state.state = ConnectionState::Idle;
        state.transactions += 1;
        if self.strategy.oracle {
            return self.rest_with_foresight(now, conn);
        }
        let (queue, kept) = (state.queue, state.kept);
        self.queues[queue.index()].idle.push(conn);
        let limiter = &self.limiters[self.queues[queue.index()].limiter as usize];
        let too_many = self.strategy.session.counts_idle && limiter.open > limiter.concurrency.window();
        if too_many
            || !kept
            || self.is_spent(now, conn)
            || self.strategy.session.idle == Span::ZERO && !self.queues[queue.index()].has_ready()
        {
            let quit = self.quit(conn);
            self.actions.push_back(quit);
        } else {
            self.resting.push(conn);
        }
    }

    /// Whether a connection may not take another message: too many on it already, or too old.
    pub(super) fn is_spent(&self, now: Time, conn: ConnId) -> bool {
        let state = &self.conns[conn.index()];
        let session = &self.strategy.session;
        session.messages_per_connection.is_some_and(|most| state.transactions >= most)
            || session.reuse.is_some_and(|reuse| now.since(state.opened) >= reuse)
    }

    /// An idle connection is closed by the sender.
    pub(super) fn quit(&mut self, conn: ConnId) -> Action {
        let queue = self.conns[conn.index()].queue;
        self.queues[queue.index()].remove_idle(conn);
        self.drop_conn(conn);
        Action::Quit(conn)
    }

    /// A connection is no more, whoever closed it.
    pub(super) fn drop_conn(&mut self, conn: ConnId) {
        let state = &mut self.conns[conn.index()];
        assert!(state.state != ConnectionState::Closed, "a connection is closed once");
        state.state = ConnectionState::Closed;
        let limiter = self.queues[state.queue.index()].limiter;
        self.limiters[limiter as usize].open -= 1;
        self.free.push(conn);
        self.wake_starved();
    }

    /// The server closed it. Where it is at work, the reply says so.
    pub(super) fn closed(&mut self, conn: ConnId) {
        if self.conns[conn.index()].state == ConnectionState::Idle {
            let queue = self.conns[conn.index()].queue;
            let _ = self.quit(conn);
            self.wake(self.queues[queue.index()].limiter);
        }
    }

    /// It was kept as long as the strategy keeps it.
    pub(super) fn idle_expired(&mut self, conn: ConnId) {
        if self.conns[conn.index()].state == ConnectionState::Idle {
            let queue = self.conns[conn.index()].queue;
            let quit = self.quit(conn);
            self.actions.push_back(quit);
            self.wake(self.queues[queue.index()].limiter);
        }
    }
}
