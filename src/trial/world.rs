//! What a trial needs of the world in which it runs.

use super::complaints::Complaint;
use super::script::TrialScript;
use crate::record::{ClosingAccount, ProviderSample, SenderAccount};
use crate::scenario::Change;
use crate::sender::{Action, Delivery, Event, Sender};
use crate::time::Time;
use crate::units::{ConnId, ProviderId, SourceId};

/// A world: it carries what sender and providers say to each other, and knows of the providers what can be seen.
pub trait World {
    /// A message arrives at the sending host.
    fn message_arrived(&mut self, _now: Time) {}
    /// The sender is about to be told this.
    fn show_event(&self, _now: Time, _event: &Event<'_>) {}
    /// What the sender wants next. What it has reported before is recorded.
    fn poll_sender(&mut self, script: &mut TrialScript<'_>, sender: &mut Sender) -> Option<Action>;

    /// Opens a connection for a delivery.
    fn connect(
        &mut self,
        script: &mut TrialScript<'_>,
        conn: ConnId,
        source: SourceId,
        site: ProviderId,
        delivery: Delivery,
    );
    /// Sends a delivery on an open connection.
    fn transact(&mut self, script: &mut TrialScript<'_>, conn: ConnId, delivery: Delivery);
    /// Closes a connection.
    fn quit(&mut self, now: Time, conn: ConnId);
    /// A connection is idle, and the sender keeps it until `until`. When it is due: earlier, where the provider closes
    /// it before.
    fn idle(&mut self, _now: Time, _conn: ConnId, until: Time) -> Time {
        until
    }

    /// A provider changes its policy.
    fn change_policy(&mut self, now: Time, change: &Change);
    /// A recipient complains to its provider.
    fn complain(&mut self, now: Time, complaint: &Complaint);
    /// The state of a provider, as far as it can be seen.
    fn provider_sample(&self, now: Time, site: ProviderId) -> ProviderSample;
    /// What the trial ends with at a provider, as far as it can be seen.
    fn closing_account(&self, now: Time, site: ProviderId, sender: SenderAccount) -> ClosingAccount;
}
