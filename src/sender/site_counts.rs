//! Recipients of a site, by what became of them. Every move of mail is one method here, so that none is lost between
//! two counters.

use super::event::Delivery;
use crate::time::Time;

/// Recipients of one site, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteCounts {
    /// Handed to the sender.
    pub injected: u64,
    /// Accepted by the site.
    pub delivered: u64,
    /// Given up because of a reply.
    pub bounced: u64,
    /// Given up because of their age.
    pub expired: u64,
    /// Ready, and held back by the sender itself.
    pub ready: u64,
    /// Waiting for their retry.
    pub delayed: u64,
    /// Bound to a connection, until its last reply.
    pub in_flight: u64,
    /// Recipient-microseconds in which mail was ready and held back.
    pub held_back_us: u64,
    /// How often recipients were put off without being tried, because their site was dead.
    pub put_off: u64,
    /// The window of concurrency, sampled after every delivery.
    pub window: WindowSamples,
}

/// A window that was looked at now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowSamples {
    /// How often it was looked at.
    pub times: u64,
    /// The sum of what was seen.
    pub sum: u64,
}

impl WindowSamples {
    /// A window without an end is none, and not looked at.
    pub(super) fn add(&mut self, window: u32) {
        if window == u32::MAX {
            return;
        }
        self.times += 1;
        self.sum = self.sum.saturating_add(u64::from(window));
    }
}

impl SiteCounts {
    /// Recipients that are neither delivered nor given up.
    pub const fn queued(&self) -> u64 {
        self.ready + self.delayed + self.in_flight
    }

    pub(super) fn inject(&mut self, delivery: &Delivery) {
        self.injected += u64::from(delivery.count);
        self.ready += u64::from(delivery.count);
    }

    /// Mail has been ready until now.
    pub(super) fn hold_back(&mut self, now: Time, delivery: &Delivery) {
        self.held_back_us += now.since(delivery.ready_at).as_micros() * u64::from(delivery.count);
    }

    /// Ready mail goes.
    pub(super) fn begin(&mut self, now: Time, delivery: &Delivery) {
        self.ready -= u64::from(delivery.count);
        self.in_flight += u64::from(delivery.count);
        self.hold_back(now, delivery);
    }

    /// Mail that was to go is ready again.
    pub(super) fn put_back(&mut self, delivery: &Delivery) {
        self.in_flight -= u64::from(delivery.count);
        self.ready += u64::from(delivery.count);
    }

    pub(super) fn deliver(&mut self, delivery: &Delivery) {
        self.in_flight -= u64::from(delivery.count);
        self.delivered += u64::from(delivery.count);
    }

    pub(super) fn bounce(&mut self, delivery: &Delivery) {
        self.in_flight -= u64::from(delivery.count);
        self.bounced += u64::from(delivery.count);
    }

    /// Mail that was tried waits for its retry.
    pub(super) fn defer(&mut self, delivery: &Delivery) {
        self.in_flight -= u64::from(delivery.count);
        self.delayed += u64::from(delivery.count);
    }

    /// Ready mail of a dead site waits for its retry without being tried.
    pub(super) fn put_off(&mut self, now: Time, delivery: &Delivery) {
        self.ready -= u64::from(delivery.count);
        self.delayed += u64::from(delivery.count);
        self.put_off += u64::from(delivery.count);
        self.hold_back(now, delivery);
    }

    /// The retry of delayed mail is due.
    pub(super) fn retry_due(&mut self, delivery: &Delivery) {
        self.delayed -= u64::from(delivery.count);
        self.ready += u64::from(delivery.count);
    }

    /// Delayed mail is too old to be tried again.
    pub(super) fn expire_delayed(&mut self, delivery: &Delivery) {
        self.delayed -= u64::from(delivery.count);
        self.expired += u64::from(delivery.count);
    }

    /// Ready mail has become too old.
    pub(super) fn expire_ready(&mut self, now: Time, delivery: &Delivery) {
        self.ready -= u64::from(delivery.count);
        self.expired += u64::from(delivery.count);
        self.hold_back(now, delivery);
    }
}
