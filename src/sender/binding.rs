//! A policy of the manager: when mail is bound to a connection, and what is known of the moment at which it will pass.
//!
//! Every MTA that hands a message to a delivery agent binds it when it is dispatched, before the connection is greeted:
//! what refuses the connection refuses the delivery. Only the oracle binds late, to a connection on which it foresees
//! that the mail will pass; and only the oracle may foresee when refused mail would be accepted.

use std::ops::ControlFlow;

use super::dispatcher::Dispatcher;
use super::event::{Action, Delivery, Foresight};
use super::oracle::Oracle;
use super::retry_law::RetryLaw;
use crate::time::Time;
use crate::units::{ConnId, LimiterId, QueueId};

/// When mail is bound to a connection.
#[derive(Debug)]
pub(super) enum Binding {
    /// When it is dispatched.
    AtDispatch,
    /// When a connection is ready on which it will pass.
    WithForesight(Oracle),
}

impl Binding {
    /// Gives a queue's next mail to a connection, or says what to do first.
    pub(super) fn serve(
        &mut self,
        now: Time,
        work: &mut Dispatcher,
        limiter: LimiterId,
        queue: QueueId,
        foresight: Option<&dyn Foresight>,
    ) -> Option<Action> {
        if let (Self::WithForesight(oracle), Some(foresight)) = (self, foresight) {
            return oracle.serve(now, work, queue, foresight);
        }
        let idle = work.pool.idle_of(queue).last().copied();
        if let Some(conn) = idle.filter(|_| work.spool.limiter(limiter).looks_for_idle(now)) {
            if work.is_spent(now, conn) {
                return Some(work.quit(conn));
            }
            let most = work.spool.queue(queue).axes.session.recipients_per_message;
            return if work.has_room(limiter, true) { work.reuse(now, conn, most) } else { None };
        }
        match work.may_open(now, limiter) {
            ControlFlow::Continue(()) => work.open(now, queue),
            ControlFlow::Break(first) => first,
        }
    }

    /// A connection is greeted: the mail that it was opened for goes.
    pub(super) fn connected(&mut self, now: Time, work: &mut Dispatcher, conn: ConnId) {
        let delivery = work.pool.greeted(conn);
        match self {
            Self::AtDispatch => work.spool.push_action(Action::Transact { conn, delivery }),
            Self::WithForesight(oracle) => oracle.connected(now, work, conn),
        }
    }

    /// A connection has done its transaction and may take another.
    pub(super) fn rest(&mut self, now: Time, work: &mut Dispatcher, conn: ConnId) {
        match self {
            Self::AtDispatch => work.rest(now, conn),
            Self::WithForesight(oracle) => oracle.rest(now, work, conn),
        }
    }

    /// What the reply on a connection will defer would be accepted at this moment.
    pub(super) fn retry_foreseen(&mut self, conn: ConnId, at: Time) {
        if let Self::WithForesight(oracle) = self {
            oracle.retry_foreseen(conn, at);
        }
    }

    /// When that is tried again which the reply on a connection defers.
    pub(super) fn retry_law(&mut self, conn: ConnId) -> RetryLaw {
        match self {
            Self::AtDispatch => RetryLaw::Axis,
            Self::WithForesight(oracle) => oracle.retry_law(conn),
        }
    }

    /// The retry of a delivery is due.
    pub(super) fn due(&mut self, now: Time, work: &mut Dispatcher, queue: QueueId, delivery: &Delivery) {
        match self {
            Self::AtDispatch => work.spool.make_ready(now, queue, delivery),
            // Where a greylist made it come back, what it let wait will now pass, and new mail will not.
            Self::WithForesight(_) => work.spool.push_front(queue, *delivery),
        }
    }

    /// The site of a queue has got back a connection or the slot of a transaction.
    pub(super) fn given_back(&mut self, work: &mut Dispatcher, queue: QueueId) {
        if let Self::WithForesight(oracle) = self {
            oracle.given_back(work, queue);
        }
    }

    /// A provider's rules have changed: nothing that the oracle foresaw need be true any more.
    pub(super) fn policy_changed(&mut self, work: &mut Dispatcher) {
        if let Self::WithForesight(_) = self {
            work.spool.wake_queue.wake_all();
        }
    }
}
