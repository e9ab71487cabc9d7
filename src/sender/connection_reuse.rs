//! A policy of the manager: whether the connection of a delivery is kept for another.

use crate::time::{Span, Time};

/// Whether connections are kept and used again.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConnectionReuse {
    /// Always, as long as the session axis allows it.
    Always,
    /// While a site is busy; see [`super::strategy::SessionSettings::on_demand`].
    OnDemand(Demand),
}

/// How busy a site is, as Postfix sees it (`qmgr_entry.c`), which counts in whole seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    /// Whether the connection of a delivery that begins now is kept after it.
    keeps: bool,
    /// Whether a kept connection is looked for; stays on once it was.
    looks: bool,
    /// When a delivery ended last.
    last: Option<Time>,
}

impl ConnectionReuse {
    pub(super) fn new(on_demand: bool) -> Self {
        if on_demand { Self::OnDemand(Demand::default()) } else { Self::Always }
    }

    /// A delivery begins, `busy` of them with it. Whether its connection is kept.
    pub(super) fn begins(&mut self, now: Time, busy: u32) -> bool {
        match self {
            Self::Always => true,
            Self::OnDemand(demand) => demand.begins(now, busy),
        }
    }

    /// A delivery has ended.
    pub(super) fn ended(&mut self, now: Time) {
        if let Self::OnDemand(demand) = self {
            demand.last = Some(now);
        }
    }

    /// Whether a delivery that begins now looks for a connection that was kept.
    pub(super) fn looks_for_idle(&self, now: Time) -> bool {
        match self {
            Self::Always => true,
            Self::OnDemand(demand) => demand.looks || demand.follows(now),
        }
    }

    /// What was learnt is forgotten.
    pub(super) fn reset(&mut self) {
        if let Self::OnDemand(demand) = self {
            *demand = Demand::default();
        }
    }
}

impl Demand {
    fn begins(&mut self, now: Time, busy: u32) -> bool {
        let follows = self.follows(now);
        self.looks |= follows;
        self.keeps = if self.keeps { busy > 1 || follows } else { follows };
        self.keeps
    }

    /// Whether a delivery that begins now follows upon another.
    fn follows(&self, now: Time) -> bool {
        let seconds = |at: Time| at.since(Time::ZERO).as_micros() / Span::from_secs(1).as_micros();
        self.last.is_some_and(|last| seconds(last) + 1 >= seconds(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_kept_while_deliveries_follow_upon_each_other() {
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut demand = Demand::default();
        assert!(!demand.begins(at(0), 5), "no delivery has ended yet");
        demand.last = Some(at(1));
        assert!(demand.begins(at(2), 1));
        assert!(demand.begins(at(9), 2), "not alone");
        assert!(!demand.begins(at(9), 1), "alone, and late");
        assert!(demand.looks, "what is kept is still looked for");
    }
}
