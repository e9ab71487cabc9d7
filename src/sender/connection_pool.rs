//! The connections of a sender: opened for a delivery, used again, left idle, closed.

use super::event::Delivery;
use super::waiting_line::WaitingLine;
use crate::time::{Span, Time};
use crate::units::{ConnId, LimiterId, QueueId};

/// All connections, by the numbers the sender gave them, and who is idle.
#[derive(Debug)]
pub(super) struct ConnectionPool {
    connections: Vec<SenderConnection>,
    /// Numbers that may be given again.
    free: Vec<ConnId>,
    /// Connections of each queue that wait for mail, the most recently used last.
    idle: Vec<Vec<ConnId>>,
    /// Connections of each limiter that are open or being opened, idle ones included.
    open: Vec<u32>,
    /// Connections that became idle and have no timer yet.
    resting: Vec<ConnId>,
    /// The most connections at a time.
    most: usize,
    /// Limiters that wait for one of them to be closed.
    pub(super) waiting: WaitingLine,
}

/// A connection as the sender sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SenderConnection {
    pub(super) queue: QueueId,
    limiter: LimiterId,
    state: ConnectionState,
    /// What it carries, or was opened for.
    pub(super) delivery: Delivery,
    /// When the delivery was given to it.
    pub(super) began: Time,
    pub(super) transactions: u32,
    opened: Time,
    /// Whether it is kept for another delivery after this one.
    pub(super) kept: bool,
}

/// What a connection is doing: `Connecting → Busy ⇄ Idle → Closed`, and closed from anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionState {
    Closed,
    Connecting,
    Busy,
    Idle,
}

/// The most connections a sender opens at a time, whatever its strategy.
pub const CONNECTIONS_MAX: usize = 20_000;

impl ConnectionPool {
    pub(super) fn new(queues: usize, limiters: usize, most: usize) -> Self {
        Self {
            connections: Vec::new(),
            free: Vec::new(),
            idle: vec![Vec::new(); queues],
            open: vec![0; limiters],
            resting: Vec::new(),
            most,
            waiting: WaitingLine::new(limiters),
        }
    }

    pub(super) fn get(&self, conn: ConnId) -> &SenderConnection {
        &self.connections[conn.index()]
    }

    pub(super) fn is_idle(&self, conn: ConnId) -> bool {
        self.get(conn).state == ConnectionState::Idle
    }

    pub(super) fn is_connecting(&self, conn: ConnId) -> bool {
        self.get(conn).state == ConnectionState::Connecting
    }

    /// Whether as many connections are open as may be.
    pub(super) fn is_full(&self) -> bool {
        self.connections.len() - self.free.len() >= self.most
    }

    /// Connections of a limiter that are open or being opened.
    pub(super) fn open_at(&self, limiter: LimiterId) -> u32 {
        self.open[limiter.index()]
    }

    /// Connections of a queue that wait for mail, the most recently used last.
    pub(super) fn idle_of(&self, queue: QueueId) -> &[ConnId] {
        &self.idle[queue.index()]
    }

    /// Connections to which a delivery is bound.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = &SenderConnection> {
        let bound = |one: &&SenderConnection| matches!(one.state, ConnectionState::Connecting | ConnectionState::Busy);
        self.connections.iter().filter(bound)
    }

    /// A new connection is being opened for a delivery.
    pub(super) fn open(
        &mut self,
        now: Time,
        queue: QueueId,
        limiter: LimiterId,
        delivery: Delivery,
        kept: bool,
    ) -> ConnId {
        self.open[limiter.index()] += 1;
        let state = ConnectionState::Connecting;
        let new = SenderConnection { queue, limiter, state, delivery, began: now, transactions: 0, opened: now, kept };
        if let Some(conn) = self.free.pop() {
            self.connections[conn.index()] = new;
            conn
        } else {
            let len = self.connections.len();
            if len == self.connections.capacity() {
                // Twice as much, but never for more than there may be.
                self.connections.reserve_exact(len.max(1).min(self.most.saturating_sub(len)));
            }
            self.connections.push(new);
            ConnId::from_index(self.connections.len() - 1)
        }
    }

    /// A connection is greeted.
    pub(super) fn greeted(&mut self, conn: ConnId) -> Delivery {
        let state = &mut self.connections[conn.index()];
        assert!(state.state == ConnectionState::Connecting, "only a connection that is being opened is greeted");
        state.state = ConnectionState::Busy;
        state.delivery
    }

    /// An idle connection takes a delivery.
    pub(super) fn reuse(&mut self, now: Time, conn: ConnId, delivery: Delivery, kept: bool) {
        self.remove_idle(conn);
        let state = &mut self.connections[conn.index()];
        state.state = ConnectionState::Busy;
        state.delivery = delivery;
        state.began = now;
        state.kept = kept;
    }

    /// The delivery that a connection has goes by another.
    pub(super) fn unbind(&mut self, conn: ConnId) {
        self.connections[conn.index()].delivery.count = 0;
    }

    /// A connection has done a transaction.
    pub(super) fn count_transaction(&mut self, conn: ConnId) {
        self.connections[conn.index()].transactions += 1;
    }

    /// A connection waits for mail.
    pub(super) fn idle(&mut self, conn: ConnId) {
        let state = &mut self.connections[conn.index()];
        state.state = ConnectionState::Idle;
        self.idle[state.queue.index()].push(conn);
    }

    /// An idle connection is left alone: it needs a timer.
    pub(super) fn rest(&mut self, conn: ConnId) {
        self.resting.push(conn);
    }

    /// A connection that became idle, still is, and has no timer yet.
    pub(super) fn next_resting(&mut self) -> Option<ConnId> {
        std::iter::from_fn(|| self.resting.pop())
            .find(|conn| self.connections[conn.index()].state == ConnectionState::Idle)
    }

    /// A connection is no more.
    pub(super) fn close(&mut self, conn: ConnId) {
        if self.is_idle(conn) {
            self.remove_idle(conn);
        }
        let state = &mut self.connections[conn.index()];
        assert!(state.state != ConnectionState::Closed, "a connection is closed once");
        state.state = ConnectionState::Closed;
        self.open[state.limiter.index()] -= 1;
        self.free.push(conn);
    }

    /// Whether a connection may not take another message: too many on it already, or too old.
    pub(super) fn is_spent(&self, now: Time, conn: ConnId, messages: Option<u32>, reuse: Option<Span>) -> bool {
        let state = self.get(conn);
        messages.is_some_and(|most| state.transactions >= most)
            || reuse.is_some_and(|reuse| now.since(state.opened) >= reuse)
    }

    /// Mostly it is the one that was used last.
    fn remove_idle(&mut self, conn: ConnId) {
        let idle = &mut self.idle[self.connections[conn.index()].queue.index()];
        if idle.pop_if(|last| *last == conn).is_none() {
            idle.retain(|one| *one != conn);
        }
    }
}
