//! When a limit would have room, if nothing else happens.

use super::Limit;
use super::state::LimitState;
use super::step::count;
use crate::provider::clock::ProviderClock;
use crate::provider::forecast_subject::{ForecastSubject, ProposedMessage};
use crate::provider::identities::Identities;
use crate::provider::rule::Meter;
use crate::provider::scope::Scope;
use crate::provider::session::Sessions;
use crate::provider::window::Window;
use crate::smtp::Stage;
use crate::time::Time;

/// A limit as it stands, with all that decides when it has room.
#[derive(Clone, Copy)]
pub(in crate::provider) struct LimitForecast<'a> {
    pub(in crate::provider) limit: &'a Limit,
    /// The rule's place in the profile.
    pub(in crate::provider) rule: usize,
    /// The stage at which the limit is asked.
    pub(in crate::provider) at: Stage,
    pub(in crate::provider) state: &'a LimitState,
    pub(in crate::provider) sessions: &'a Sessions,
    pub(in crate::provider) identities: &'a Identities,
    pub(in crate::provider) clock: ProviderClock,
}

impl LimitForecast<'_> {
    /// The first moment from `at` on at which the limit lets a message with so many recipients pass, or at which its
    /// number changes with the load.
    pub(in crate::provider) fn earliest(
        &self,
        at: Time,
        subject: ForecastSubject,
        message: &ProposedMessage,
        recipients: u32,
    ) -> Time {
        let n = self.amount(message, recipients);
        if n == 0 || self.limit.scope.is_of_one_recipient() {
            return at;
        }
        let clock = self.clock.at(at);
        let Some(limit) = self.number(at, subject) else { return at };
        let until_load = self.limit.value.next_step(clock).map_or(Time::NEVER, |clock| self.clock.moment(clock));
        if self.limit.scope == Scope::Session && subject.session.is_none() {
            return if n <= limit { at } else { until_load };
        }
        let key = subject.key(self.limit.scope, self.identities);
        let under_way = self.under_way(subject, key);
        let room = self.state.earliest(key, clock, limit, n, under_way);
        self.clock.moment(room).max(at).min(until_load)
    }

    /// How many more recipients the session takes in a message like this, where the limit counts within a session; 0 is
    /// not even one message.
    pub(in crate::provider) fn left_in_session(
        &self,
        at: Time,
        subject: ForecastSubject,
        message: &ProposedMessage,
    ) -> Option<u32> {
        if !self.limit.window.is_in_session() {
            return None;
        }
        let session = self.sessions.get(subject.session?);
        let limit = self.number(at, subject)?;
        let used = if self.limit.window == Window::Session { session.count(self.rule) } else { 0 };
        let left = limit.saturating_sub(used);
        let n = self.amount(message, 1);
        match self.limit.meter {
            // What no session ever takes is no reason for a new one.
            _ if n > limit => None,
            Meter::Recipients => Some(left),
            Meter::UnknownRecipients => None,
            Meter::OpenConnections
            | Meter::OpenTransactions
            | Meter::Connections
            | Meter::Messages
            | Meter::IdleCommands
            | Meter::AuthFailures
            | Meter::Refusals
            | Meter::Bytes => (n > left).then_some(0),
        }
    }

    /// The most recipients, up to `most` and at least 1, for which the limit has room when it is asked; all of them
    /// where it counts no recipients.
    pub(in crate::provider) fn most_recipients(
        &self,
        at: Time,
        subject: ForecastSubject,
        message: &ProposedMessage,
        most: u32,
    ) -> u32 {
        if self.limit.meter != Meter::Recipients {
            return most;
        }
        let (mut low, mut high) = (1, most);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let fits = self.earliest(at, subject, message, middle) == at;
            if fits { low = middle } else { high = middle - 1 }
        }
        low
    }

    /// The number that applies to who would send.
    fn number(&self, at: Time, subject: ForecastSubject) -> Option<u32> {
        let basis = self.identities.basis(subject.client, Some(subject.sender));
        self.state.drawn().at(self.limit.judged_by(), &basis, self.clock.at(at))
    }

    /// How much the limit counts of a message with so many recipients.
    fn amount(&self, message: &ProposedMessage, recipients: u32) -> u32 {
        match self.limit.meter {
            meter if self.at < meter.natural_stage() => 1,
            Meter::Recipients => recipients,
            Meter::UnknownRecipients => 0,
            Meter::Bytes => message.envelope.size,
            Meter::OpenConnections
            | Meter::OpenTransactions
            | Meter::Connections
            | Meter::Messages
            | Meter::IdleCommands
            | Meter::AuthFailures
            | Meter::Refusals => 1,
        }
    }

    /// What has passed the stages before the limit and is not counted yet: messages on their way to the end of data,
    /// and connections on their way to MAIL.
    fn under_way(&self, subject: ForecastSubject, key: u64) -> u32 {
        let has_key = |other: ForecastSubject| other.key(self.limit.scope, self.identities) == key;
        let open = self.sessions.iter_open();
        let ends = self.at == Stage::EndOfData;
        match self.limit.meter {
            Meter::OpenConnections if self.at > Stage::Ehlo && subject.session.is_none() => {
                let others = open.map(|session| ForecastSubject::on(session, subject.sender, subject.domain));
                count(others.filter(|other| has_key(*other)).count())
            }
            Meter::Messages | Meter::Recipients | Meter::Bytes if ends => open
                .filter_map(|session| {
                    let envelope = session.envelope()?;
                    let n = match self.limit.meter {
                        Meter::Bytes => envelope.size,
                        Meter::Recipients => count(session.recipients().len()),
                        Meter::OpenConnections
                        | Meter::OpenTransactions
                        | Meter::Connections
                        | Meter::Messages
                        | Meter::UnknownRecipients
                        | Meter::IdleCommands
                        | Meter::AuthFailures
                        | Meter::Refusals => 1,
                    };
                    let other = ForecastSubject::on(session, envelope.sender_domain, subject.domain);
                    has_key(other).then_some(n)
                })
                .fold(0, u32::saturating_add),
            Meter::OpenConnections
            | Meter::OpenTransactions
            | Meter::Connections
            | Meter::Messages
            | Meter::Recipients
            | Meter::UnknownRecipients
            | Meter::IdleCommands
            | Meter::AuthFailures
            | Meter::Refusals
            | Meter::Bytes => 0,
        }
    }
}
