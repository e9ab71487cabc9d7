//! Evidence: decayed sums of what one identity did in the last hours and days.
//!
//! All sums decay alike, so that their ratios, the rates, change only when something happens.

use super::model::{Engagement, ReputationModel};
use crate::provider::message::{Mailbox, Recipient};

/// Decayed sums of what one identity did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// Recipients that were attempted: accepted and unknown ones.
    attempted: f64,
    /// Recipients whose mail reached the inbox.
    inboxed: f64,
    /// Complaints.
    complaints: f64,
    /// Unknown recipients, spam traps, unauthenticated mail and spam, each in units of what is tolerated of it.
    offences: f64,
    /// The sum of the squares of these units: how far chance may have moved `offences`.
    offences_variance: f64,
    /// Engaged recipients whose mail reached the inbox.
    engaged: f64,
}

/// What is to be known of a message that was accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::provider) struct AcceptedMail {
    /// Recipients that were accepted.
    pub(in crate::provider) recipients: u32,
    /// Those whose mail reaches the inbox.
    pub(in crate::provider) inboxed: u32,
    /// Those in the inbox that are engaged.
    pub(in crate::provider) engaged: u32,
    /// Those in the inbox of whom that is not known: as many of them as usual are.
    pub(in crate::provider) perhaps_engaged: u32,
    /// Those that do not exist, where the provider says so only after the message.
    pub(in crate::provider) unknown: u32,
    /// Those that are spam traps.
    pub(in crate::provider) traps: u32,
    /// Whether the mail passes neither SPF nor DKIM.
    pub(in crate::provider) unauthenticated: bool,
    /// Whether it looks like spam.
    pub(in crate::provider) spam: bool,
}

impl AcceptedMail {
    /// One recipient more, in whose inbox it lands or not.
    #[inline]
    pub(in crate::provider) fn add(&mut self, recipient: &Recipient, inboxed: bool) {
        self.recipients += 1;
        self.inboxed += u32::from(inboxed);
        match recipient.engaged {
            Some(engaged) => self.engaged += u32::from(engaged && inboxed),
            None => self.perhaps_engaged += u32::from(inboxed),
        }
        self.unknown += u32::from(recipient.mailbox == Some(Mailbox::Unknown));
        self.traps += u32::from(recipient.mailbox == Some(Mailbox::Trap));
    }
}

/// What the rates of some evidence come to: 0 is spotless, 1 is a rate that is tolerated no more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Badness {
    pub(super) value: f64,
    /// How far chance may have moved it: its variance, were each thing that happened one of many that could have.
    pub(super) variance: f64,
}

/// Complaints of so many messages in the inbox are taken to be ordinary before any is there …
const COMPLAINTS_PRIOR: f64 = 3.0;
/// … which is a sixth of what is tolerated: 0.05 %, half of what Google calls good.
const ORDINARY: f64 = 1.0 / 6.0;
/// The badness of what is worse than any provider's worst band, so that no single event is remembered for ever.
const BADNESS_MAX: f64 = 10.0;

impl Evidence {
    /// What a regular of this badness who reaches so many recipients a day has left behind.
    pub(super) fn of_regular(daily_volume: u32, badness: f64, model: &ReputationModel) -> Self {
        let attempted = f64::from(daily_volume) * model.evidence.as_days_f64() / std::f64::consts::LN_2;
        let offences = (badness - ORDINARY).max(0.0) * attempted;
        Self {
            attempted,
            inboxed: attempted,
            complaints: ORDINARY.min(badness) * model.tolerated.complaints * attempted,
            offences,
            offences_variance: offences / model.tolerated.unknown_recipients,
            engaged: model.usual_engagement() * attempted,
        }
    }

    /// Mail was accepted.
    #[inline]
    pub(super) fn accept(&mut self, mail: &AcceptedMail, model: &ReputationModel) {
        let tolerated = &model.tolerated;
        self.attempted += f64::from(mail.recipients);
        self.inboxed += f64::from(mail.inboxed);
        self.engaged += f64::from(mail.engaged);
        if mail.perhaps_engaged > 0 {
            self.engaged += f64::from(mail.perhaps_engaged) * model.usual_engagement();
        }
        if mail.unknown > 0 {
            self.offend(mail.unknown, tolerated.unknown_recipients);
        }
        if mail.traps > 0 {
            self.offend(mail.traps, tolerated.spam_traps);
        }
        if mail.unauthenticated {
            self.offend(mail.recipients, tolerated.unauthenticated);
        }
        if mail.spam {
            self.offend(mail.recipients, tolerated.spam);
        }
    }

    /// Something happened so many times of which this rate is tolerated.
    fn offend(&mut self, times: u32, tolerated: f64) {
        self.offences += f64::from(times) / tolerated;
        self.offences_variance += f64::from(times) / (tolerated * tolerated);
    }

    /// A recipient was refused because it does not exist.
    pub(super) fn unknown_recipient(&mut self, model: &ReputationModel) {
        self.attempted += 1.0;
        self.offend(1, model.tolerated.unknown_recipients);
    }

    /// A recipient complained.
    pub(super) fn complaint(&mut self) {
        self.complaints += 1.0;
    }

    /// So much time passes, in half-lives.
    pub(super) fn decay(&mut self, half_lives: f64) {
        let kept = (-half_lives).exp2();
        self.attempted *= kept;
        self.inboxed *= kept;
        self.complaints *= kept;
        self.offences *= kept;
        self.offences_variance *= kept;
        self.engaged *= kept;
    }

    /// The recipients that were attempted, as many as are not forgotten.
    #[inline]
    pub(super) const fn attempted(&self) -> f64 {
        self.attempted
    }

    /// What the rates come to; `None` without any mail.
    pub(super) fn badness(&self, model: &ReputationModel) -> Option<Badness> {
        if self.attempted < f64::MIN_POSITIVE {
            return None;
        }
        // Complaints are rare: none among the first few messages says nothing.
        let tolerated = model.tolerated.complaints;
        let inboxed = self.inboxed.max(self.complaints) + COMPLAINTS_PRIOR;
        let complaints = self.complaints + COMPLAINTS_PRIOR * ORDINARY * tolerated;
        let disinterest = self.disinterest(model.engagement);
        let rates = complaints / (tolerated * inboxed) + self.offences / self.attempted;
        let variance = complaints / (tolerated * inboxed).powi(2) + self.offences_variance / self.attempted.powi(2);
        Some(Badness { value: (rates * disinterest).min(BADNESS_MAX), variance: variance * disinterest * disinterest })
    }

    /// By how much badness is more, or less, because of how many recipients are engaged. Junk engages no one and says
    /// nothing of the list: without mail in the inbox it is 1.
    fn disinterest(&self, engagement: Option<Engagement>) -> f64 {
        match engagement {
            Some(Engagement { usual, weight }) if self.inboxed >= 1.0 => {
                let engaged = (self.engaged / self.inboxed).clamp(usual / 8.0, 1.0);
                (usual / engaged).powf(weight)
            }
            _ => 1.0,
        }
    }
}
