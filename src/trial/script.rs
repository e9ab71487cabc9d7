//! Where a trial stands in its script: what has come of arrivals, policy changes and complaints, what is scheduled, and
//! what was recorded.

use super::complaints::{Complaint, Complaints, FinishedDelivery};
use super::event_queue::{DueEvent, EventQueue};
use super::input::TrialInput;
use super::translate::{attempt, provider_facts};
use crate::record::{
    Attempt, AttemptOutcome, ClosingAccount, ConservationError, ProviderSample, Recorder, Sample, Trial,
};
use crate::rng::Seed;
use crate::scenario::Change;
use crate::sender::{AttemptResult, Delivery, Injection, Outcome, RecipientResult, SiteCounts, Timer};
use crate::time::Time;
use crate::units::{ConnId, ProviderId, RecipientId, SourceId};

/// A trial's script and the moment to which it has come. The world owns it, and moves the time.
#[derive(Debug)]
pub struct TrialScript<'a> {
    input: TrialInput<'a>,
    /// The time of the trial; it never goes back.
    now: Time,
    end: Time,
    queue: EventQueue,
    /// The event queue's slot of connection 0.
    first_connection: u32,
    recorder: Recorder,
    /// The next recipient to be injected.
    next_recipient: usize,
    /// The next policy change of the scenario's timeline.
    next_change: usize,
    complaints: Complaints,
    /// Recipients that are not settled for good.
    unsettled: u64,
    /// When the last recipient was settled.
    settled_at: Option<Time>,
}

/// What is due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A step of the script.
    Step(ScriptStep),
    /// A timer of the sender.
    Timer(Timer),
    /// Whatever the world has scheduled for a connection.
    Connection(ConnId),
}

/// A step of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptStep {
    /// Mail arrives at the sender.
    Arrivals,
    /// A bucket of the time series ends.
    Sample,
    /// Providers change their policies.
    PolicyChanges,
    /// Recipients complain to their providers.
    Complaints,
}

impl ScriptStep {
    /// How many steps there are.
    pub const COUNT: u32 = Self::Complaints as u32 + 1;
}

/// Slots of the event queue: the script's steps, then the sender's timers, then the connections.
const FIRST_TIMER: u32 = ScriptStep::COUNT;

impl<'a> TrialScript<'a> {
    /// The script of a trial from its start, for a sender with so many timers.
    pub fn new(input: TrialInput<'a>, timers: u32) -> Self {
        let TrialInput { scenario, mail, seed, .. } = input;
        let mut recorder = Recorder::new(scenario.providers.iter().map(provider_facts), scenario.duration);
        for (site, count) in (0..).map(ProviderId).zip(input.deliverable()) {
            recorder.expect(site, count);
        }
        let mut script = Self {
            input,
            now: Time::ZERO,
            end: Time::ZERO + scenario.duration,
            queue: EventQueue::default(),
            first_connection: FIRST_TIMER + timers,
            recorder,
            next_recipient: 0,
            next_change: 0,
            complaints: Complaints::new(Seed(seed)),
            unsettled: mail.len() as u64,
            settled_at: None,
        };
        script.schedule_arrival();
        script.schedule_change();
        script.schedule_sample();
        script
    }

    /// What the trial runs.
    pub const fn input(&self) -> &TrialInput<'a> {
        &self.input
    }

    /// The time of the trial.
    #[inline]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// The time goes on.
    pub fn advance_to(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// When the trial ends at the latest.
    pub const fn end(&self) -> Time {
        self.end
    }

    /// What a world writes into.
    pub const fn recorder(&mut self) -> &mut Recorder {
        &mut self.recorder
    }

    /// Recipients that were injected so far.
    pub const fn injected(&self) -> usize {
        self.next_recipient
    }

    /// Schedules a timer of the sender; replaces what was scheduled for it before.
    #[inline]
    pub fn schedule_timer(&mut self, Timer(timer): Timer, at: Time) {
        self.queue.schedule(FIRST_TIMER + timer, at.max(self.now));
    }

    /// Schedules the event of a connection; replaces what was scheduled for it before.
    #[inline]
    pub fn schedule_connection(&mut self, conn: ConnId, at: Time) {
        self.queue.schedule(self.first_connection + conn.0, at);
    }

    /// Takes back the event of a connection, if one is scheduled.
    pub fn cancel_connection(&mut self, conn: ConnId) {
        self.queue.cancel(self.first_connection + conn.0);
    }

    /// What comes next: the time goes on to its moment. `None` if nothing comes any more, and the time goes on to the
    /// end.
    #[inline]
    pub fn next_event(&mut self) -> Option<Due> {
        let next = self.queue.pop().filter(|next| next.at <= self.end);
        self.now = next.map_or(self.end, |next| next.at);
        next.map(|next| self.due(next.slot))
    }

    /// What comes next, if it comes by `until`: the time goes on to its moment, however late it is by the clock.
    pub fn next_due(&mut self, until: Time) -> Option<Due> {
        let DueEvent { at, slot } = self.queue.pop_due(until)?;
        self.advance_to(at);
        Some(self.due(slot))
    }

    /// When something comes next.
    pub fn next_at(&mut self) -> Option<Time> {
        self.queue.next_at()
    }

    #[inline]
    const fn due(&self, slot: u32) -> Due {
        match slot {
            0 => Due::Step(ScriptStep::Arrivals),
            1 => Due::Step(ScriptStep::Sample),
            2 => Due::Step(ScriptStep::PolicyChanges),
            3 => Due::Step(ScriptStep::Complaints),
            timer if timer < self.first_connection => Due::Timer(Timer(timer - FIRST_TIMER)),
            conn => Due::Connection(ConnId(conn - self.first_connection)),
        }
    }

    fn schedule(&mut self, step: ScriptStep, at: Time) {
        self.queue.schedule(step as u32, at);
    }

    /// The next mail that is to go out by `now`.
    #[inline]
    pub(super) fn next_injection(&mut self) -> Option<Injection> {
        let injection = self.input.injection(self.next_recipient, self.now)?;
        self.next_recipient += usize::from(injection.delivery.count);
        Some(injection)
    }

    pub(super) fn schedule_arrival(&mut self) {
        if let Some(at) = self.input.mail.intended.get(self.next_recipient) {
            self.schedule(ScriptStep::Arrivals, at);
        }
    }

    /// The next policy change that is to come by `now`.
    pub(super) fn next_change(&mut self) -> Option<&'a Change> {
        let change = self.input.scenario.timeline.get(self.next_change).filter(|change| change.at <= self.now)?;
        self.next_change += 1;
        Some(change)
    }

    pub(super) fn schedule_change(&mut self) {
        if let Some(next) = self.input.scenario.timeline.get(self.next_change) {
            self.schedule(ScriptStep::PolicyChanges, next.at);
        }
    }

    /// A delivery from `source` to `site` is over: some of those who got it will complain, if it `reaches_inbox`.
    #[inline]
    pub fn expect_complaints(
        &mut self,
        site: ProviderId,
        source: SourceId,
        delivery: &Delivery,
        results: &[RecipientResult],
        reaches_inbox: impl Fn(RecipientId) -> bool,
    ) {
        // Most messages bring none, and every key that is replaced stays in the event queue until its time comes.
        let over = FinishedDelivery { site, source, delivery, results };
        let (some, junked) = self.complaints.expect(self.now, &self.input, over, reaches_inbox);
        if some {
            self.schedule_complaint();
        }
        if junked > 0 {
            self.recorder.junked(site, junked);
        }
    }

    /// The next complaint that is to come by `now`; it is recorded.
    pub(super) fn next_complaint(&mut self) -> Option<Complaint> {
        let complaint = self.complaints.due(self.now)?;
        self.recorder.complaint(complaint.site);
        Some(complaint)
    }

    pub(super) fn schedule_complaint(&mut self) {
        if let Some(at) = self.complaints.next_at() {
            self.schedule(ScriptStep::Complaints, at.max(self.now));
        }
    }

    /// Records how things stand at a site.
    pub(super) fn sample(&mut self, site: ProviderId, counts: &SiteCounts, provider: ProviderSample) {
        let sample = Sample { held_back: counts.ready, waiting: counts.delayed, provider };
        self.recorder.sample(self.now, site, &sample);
    }

    pub(super) fn schedule_sample(&mut self) {
        let next = self.now + self.recorder.bucket();
        if next <= self.end {
            self.schedule(ScriptStep::Sample, next);
        }
    }

    /// Records what the sender reports.
    #[expect(clippy::inline_always, reason = "asked for every attempt, in one place of each world")]
    #[inline(always)]
    pub fn attempt_over(&mut self, result: &AttemptResult) {
        let mail = self.input.mail;
        self.recorder.attempt_over(self.now, &attempt(result), || mail.intended.at(result.delivery.first.index()));
        if result.expired || matches!(result.outcome, Outcome::Delivered | Outcome::Bounced) {
            self.unsettled -= u64::from(result.delivery.count);
        }
    }

    /// Records what the sender reports of an attempt in the midst of which mxlab's own side failed: the provider has
    /// no part in it, but mail may have become too old.
    pub fn attempt_spoiled(&mut self, result: &AttemptResult) {
        let spoiled = Attempt { outcome: AttemptOutcome::OwnFailure, ..attempt(result) };
        self.recorder.attempt_over(self.now, &spoiled, || self.now);
        if result.expired {
            self.unsettled -= u64::from(result.delivery.count);
        }
    }

    /// Whether everything is settled and no complaint will come any more.
    #[inline]
    pub fn is_over(&mut self) -> bool {
        if self.unsettled > 0 {
            return false;
        }
        self.settled_at.get_or_insert(self.now);
        self.complaints.next_at().is_none()
    }

    /// What was recorded of the trial, closed with the accounts of sender and providers.
    ///
    /// # Errors
    ///
    /// If recipients are not conserved.
    pub(super) fn finish(self, accounts: Vec<ClosingAccount>) -> Result<Trial, ConservationError> {
        let TrialInput { strategy, seed, unknowns, .. } = self.input;
        self.recorder.finish(&strategy.name, seed, unknowns, self.settled_at, accounts)
    }
}
