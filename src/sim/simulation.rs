//! The simulation: it moves events between one sender and the providers, in virtual time.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::host::client_of;
use super::observer::{Observed, Observer, ObserverHandle};
use super::transport::{Notice, SimTransport};
use crate::record::{ClosingAccount, ConservationError, ProviderSample, SenderAccount, Trial};
use crate::rng::Seed;
use crate::scenario::Change;
use crate::sender::{Action, Delivery, Event, Sender};
use crate::time::Time;
use crate::trial::{
    Complaint, Due, ScriptStep, TrialInput, TrialScript, World, closing_account, finish, play, provider_sample,
    run_actions,
};
use crate::units::{ConnId, ProviderId, RecipientId, SourceId};

/// An invariant does not hold: a defect of mxlab.
#[derive(Debug, thiserror::Error)]
#[error("strategy {strategy}, seed {seed}{}: {why}", if unknowns == seed { String::new() } else { format!(" with the unknown limits of seed {unknowns}") })]
pub struct BrokenInvariant {
    /// The strategy.
    pub strategy: String,
    /// The seed of chance.
    pub seed: u64,
    /// The seed of the unknown limits.
    pub unknowns: u64,
    /// What does not hold.
    pub why: ConservationError,
}

/// Runs a trial to its end. `None` if `stop` was set before that.
///
/// # Errors
///
/// If an invariant does not hold.
pub fn trial(input: TrialInput<'_>, stop: &AtomicBool) -> Result<Option<Trial>, BrokenInvariant> {
    Simulation::new(input, None).run(stop)
}

/// The same, and the observer sees it. What comes out is the same with an observer as without.
///
/// # Errors
///
/// If an invariant does not hold.
pub fn observed_trial(
    input: TrialInput<'_>,
    stop: &AtomicBool,
    observer: Rc<RefCell<dyn Observer>>,
) -> Result<Option<Trial>, BrokenInvariant> {
    Simulation::new(input, Some(ObserverHandle::new(observer))).run(stop)
}

struct Simulation<'a> {
    script: TrialScript<'a>,
    sender: Observed<Sender>,
    transport: SimTransport<'a>,
    observer: Option<Rc<ObserverHandle>>,
    oracle: bool,
}

impl<'a> Simulation<'a> {
    fn new(input: TrialInput<'a>, observer: Option<Rc<ObserverHandle>>) -> Self {
        let sender = Sender::new(input.strategy, &input.sender_task(), Seed(input.seed));
        let providers = input.sites().zip(&input.scenario.providers);
        let providers = providers.map(|(site, policy)| Observed::new(input.provider(policy), site, observer.clone()));
        Self {
            script: TrialScript::new(input, sender.timers()),
            transport: SimTransport::new(input, providers),
            sender: Observed::new(sender, ProviderId(0), observer.clone()),
            observer,
            oracle: input.strategy.oracle,
        }
    }

    fn run(mut self, stop: &AtomicBool) -> Result<Option<Trial>, BrokenInvariant> {
        if !self.run_events(stop) {
            return Ok(None);
        }
        let TrialInput { strategy, seed, unknowns, .. } = *self.script.input();
        finish(self).map(Some).map_err(|why| BrokenInvariant { strategy: strategy.name.clone(), seed, unknowns, why })
    }

    /// Goes through the events until everything is settled and every complaint has come, or the time is over. Whether
    /// it was not stopped before.
    fn run_events(&mut self, stop: &AtomicBool) -> bool {
        let mut until_look = LOOK_EVERY;
        while let Some(due) = self.script.next_event() {
            if let Some(observer) = &self.observer {
                observer.now.set(self.script.now());
            }
            self.run_event(due);
            if self.script.is_over() {
                return true;
            }
            until_look -= 1;
            if until_look == 0 {
                until_look = LOOK_EVERY;
                if stop.load(Ordering::Relaxed) {
                    return false;
                }
            }
        }
        true
    }

    fn run_event(&mut self, due: Due) {
        match due {
            Due::Step(step) => {
                play(self, step);
                self.record_step(step);
            }
            Due::Timer(timer) => {
                self.record_event(1, ScriptStep::COUNT + timer.0);
                self.tell_sender(Event::Due(timer));
            }
            Due::Connection(conn) => {
                self.record_event(3, conn.0);
                self.progress(conn);
            }
        }
        run_actions(self);
    }

    fn progress(&mut self, conn: ConnId) {
        let now = self.script.now();
        match self.transport.progress(&mut self.script, conn) {
            Some(Notice::Connected) => self.sender.handle(now, Event::Connected(conn)),
            Some(Notice::IdleExpired) => self.sender.handle(now, Event::IdleExpired(conn)),
            Some(Notice::Replied { closed }) => {
                if let Some(at) = self.transport.take_foreseen_retry(conn) {
                    self.sender.handle(now, Event::RetryForeseen(conn, at));
                }
                self.sender.handle(now, Event::Replied(self.transport.transaction_result(conn, closed)));
            }
            None => {}
        }
    }

    fn record_step(&mut self, step: ScriptStep) {
        match step {
            ScriptStep::Arrivals => {
                self.record_event(2, RecipientId::from_index(self.script.injected()).0);
            }
            ScriptStep::Complaints => self.record_event(4, 0),
            ScriptStep::PolicyChanges => self.record_event(5, 0),
            ScriptStep::Sample => {}
        }
    }

    #[inline]
    fn record_event(&mut self, kind: u8, about: u32) {
        let now = self.script.now();
        self.script.recorder().event(now, kind, about);
    }
}

impl<'a> World<'a> for Simulation<'a> {
    #[inline]
    fn script(&mut self) -> &mut TrialScript<'a> {
        &mut self.script
    }

    fn into_script(self) -> TrialScript<'a> {
        self.script
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    #[inline]
    fn tell_sender(&mut self, event: Event<'_>) {
        let now = self.script.now();
        if let Event::Injected(_) = event {
            self.transport.host_arrival(now);
        }
        self.sender.handle(now, event);
    }

    /// The oracle looks around before it says what it wants.
    #[inline]
    fn poll_sender(&mut self) -> Option<Action> {
        self.transport.greet_waiting(&mut self.script);
        let now = self.script.now();
        let action = if self.oracle {
            self.sender.poll(now, Some(&self.transport.foresight()))
        } else {
            self.sender.poll(now, None)
        };
        let Self { sender, script, .. } = self;
        sender.drain_results(now, |result| script.attempt_over(result));
        action
    }

    fn finish_sender(&mut self) {
        self.sender.finish(self.script.now());
    }

    fn connect(&mut self, conn: ConnId, source: SourceId, site: ProviderId, delivery: Delivery) {
        self.transport.connect(&mut self.script, conn, source, site, delivery);
    }

    fn transact(&mut self, conn: ConnId, delivery: Delivery) {
        self.transport.transact(&mut self.script, conn, delivery);
    }

    fn quit(&mut self, conn: ConnId) {
        self.transport.quit(&mut self.script, conn);
    }

    fn idle(&mut self, conn: ConnId, until: Time) {
        self.transport.idle(&mut self.script, conn, until);
    }

    fn change_policy(&mut self, change: &Change) {
        self.transport.provider_mut(change.provider).apply(&change.policy_change);
    }

    fn complain(&mut self, complaint: &Complaint) {
        let now = self.script.now();
        let provider = self.transport.provider_mut(complaint.site);
        provider.complain(now, client_of(complaint.source), complaint.sender);
    }

    fn provider_sample(&self, site: ProviderId) -> ProviderSample {
        let sources = (0..).map(SourceId).take(self.script.input().scenario.sources.len());
        provider_sample(self.transport.provider(site), self.script.now(), sources.map(client_of))
    }

    fn closing_account(&self, site: ProviderId, sender: SenderAccount) -> ClosingAccount {
        closing_account(sender, self.transport.provider(site), self.script.now())
    }
}

/// After so many events the simulation looks whether it was asked to stop.
const LOOK_EVERY: u32 = 4_096;
