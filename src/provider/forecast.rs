//! Forecasts: what the provider would say, without asking it. Only the oracle may read them.
//!
//! A forecast promises that the limits and holds of the profile let something pass at a moment if nothing else happens
//! until then. It knows nothing of chance (busy spells, reputation coins) and of single recipients.

use super::engine::Provider;
use super::policy::{Limit, Meter, Scope, Test, Window};
use super::verdict::Envelope;
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{ClientId, RuleId, SenderDomainId, SessionId};

/// What would happen to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// It would pass now, with at most so many recipients.
    Now {
        /// At least 1.
        recipients: u32,
    },
    /// Not before this moment; [`Time::NEVER`] is not before a slot is given back.
    Wait(Time),
    /// Not on this session: it has done all it may.
    NewSession,
}

impl Provider {
    /// The first moment at which a connection of `client` would pass, and a message with this envelope on it: `now`, or
    /// later, or never by itself.
    pub fn may_connect(&self, now: Time, client: ClientId, envelope: &Envelope) -> Time {
        let sender = Some(envelope.sender_domain);
        let rules = self.policy.rules.iter().enumerate();
        rules.fold(now, |earliest, (index, rule)| {
            let held = self.free_of_hold(index, now, client, sender, |_| true);
            let asked = match &rule.test {
                _ if !rule.enabled => now,
                Test::Limit(limit) if limit.meter != Meter::UnknownRecipients => {
                    let n = if limit.meter == Meter::Bytes && rule.at == Stage::EndOfData { envelope.size } else { 1 };
                    self.room(index, limit, now, client, sender, n)
                }
                Test::Outage { from, until } if rule.at <= Stage::Ehlo && (*from..*until).contains(&now) => *until,
                _ => now,
            };
            earliest.max(held).max(asked)
        })
    }

    /// What would happen to a transaction with this envelope and `recipients` on `session`.
    pub fn may_send(&self, now: Time, session: SessionId, envelope: &Envelope, recipients: u32) -> Forecast {
        let state = &self.sessions[session.index()];
        let (client, sender) = (state.client, Some(envelope.sender_domain));
        let (mut earliest, mut most) = (now, recipients);
        for (index, rule) in self.policy.rules.iter().enumerate() {
            earliest = earliest.max(self.free_of_hold(index, now, client, sender, |at| at > Stage::Ehlo));
            let Test::Limit(limit) = &rule.test else { continue };
            if !rule.enabled || rule.at <= Stage::Ehlo || state.holds_slot(index) {
                continue;
            }
            let ceiling = self.limit(index, limit, self.tier(limit.standing, client, sender), self.clock(now));
            let Some(ceiling) = ceiling else { continue };
            match (limit.window, limit.meter) {
                (Window::Session, meter) => {
                    let left = ceiling.saturating_sub(state.counts[index]);
                    match meter {
                        _ if left == 0 => return Forecast::NewSession,
                        Meter::Recipients => most = most.min(left),
                        Meter::Bytes if left < envelope.size => return Forecast::NewSession,
                        _ => {}
                    }
                }
                (Window::Message, Meter::Recipients) => most = most.min(ceiling.max(1)),
                (Window::Message, _) => {}
                (_, Meter::Recipients) => {
                    most = self.most_recipients(index, limit, now, client, sender, most);
                    earliest = earliest.max(self.room(index, limit, now, client, sender, most));
                }
                (_, Meter::UnknownRecipients) => {}
                (_, Meter::Bytes) => {
                    earliest = earliest.max(self.room(index, limit, now, client, sender, envelope.size))
                }
                _ => earliest = earliest.max(self.room(index, limit, now, client, sender, 1)),
            }
        }
        if earliest > now { Forecast::Wait(earliest) } else { Forecast::Now { recipients: most.max(1) } }
    }

    /// How long after a refusal by `rule` the same thing may pass, where the rule itself says so (greylisting).
    pub fn patience(&self, rule: RuleId) -> Option<Span> {
        match &self.policy.rules[rule.index()].test {
            Test::Greylist(greylist) => Some(greylist.delay),
            _ => None,
        }
    }

    /// The first moment at which a limit has room for `n`. Counters of single recipients are not looked at.
    fn room(
        &self,
        index: usize,
        limit: &Limit,
        now: Time,
        client: ClientId,
        sender: Option<SenderDomainId>,
        n: u32,
    ) -> Time {
        if matches!(limit.scope, Scope::Recipient | Scope::SenderDomainAndRecipient) || limit.window == Window::Session
        {
            return now;
        }
        let clock = self.clock(now);
        let Some(ceiling) = self.limit(index, limit, self.tier(limit.standing, client, sender), clock) else {
            return now;
        };
        let key = self.key_of(limit.scope, client, SessionId(0), sender, None);
        match self.rules[index].counters.get(key) {
            None if ceiling == 0 => Time::NEVER,
            None => now,
            Some(counter) => self.unclock(counter.earliest(clock, &limit.window, ceiling, n)).max(now),
        }
    }

    /// The most recipients, up to `most` and at least 1, for which a limit has room now.
    fn most_recipients(
        &self,
        index: usize,
        limit: &Limit,
        now: Time,
        client: ClientId,
        sender: Option<SenderDomainId>,
        most: u32,
    ) -> u32 {
        let (mut low, mut high) = (1, most.max(1));
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.room(index, limit, now, client, sender, middle) == now { low = middle } else { high = middle - 1 }
        }
        low
    }

    /// When the hold of a rule on this client is over, for holds enforced at the stages that `at` picks.
    fn free_of_hold(
        &self,
        index: usize,
        now: Time,
        client: ClientId,
        sender: Option<SenderDomainId>,
        at: impl Fn(Stage) -> bool,
    ) -> Time {
        let rule = &self.policy.rules[index];
        if !rule.hold.as_ref().is_some_and(|hold| at(hold.at)) {
            return now;
        }
        let scope = match &rule.test {
            Test::Limit(limit) => limit.scope,
            _ => Scope::ClientIp,
        };
        let key = self.key_of(scope, client, SessionId(0), sender, None);
        self.rules[index].holds.get(key).map_or(now, |record| record.until().max(now))
    }
}
