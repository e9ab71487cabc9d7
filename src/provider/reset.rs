//! Starting again without sending anybody away.

use super::engine::Provider;
use super::policy::{Policy, Window};
use super::reputation::Reputation;
use super::window::Counter;
use crate::time::Time;

impl Provider {
    /// All is as it was when `start` was copied, but for the time and for whoever is connected. The policy, changes
    /// undone; counters, holds, greylists and weather; the reputation of those whom `start` knew. Whoever was met since
    /// is a newcomer. Sessions go on with their numbers: they keep their places under limits on what is open, even
    /// where there are now fewer, and what they have used up within the session.
    pub fn reset_to(&mut self, start: &Self, now: Time) {
        self.policy.clone_from(&start.policy);
        self.rules.clone_from(&start.rules);
        self.steps.clone_from(&start.steps);
        let fresh = |known: Option<&Reputation>, daily_volume, policy: &Policy| {
            let newcomer = || Reputation::new(policy.reputation.start, daily_volume, policy);
            known.cloned().unwrap_or_else(newcomer).moved_to(now)
        };
        for (place, (client, reputation)) in self.clients.iter_mut().enumerate() {
            let known = start.clients.get(place).map(|(_, reputation)| reputation);
            *reputation = fresh(known, client.daily_volume, &self.policy);
        }
        for (place, reputation) in self.senders.iter_mut().enumerate() {
            *reputation = fresh(start.senders.get(place), 0, &self.policy);
        }
        self.recount_gauges();
    }

    /// The gauges count anew who is there.
    fn recount_gauges(&mut self) {
        for session in self.sessions.iter().filter(|session| session.is_open()) {
            for (index, (state, key)) in self.rules.iter_mut().zip(&session.slot_keys).enumerate() {
                if session.holds_slot(index) {
                    let blank = || Counter::new(&Window::Gauge);
                    let counter = state.counters.entry(*key, blank, |counter| counter.used() == 0);
                    counter.count(Time::ZERO, &Window::Gauge, u32::MAX, 1, 0);
                }
            }
        }
    }
}
