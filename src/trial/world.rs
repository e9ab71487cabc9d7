//! What a script needs of the world in which it is played, and the way through it, which is the same in every world.

use super::complaints::Complaint;
use super::script::{ScriptStep, TrialScript};
use super::translate::sender_account;
use crate::record::{ClosingAccount, ConservationError, ProviderSample, SenderAccount, Trial};
use crate::scenario::Change;
use crate::sender::{Action, Delivery, Event, Sender};
use crate::time::Time;
use crate::units::{ConnId, ProviderId, SourceId};

/// A world: it owns the time, the sender and the way to the providers.
pub trait World<'a> {
    /// The script.
    fn script(&mut self) -> &mut TrialScript<'a>;
    /// The script, at the end.
    fn into_script(self) -> TrialScript<'a>;

    /// The sender, to be looked at.
    fn sender(&self) -> &Sender;
    /// The sender is told what happened.
    fn tell_sender(&mut self, event: Event<'_>);
    /// What the sender wants next. What it has reported before is recorded.
    fn poll_sender(&mut self) -> Option<Action>;
    /// The sender adds up what it has not settled.
    fn finish_sender(&mut self);

    /// Opens a connection for a delivery.
    fn connect(&mut self, conn: ConnId, source: SourceId, site: ProviderId, delivery: Delivery);
    /// Sends a delivery on an open connection.
    fn transact(&mut self, conn: ConnId, delivery: Delivery);
    /// Closes a connection.
    fn quit(&mut self, conn: ConnId);
    /// Lets a connection be idle until then at most.
    fn idle(&mut self, conn: ConnId, until: Time);

    /// A provider changes its policy.
    fn change_policy(&mut self, change: &Change);
    /// A recipient complains to its provider.
    fn complain(&mut self, complaint: &Complaint);
    /// The state of a provider, as far as it can be seen.
    fn provider_sample(&self, site: ProviderId) -> ProviderSample;
    /// What the trial ends with at a provider, as far as it can be seen.
    fn closing_account(&self, site: ProviderId, sender: SenderAccount) -> ClosingAccount;
}

/// Plays a step of the script.
#[inline]
pub fn play<'a>(world: &mut impl World<'a>, step: ScriptStep) {
    match step {
        ScriptStep::Arrivals => {
            while let Some(injection) = world.script().next_injection() {
                world.tell_sender(Event::Injected(injection));
            }
            world.script().schedule_arrival();
        }
        ScriptStep::Sample => {
            sample(world);
            world.script().schedule_sample();
        }
        ScriptStep::PolicyChanges => {
            while let Some(change) = world.script().next_change() {
                world.change_policy(change);
            }
            world.tell_sender(Event::PolicyChanged);
            world.script().schedule_change();
        }
        ScriptStep::Complaints => {
            while let Some(complaint) = world.script().next_complaint() {
                world.complain(&complaint);
            }
            world.script().schedule_complaint();
        }
    }
}

/// Does what the sender wants until it wants nothing more.
#[inline]
pub fn run_actions<'a>(world: &mut impl World<'a>) {
    while let Some(action) = world.poll_sender() {
        match action {
            Action::Connect { conn, source, site, delivery } => world.connect(conn, source, site, delivery),
            Action::Transact { conn, delivery } => world.transact(conn, delivery),
            Action::Quit(conn) => world.quit(conn),
            Action::Idle { conn, until } if until <= world.script().end() => world.idle(conn, until),
            Action::Idle { .. } => {}
            Action::WakeAt { timer, at } => world.script().schedule_timer(timer, at),
        }
    }
}

/// Ends a trial: a last sample, and the closing checks.
///
/// # Errors
///
/// If recipients are not conserved: by the sender's counters, by what is found in its queues, or by the record.
pub fn finish<'a>(mut world: impl World<'a>) -> Result<Trial, ConservationError> {
    sample(&mut world);
    world.finish_sender();
    let sites = world.script().input().sites();
    let accounts = sites.map(|site| close(&mut world, site)).collect::<Result<_, _>>()?;
    world.into_script().finish(accounts)
}

fn sample<'a>(world: &mut impl World<'a>) {
    for site in world.script().input().sites() {
        let (counts, provider) = (world.sender().counts(site), world.provider_sample(site));
        world.script().sample(site, &counts, provider);
    }
}

/// What the trial ends with at a site. Recipients are counted again, one by one.
fn close<'a>(world: &mut impl World<'a>, site: ProviderId) -> Result<ClosingAccount, ConservationError> {
    let sender = sender_account(world.sender().counts(site));
    let found = world.sender().recount(site);
    if found == sender.queued {
        return Ok(world.closing_account(site, sender));
    }
    Err(ConservationError {
        site: world.script().input().scenario.providers[site.index()].name.clone(),
        injected: sender.injected,
        accounted: found,
        detail: format!("{found} recipients in queues and connections, {} by the counters", sender.queued),
    })
}
