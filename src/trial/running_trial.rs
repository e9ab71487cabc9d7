//! A trial while it runs: what its script says is done the same way in every world.

use super::input::TrialInput;
use super::script::{ScriptStep, TrialScript};
use super::translate::sender_account;
use super::world::World;
use crate::record::{ClosingAccount, ConservationError, Trial};
use crate::rng::Seed;
use crate::sender::{Action, Event, Sender};
use crate::units::ProviderId;

/// A trial, the sender whose strategy is tried, and the world between it and the providers.
#[derive(Debug)]
pub struct RunningTrial<'a, W> {
    /// What comes when, and what was recorded.
    pub script: TrialScript<'a>,
    /// The sender; it is told everything by [`RunningTrial::tell_sender`].
    pub sender: Sender,
    /// What is between the sender and the providers.
    pub world: W,
}

impl<'a, W: World> RunningTrial<'a, W> {
    /// A trial from its start.
    pub fn new(input: TrialInput<'a>, world: W) -> Self {
        let sender = Sender::new(input.strategy, &input.sender_task(), Seed(input.seed));
        Self { script: TrialScript::new(input, sender.timers()), sender, world }
    }

    /// Plays a step of the script.
    #[inline]
    pub fn play(&mut self, step: ScriptStep) {
        match step {
            ScriptStep::Arrivals => {
                while let Some(injection) = self.script.next_injection() {
                    self.world.message_arrived(self.script.now());
                    self.tell_sender(Event::Injected(injection));
                }
                self.script.schedule_arrival();
            }
            ScriptStep::Sample => {
                self.sample();
                self.script.schedule_sample();
            }
            ScriptStep::PolicyChanges => {
                while let Some(change) = self.script.next_change() {
                    self.world.change_policy(self.script.now(), change);
                }
                self.tell_sender(Event::PolicyChanged);
                self.script.schedule_change();
            }
            ScriptStep::Complaints => {
                while let Some(complaint) = self.script.next_complaint() {
                    self.world.complain(self.script.now(), &complaint);
                }
                self.script.schedule_complaint();
            }
        }
    }

    /// Tells the sender what happened.
    #[inline]
    pub fn tell_sender(&mut self, event: Event<'_>) {
        self.tell_sender_of(|_| event);
    }

    /// Tells the sender what happened, in the world's words.
    #[inline]
    pub fn tell_sender_of<'w>(&'w mut self, event: impl FnOnce(&'w W) -> Event<'w>) {
        let Self { script, sender, world } = self;
        let (now, event) = (script.now(), event(world));
        world.show_event(now, &event);
        sender.handle(now, event);
    }

    /// Does what the sender wants until it wants nothing more.
    #[inline]
    pub fn run_actions(&mut self) {
        let Self { script, sender, world } = self;
        while let Some(action) = world.poll_sender(script, sender) {
            match action {
                Action::Connect { conn, source, site, delivery } => {
                    let now = script.now();
                    script.recorder().connection_tried(now, site);
                    world.connect(script, conn, source, site, delivery);
                }
                Action::Transact { conn, delivery } => world.transact(script, conn, delivery),
                Action::Quit(conn) => {
                    script.cancel_connection(conn);
                    world.quit(script.now(), conn);
                }
                Action::Idle { conn, until } => {
                    let until = world.idle(script.now(), conn, until);
                    if until <= script.end() {
                        script.schedule_connection(conn, until);
                    }
                }
                Action::WakeAt { timer, at } => script.schedule_timer(timer, at),
            }
        }
    }

    /// Ends the trial: a last sample, and the closing checks.
    ///
    /// # Errors
    ///
    /// If recipients are not conserved: by the sender's counters, by what is found in its queues, or by the record.
    pub fn finish(mut self) -> Result<Trial, ConservationError> {
        self.sample();
        self.sender.finish(self.script.now());
        let sites = self.script.input().sites();
        let accounts = sites.map(|site| self.close(site)).collect::<Result<_, _>>()?;
        let waited = self.sender.waited_for_connections(self.script.now());
        Ok(Trial { capped_us: waited.as_micros(), ..self.script.finish(accounts)? })
    }

    fn sample(&mut self) {
        for site in self.script.input().sites() {
            let provider = self.world.provider_sample(self.script.now(), site);
            self.script.sample(site, &self.sender.counts(site), provider);
        }
    }

    /// What the trial ends with at a site. Recipients are counted again, one by one.
    fn close(&self, site: ProviderId) -> Result<ClosingAccount, ConservationError> {
        let account = sender_account(self.sender.counts(site));
        let found = self.sender.recount(site);
        if found == account.queued {
            return Ok(self.world.closing_account(self.script.now(), site, account));
        }
        Err(ConservationError {
            site: self.script.input().scenario.providers[site.index()].name.clone(),
            injected: account.injected,
            accounted: found,
            detail: format!("{found} recipients in queues and connections, {} by the counters", account.queued),
        })
    }
}
