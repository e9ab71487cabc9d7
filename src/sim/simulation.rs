//! The simulation: it moves events between one sender and the providers, in virtual time.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::observer::{Observer, SharedObserver};
use super::transport::{Notice, SimTransport};
use crate::record::{ConservationError, Trial};
use crate::sender::Event;
use crate::trial::{Due, RunningTrial, ScriptStep, TrialInput};
use crate::units::{ConnId, RecipientId};

/// An invariant does not hold: a defect of mxlab.
#[derive(Debug, thiserror::Error)]
#[error("strategy {strategy}, seed {seed}{}: {why}", if unknowns == seed { String::new() } else { format!(" with the unknown limits of seed {unknowns}") })]
pub struct BrokenInvariant {
    /// The name of the strategy that was tried.
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
    Simulation::new(input, Some(observer)).run(stop)
}

struct Simulation<'a> {
    trial: RunningTrial<'a, SimTransport<'a>>,
}

impl<'a> Simulation<'a> {
    fn new(input: TrialInput<'a>, observer: Option<SharedObserver>) -> Self {
        Self { trial: RunningTrial::new(input, SimTransport::new(input, observer)) }
    }

    fn run(mut self, stop: &AtomicBool) -> Result<Option<Trial>, BrokenInvariant> {
        if !self.run_events(stop) {
            return Ok(None);
        }
        let TrialInput { strategy, seed, unknowns, .. } = *self.trial.script.input();
        let broken = |why| BrokenInvariant { strategy: strategy.name.clone(), seed, unknowns, why };
        self.trial.finish().map(Some).map_err(broken)
    }

    /// Goes through the events until everything is settled and every complaint has come, or the time is over. Whether
    /// it was not stopped before.
    fn run_events(&mut self, stop: &AtomicBool) -> bool {
        let mut until_look = LOOK_EVERY;
        while let Some(due) = self.trial.script.next_event() {
            self.run_event(due);
            if self.trial.script.is_over() {
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
                self.trial.play(step);
                self.record_step(step);
            }
            Due::Timer(timer) => {
                self.record_event(1, ScriptStep::COUNT + timer.0);
                self.trial.tell_sender(Event::Due(timer));
            }
            Due::Connection(conn) => {
                self.record_event(3, conn.0);
                self.progress(conn);
            }
        }
        self.trial.run_actions();
    }

    fn progress(&mut self, conn: ConnId) {
        let RunningTrial { script, world, .. } = &mut self.trial;
        match world.progress(script, conn) {
            Some(Notice::Connected) => self.trial.tell_sender(Event::Connected(conn)),
            Some(Notice::Closed) => self.trial.tell_sender(Event::Closed(conn)),
            Some(Notice::IdleExpired) => self.trial.tell_sender(Event::IdleExpired(conn)),
            Some(Notice::Replied { closed }) => {
                if let Some(at) = world.take_foreseen_retry(conn) {
                    self.trial.tell_sender(Event::RetryForeseen(conn, at));
                }
                self.trial.tell_sender_of(|world| Event::Replied(world.transaction_result(conn, closed)));
            }
            None => {}
        }
    }

    fn record_step(&mut self, step: ScriptStep) {
        match step {
            ScriptStep::Arrivals => {
                self.record_event(2, RecipientId::from_index(self.trial.script.injected()).0);
            }
            ScriptStep::Complaints => self.record_event(4, 0),
            ScriptStep::PolicyChanges => self.record_event(5, 0),
            ScriptStep::Sample => {}
        }
    }

    #[inline]
    fn record_event(&mut self, kind: u8, about: u32) {
        let now = self.trial.script.now();
        self.trial.script.recorder().event(now, kind, about);
    }
}

/// After so many events the simulation looks whether it was asked to stop.
const LOOK_EVERY: u32 = 4_096;
