//! Forecasts: what the provider would say, without asking it. Only the oracle may read them.
//!
//! A forecast promises that the limits, holds and outages of the profile let something pass at a moment if nothing
//! else happens until then. It knows nothing of chance (busy spells, refusals for low reputation) and of single
//! recipients. A tarpit lets everything pass. Where a forecast says *wait*, it says until when it is worth looking
//! again: not later than the moment at which the thing would pass.

use super::clock::ProviderClock;
use super::forecast_subject::{ForecastSubject, ProposedConnection, ProposedMessage};
use super::identities::Identities;
use super::policy::{Policy, Rule};
use super::rule::limit::forecast::LimitForecast;
use super::rule::{Check, RuleKind};
use super::rule_runtime::RuleRuntime;
use super::session::{CountOnce, Sessions};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::SessionId;

/// What would happen to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// It would pass now, with at most so many recipients.
    Now {
        /// How many recipients the message may have; at least 1.
        recipients: u32,
    },
    /// Not before this moment; [`Time::NEVER`] is not before a slot is given back.
    Wait(Time),
    /// Not on this session: it has done all it may.
    NewSession,
}

/// A provider as it stands, looked at and not touched.
#[derive(Clone, Copy)]
pub(super) struct Forecaster<'a> {
    pub(super) policy: &'a Policy,
    pub(super) rules: &'a [RuleRuntime],
    pub(super) sessions: &'a Sessions,
    pub(super) identities: &'a Identities,
    pub(super) clock: ProviderClock,
}

impl<'a> Forecaster<'a> {
    /// The first moment at which a connection would pass, and, once it is set up, `message` on it: `now`, or later, or
    /// never by itself.
    pub(super) fn connection(self, now: Time, connection: ProposedConnection, message: &ProposedMessage) -> Time {
        let ProposedConnection { client, host, account, set_up } = connection;
        let sender = message.envelope.sender_domain;
        let subject = ForecastSubject { client, host, account, session: None, sender, domain: message.domain };
        let lead = |stage: Stage| match stage {
            Stage::Connect | Stage::Ehlo => Span::ZERO,
            Stage::Mail | Stage::Rcpt | Stage::Data => set_up,
            Stage::EndOfData => set_up + message.until_end_of_data,
        };
        self.policy.rules.iter().enumerate().fold(now, |earliest, (index, rule)| {
            let held = rule.hold.as_ref().map_or(now, |hold| {
                let lead = lead(hold.at);
                before(self.free_of_hold(index, now + lead, subject), lead)
            });
            let lead = lead(rule.at);
            let passes = before(self.first_pass(index, rule, now + lead, subject, message, 1), lead);
            earliest.max(held).max(passes)
        })
    }

    /// What would happen to a transaction with `message` on a session.
    pub(super) fn transaction(self, now: Time, id: SessionId, message: &ProposedMessage) -> Forecast {
        let session = self.sessions.get(id);
        let (sender, domain) = (message.envelope.sender_domain, message.domain);
        let subject = ForecastSubject::on(session, sender, domain);
        let lead = |stage: Stage| if stage == Stage::EndOfData { message.until_end_of_data } else { Span::ZERO };
        let (mut earliest, mut most) = (now, message.recipients.max(1));
        for (index, rule) in self.policy.rules.iter().enumerate() {
            if let Some(hold) = rule.hold.as_ref().filter(|hold| hold.at > Stage::Ehlo) {
                let lead = lead(hold.at);
                earliest = earliest.max(before(self.free_of_hold(index, now + lead, subject), lead));
            }
            let passed = session.holds_slot(index) || session.has_passed(index, CountOnce::PerConnection);
            if rule.at <= Stage::Ehlo || passed {
                continue;
            }
            if let RuleKind::Check(Check::SessionAge(age)) = &rule.kind
                && rule.refuses()
                && age.is_over(now, session)
            {
                return Forecast::NewSession;
            }
            let (lead, at) = (lead(rule.at), now + lead(rule.at));
            if let Some(limit) = self.limit(index, rule) {
                match limit.left_in_session(at, subject, message) {
                    Some(0) => return Forecast::NewSession,
                    Some(left) => most = most.min(left),
                    None => {}
                }
                most = limit.most_recipients(at, subject, message, most);
            }
            earliest = earliest.max(before(self.first_pass(index, rule, at, subject, message, most), lead));
        }
        if earliest > now { Forecast::Wait(earliest) } else { Forecast::Now { recipients: most } }
    }

    /// The first moment from `at` on, when the rule is asked, at which it lets a message with so many recipients pass.
    fn first_pass(
        self,
        index: usize,
        rule: &'a Rule,
        at: Time,
        subject: ForecastSubject,
        message: &ProposedMessage,
        recipients: u32,
    ) -> Time {
        match &rule.kind {
            RuleKind::Limit(_) => {
                self.limit(index, rule).map_or(at, |limit| limit.earliest(at, subject, message, recipients))
            }
            RuleKind::Check(check) if rule.refuses() => check.kind().earliest(at),
            RuleKind::Check(_) => at,
        }
    }

    /// The limit of a rule that can refuse by it.
    fn limit(self, index: usize, rule: &'a Rule) -> Option<LimitForecast<'a>> {
        let Self { rules, sessions, identities, clock, .. } = self;
        match &rule.kind {
            RuleKind::Limit(limit) if rule.refuses() && !limit.meter.is_between_stages() => {
                let state = rules[index].state().limit();
                Some(LimitForecast { limit, rule: index, at: rule.at, state, sessions, identities, clock })
            }
            RuleKind::Limit(_) | RuleKind::Check(_) => None,
        }
    }

    /// The first moment from `at` on at which the hold of a rule, if there is one, is over for who would send.
    fn free_of_hold(self, index: usize, at: Time, subject: ForecastSubject) -> Time {
        let rule = &self.policy.rules[index];
        let scope = rule.kind.hold_scope();
        match &rule.hold {
            Some(hold) if rule.enabled && !scope.is_of_one_recipient() => {
                self.rules[index].holds().free_from(subject.key(scope, self.identities), at, hold)
            }
            _ => at,
        }
    }
}

/// `span` before `at`; never stays never.
fn before(at: Time, span: Span) -> Time {
    if at == Time::NEVER { at } else { Time::ZERO + (at.since(Time::ZERO) - span) }
}
