//! What only the oracle does: it looks before it sends, and binds mail to no connection before it must.
//!
//! It opens connections as others do, one for each delivery that finds none idle. But the delivery goes by whichever
//! connection is ready first, and no connection is opened or used that would be refused.

use super::{ConnectionState, Sender, SenderConnection};
use crate::sender::event::{Action, Delivery, Foreseen, Foresight};
use crate::time::Time;
use crate::units::{ConnId, QueueId};

impl Sender {
    /// The oracle's choice among its idle connections: the first on which the mail would be accepted now.
    #[inline(never)]
    pub(super) fn reuse_with_foresight(
        &mut self,
        now: Time,
        limiter: u32,
        queue: QueueId,
        foresight: &dyn Foresight,
    ) -> Option<Action> {
        let next = *self.queues[queue.index()].peek()?;
        let most = self.strategy.session.recipients_per_message;
        let slice = Delivery { count: next.count.min(u16::try_from(most).unwrap_or(u16::MAX)), ..next };
        let mut earliest = Time::NEVER;
        // All connections that have carried mail wait for the same thing, and so do all that have not: one of each kind
        // is asked.
        let mut asked = [false; 2];
        for place in (0..self.queues[queue.index()].idle.len()).rev() {
            let conn = self.queues[queue.index()].idle[place];
            let kind = usize::from(self.conns[conn.index()].transactions > 0);
            if asked[kind] {
                continue;
            }
            match foresight.may_send(now, conn, &slice) {
                _ if self.is_spent(now, conn) => return Some(self.quit(conn)),
                Foreseen::Now(recipients) => return self.reuse(now, limiter, conn, most.min(recipients)),
                Foreseen::NewConnection => return Some(self.quit(conn)),
                Foreseen::Wait(at) => earliest = earliest.min(at),
            }
            asked[kind] = true;
            if asked == [true; 2] {
                break;
            }
        }
        self.ring_limiter(limiter, earliest);
        None
    }

    /// A connection to the same site that another queue has no use for now.
    pub(super) fn idle_elsewhere(&self, queue: QueueId) -> Option<ConnId> {
        let site = self.queues[queue.index()].site;
        let mut others = self.queues.iter().filter(|other| other.site == site && !other.has_ready());
        others.find_map(|other| other.idle.first().copied())
    }

    /// The oracle looks again before it sends: mail that waits for a connection goes back to the front of the queue.
    pub(super) fn unbind(&mut self, now: Time, conn: ConnId) {
        let SenderConnection { queue, delivery, .. } = self.conns[conn.index()];
        if delivery.count == 0 {
            return;
        }
        self.conns[conn.index()].delivery.count = 0;
        let state = &mut self.queues[queue.index()];
        state.push_front(Delivery { ready_at: now, ..delivery });
        let counts = &mut self.counts[state.site.index()];
        counts.in_flight -= u64::from(delivery.count);
        counts.ready += u64::from(delivery.count);
        self.limiters[state.limiter as usize].busy -= 1;
    }

    /// A connection of the oracle has become idle. Where nothing else is ready for it, it takes the mail that waits for
    /// a connection still being opened: that one may turn out not to be needed.
    pub(super) fn rest_with_foresight(&mut self, now: Time, conn: ConnId) {
        let queue = self.conns[conn.index()].queue;
        self.conns[conn.index()].state = ConnectionState::Idle;
        self.queues[queue.index()].idle.push(conn);
        self.resting.push(conn);
        while !self.queues[queue.index()].has_ready() {
            let Some(opening) = self.queues[queue.index()].connecting.pop_front() else { break };
            let state = &self.conns[opening.index()];
            if state.state == ConnectionState::Connecting && state.queue == queue {
                self.unbind(now, opening);
            }
        }
        self.wake(self.queues[queue.index()].limiter);
    }

    /// Nothing that the oracle foresaw need be true any more.
    pub(super) fn policy_changed(&mut self) {
        let limiters = u32::try_from(self.limiters.len()).unwrap_or(u32::MAX);
        if self.strategy.oracle {
            (0..limiters).for_each(|limiter| self.wake(limiter));
        }
    }
}
