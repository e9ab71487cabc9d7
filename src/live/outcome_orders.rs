//! Outcomes that an administrator has ordered for messages that are still to come.

use std::collections::VecDeque;

use super::address_directives::ForcedOutcome;
use crate::units::ProviderId;

/// An outcome for one message.
#[derive(Clone, Debug)]
pub(super) struct OutcomeOrder {
    /// The provider that the message must come to; `None` is any.
    pub(super) site: Option<ProviderId>,
    /// What happens to the message, and at which stage.
    pub(super) outcome: ForcedOutcome,
}

/// Orders that wait for their messages, oldest first.
#[derive(Debug, Default)]
pub(super) struct OutcomeOrders(VecDeque<OutcomeOrder>);

/// Orders that may wait.
const ORDERS_MAX: usize = 10_000;

impl OutcomeOrders {
    /// Orders that wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Orders that may still be added.
    pub(super) fn room(&self) -> usize {
        ORDERS_MAX - self.0.len()
    }

    /// Adds the same order several times, as far as there is room.
    pub(super) fn add(&mut self, order: OutcomeOrder, times: usize) {
        self.0.extend(std::iter::repeat_n(order, times.min(self.room())));
    }

    /// Takes the oldest order that a message to this provider fulfils.
    pub(super) fn take_for(&mut self, site: ProviderId) -> Option<ForcedOutcome> {
        let index = self.0.iter().position(|order| order.site.is_none_or(|ordered| ordered == site))?;
        self.0.remove(index).map(|order| order.outcome)
    }

    /// Forgets all orders.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
