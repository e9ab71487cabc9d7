//! A connection as the simulated network sees it: where it leads, what will happen on it next, and what its recipients
//! have heard.

use crate::provider::{Refusal, RuleAction};
use crate::record::ConnectionFailure;
use crate::sender::{Delivery, RecipientResult};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{HostId, ProviderId, RecipientId, SessionId, SourceId};

/// A connection between the sender and a provider.
pub(super) struct SimConnection {
    pub(super) site: ProviderId,
    pub(super) source: SourceId,
    /// The MX host to which it leads.
    pub(super) host: HostId,
    /// The provider's session, while one is open.
    pub(super) session: Option<SessionId>,
    /// Its round-trip time.
    pub(super) rtt: Span,
    /// Whether it meets a bad host.
    pub(super) bad_host: bool,
    /// When the client began to open it.
    pub(super) opened_at: Time,
    pub(super) delivery: Delivery,
    /// When what was refused would be accepted, where the oracle wants to know.
    pub(super) foreseen_retry: Option<Time>,
    /// Whether it has carried a message.
    used: bool,
    pending: PendingEvent,
    /// What every recipient of the transaction has heard so far, in their order; or one result for all of them.
    results: Vec<RecipientResult>,
}

/// What a connection's event will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PendingEvent {
    /// None: the connection is closed, or idle without a timer.
    None,
    /// The sending host gets to it: the connection is opened (or tried again), or if it is open already, the message
    /// sent.
    Starting,
    /// The EHLO reply arrives.
    Opening,
    /// The client gives up waiting for a greeting.
    Backlog,
    /// The client learns that there will be no connection.
    Failing,
    /// The last reply of a transaction arrives; the connection may be closed by it.
    Replied { closes: bool },
    /// The message has been sent, and the server judges it.
    Sent,
    /// The connection is lost, or the client gives it up because no reply comes.
    Lost { stage: Stage, failure: ConnectionFailure },
    /// The sender does not want to wait any longer.
    Idle,
    /// The provider does not.
    IdleClosed,
}

impl SimConnection {
    /// A connection that was never opened.
    pub(super) const fn closed() -> Self {
        Self {
            site: ProviderId(0),
            source: SourceId(0),
            host: HostId(0),
            session: None,
            rtt: Span::ZERO,
            bad_host: false,
            opened_at: Time::ZERO,
            delivery: Delivery { ready_at: Time::ZERO, first: RecipientId(0), count: 0, failures: 0, priority: false },
            foreseen_retry: None,
            used: false,
            pending: PendingEvent::None,
            results: Vec::new(),
        }
    }

    /// It is to be opened for a delivery.
    pub(super) fn begin(&mut self, source: SourceId, site: ProviderId, delivery: Delivery, at: Time) {
        (self.source, self.site, self.delivery, self.opened_at) = (source, site, delivery, at);
        self.results.clear();
    }

    /// Its event will be this one.
    pub(super) const fn set_pending(&mut self, event: PendingEvent) {
        self.pending = event;
    }

    /// Its event comes.
    pub(super) const fn take_pending(&mut self) -> PendingEvent {
        std::mem::replace(&mut self.pending, PendingEvent::None)
    }

    /// The provider has greeted.
    pub(super) const fn open(&mut self, session: SessionId) {
        self.session = Some(session);
        self.used = false;
    }

    /// It is to carry a delivery. Whether it has carried one before.
    pub(super) const fn carry(&mut self, delivery: Delivery) -> bool {
        self.delivery = delivery;
        std::mem::replace(&mut self.used, true)
    }

    /// No recipient has heard anything yet.
    pub(super) fn clear_results(&mut self) {
        self.results.clear();
    }

    /// What the recipients have heard.
    pub(super) fn results(&self) -> &[RecipientResult] {
        &self.results
    }

    /// There will be no connection: the same for all recipients.
    pub(super) fn fail(&mut self, result: RecipientResult) {
        self.results.push(result);
    }

    /// The next recipient is accepted.
    #[inline]
    pub(super) fn accept_recipient(&mut self) {
        self.results.push(RecipientResult::Accepted);
    }

    /// The next recipient is refused; where that closes the connection, all of the delivery are. How many.
    pub(super) fn refuse_recipient(&mut self, refusal: Refusal) -> u64 {
        let result = recipient_result(Stage::Rcpt, refusal);
        if !refusal.closes() {
            self.results.push(result);
            return 1;
        }
        let unnamed = u64::from(self.delivery.count) - self.results.len() as u64;
        let named = self.refuse_accepted(result);
        self.results.resize(usize::from(self.delivery.count), result);
        unnamed + named
    }

    /// The whole message is refused. How many recipients that concerns.
    pub(super) fn refuse_message(&mut self, stage: Stage, refusal: Refusal) -> u64 {
        let result = recipient_result(stage, refusal);
        if self.results.is_empty() && stage < Stage::EndOfData {
            self.results.push(result);
            return u64::from(self.delivery.count);
        }
        self.refuse_accepted(result)
    }

    /// The message is accepted, but not for this one of the recipients that were accepted at RCPT. Whether there is
    /// such a recipient.
    pub(super) fn refuse_undeliverable(&mut self, place: usize, refusal: Refusal) -> bool {
        let mut accepted =
            self.results.iter_mut().filter(|result| !matches!(result, RecipientResult::Refused(Stage::Rcpt, _)));
        let Some(result) = accepted.nth(place) else { return false };
        *result = recipient_result(Stage::EndOfData, refusal);
        true
    }

    /// The connection is lost: no reply comes for the recipients that have not been refused. How many.
    pub(super) fn lose(&mut self, stage: Stage) -> u64 {
        self.results.resize(usize::from(self.delivery.count), RecipientResult::Accepted);
        self.refuse_accepted(RecipientResult::NoReply(stage))
    }

    /// The recipients that were accepted so far are refused after all. How many.
    fn refuse_accepted(&mut self, result: RecipientResult) -> u64 {
        let accepted = self.results.iter_mut().filter(|earlier| **earlier == RecipientResult::Accepted);
        accepted.map(|earlier| *earlier = result).count() as u64
    }
}

/// What a recipient hears of a refusal.
pub(super) const fn recipient_result(stage: Stage, refusal: Refusal) -> RecipientResult {
    match refusal.action {
        RuleAction::Reply { reply, .. } => RecipientResult::Refused(stage, reply),
        RuleAction::Drop | RuleAction::Tarpit(_) => RecipientResult::NoReply(stage),
    }
}
