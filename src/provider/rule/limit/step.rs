//! What a limit does at a stage: worked out once, when the rules are compiled.

use super::Limit;
use crate::provider::limit_value::LimitSubject;
use crate::provider::message::Mailbox;
use crate::provider::rule::Meter;
use crate::provider::scope::Scope;
use crate::provider::session::{CountOnce, Session};
use crate::provider::window::{Counted, Window};
use crate::smtp::Stage;

/// What a limit does at a stage.
#[derive(Clone, Debug)]
pub(in crate::provider) struct LimitStep {
    pub(super) action: LimitAction,
    pub(super) increment: Increment,
    /// What may be asked about more often than it happens is counted once.
    pub(super) once: CountOnce,
    pub(super) scope: Scope,
    pub(super) subject: LimitSubject,
    pub(super) counted: Counted,
    /// Whether counting nothing changes nothing; see [`Window::is_count`].
    pub(super) is_count: bool,
}

/// Whether a limit is asked, or counts, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitAction {
    /// It is asked, and counts.
    Take,
    /// It is asked before its meter's own stage, and only looks.
    Peek,
    /// It counts for what it was asked about at an earlier stage.
    Record,
    /// The same for each recipient of the message.
    RecordEach,
}

/// How much is counted at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Increment {
    One,
    /// One if the recipient that is named does not exist.
    UnknownRecipient,
    /// As many as the message has recipients.
    Recipients,
    /// As many of these as do not exist.
    UnknownRecipients,
    /// The message's bytes.
    Bytes,
}

impl Limit {
    /// What the limit does at `stage`, asked at stage `at`: being asked, and counting where it was asked earlier. Where
    /// no tier has a limit there is nothing to count; but who is open counts, as there may be a limit tomorrow.
    pub(in crate::provider) fn steps(
        &self,
        at: Stage,
        stage: Stage,
        is_limited: bool,
    ) -> (Option<LimitStep>, Option<LimitStep>) {
        if self.meter.is_between_stages() {
            return (None, None);
        }
        let natural = self.meter.natural_stage();
        let is_gauge = self.window == Window::Gauge;
        let counts_refusals = self.meter == Meter::Refusals;
        let early = (at < natural || counts_refusals) && !is_gauge && !self.window.is_in_session();
        let asked = (at == stage && (is_gauge || is_limited))
            .then(|| self.step(stage, if early { LimitAction::Peek } else { LimitAction::Take }));
        let counts_each = self.scope.is_of_recipient() && stage != Stage::Rcpt;
        // Refusals are counted when they happen, whatever the stage.
        let counts = (early && stage == natural && is_limited && !counts_refusals)
            .then(|| self.step(stage, if counts_each { LimitAction::RecordEach } else { LimitAction::Record }));
        (asked, counts)
    }

    /// What a limit does when that happens which it counts, whatever the stage.
    pub(in crate::provider) fn when_it_happens(&self) -> LimitStep {
        self.step(Stage::Connect, LimitAction::Take)
    }

    fn step(&self, stage: Stage, action: LimitAction) -> LimitStep {
        LimitStep {
            action,
            increment: self.increment(stage),
            once: self.once(stage),
            scope: self.scope,
            subject: self.judged_by(),
            // What is open is open, however often it was tried.
            counted: if self.window == Window::Gauge { Counted::Acceptances } else { self.counted },
            is_count: self.window.is_count(),
        }
    }

    /// How much the limit counts at a stage. What it counts is not yet known before the meter's own.
    fn increment(&self, stage: Stage) -> Increment {
        match self.meter {
            meter if stage < meter.natural_stage() => Increment::One,
            Meter::OpenConnections
            | Meter::OpenTransactions
            | Meter::Connections
            | Meter::Messages
            | Meter::IdleCommands
            | Meter::AuthFailures
            | Meter::Refusals => Increment::One,
            Meter::Recipients if stage == Stage::Rcpt => Increment::One,
            Meter::Recipients => Increment::Recipients,
            Meter::UnknownRecipients if stage == Stage::Rcpt => Increment::UnknownRecipient,
            Meter::UnknownRecipients => Increment::UnknownRecipients,
            Meter::Bytes => Increment::Bytes,
        }
    }

    /// What the limit is asked about more often than it happens.
    fn once(&self, stage: Stage) -> CountOnce {
        match self.meter {
            Meter::Connections if stage >= Stage::Mail => CountOnce::PerConnection,
            Meter::Messages if stage == Stage::Rcpt => CountOnce::PerMessage,
            Meter::OpenConnections
            | Meter::OpenTransactions
            | Meter::Connections
            | Meter::Messages
            | Meter::Recipients
            | Meter::UnknownRecipients
            | Meter::IdleCommands
            | Meter::AuthFailures
            | Meter::Refusals
            | Meter::Bytes => CountOnce::Never,
        }
    }
}

impl LimitStep {
    /// Whether attempts count, so that it counts what others refuse before it too.
    pub(in crate::provider) fn counts_attempts(&self) -> bool {
        self.counted == Counted::Attempts && matches!(self.action, LimitAction::Take | LimitAction::Record)
    }

    /// Whether the step does anything about a recipient with such a mailbox; `None` is one of another
    /// provider. Where others are not counted by number,
    /// time passes for them nevertheless.
    pub(in crate::provider) fn concerns(&self, mailbox: Option<Mailbox>) -> bool {
        self.increment != Increment::UnknownRecipient
            || mailbox == Some(Mailbox::Unknown)
            || self.action == LimitAction::Record && !self.is_count
    }
}

impl Increment {
    /// How much that is of the message so far.
    #[cold]
    pub(super) fn of_message(self, session: &Session) -> u32 {
        let recipients = session.recipients();
        match self {
            Self::One | Self::UnknownRecipient => 1,
            Self::Recipients => count(recipients.len()),
            Self::UnknownRecipients => {
                count(recipients.iter().filter(|recipient| recipient.mailbox == Some(Mailbox::Unknown)).count())
            }
            Self::Bytes => session.envelope().map_or(0, |message| message.size),
        }
    }
}

/// A message has fewer recipients than a count can tell.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).expect("fewer recipients and sessions than fit 32 bits")
}
