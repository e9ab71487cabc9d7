//! What the clients of a cluster have met, recorded from the provider's side of the wire, whatever the clients are.
//!
//! The record of a trial is kept by its sender, which knows what waits in its queues. Here only the dialog is known,
//! and these rules turn it into the same kind of record:
//!
//! - An attempt is a recipient that was named and answered. A connection, EHLO or MAIL that was refused before any was
//!   named is none: for how many recipients it was, a server does not know. It is counted as what it is, and so are the
//!   connections on which no recipient was ever named.
//! - Recipients that were deferred at RCPT or later and have not been delivered or refused since are still queued.
//! - The time to delivery counts from the first attempt that was seen.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::provider::{Check, Policy, Provider, Refusal, RuleKind};
use crate::record::{
    AttemptOutcome, ConnectionFailure, ConservationError, Recorder, RefusingReply, Response, Sample, SenderAccount,
    ServedAttempt, Trial, milestones,
};
use crate::smtp::{Class, Reply, Stage};
use crate::time::{Span, Time};
use crate::trial::{closing_account, provider_facts, provider_sample, response};
use crate::units::{ClientId, ProviderId, ReplyId, RuleId};

/// The statistics of a cluster.
#[derive(Debug)]
pub(super) struct ReceiverStatistics {
    recorder: Recorder,
    providers: Vec<ProviderStatistics>,
    clients: Vec<ClientStatistics>,
    /// Numbers of recipients that have been deferred, and when they were first seen.
    waiting: BTreeMap<(ProviderId, u64), Time>,
    /// When counting began; recorded times count from there.
    started_at: Time,
}

/// Deferred recipients that are remembered until they come back.
const WAITING_MAX: usize = 2_000_000;

/// What one provider has met, of all clients together.
#[derive(Clone, Debug)]
pub(super) struct ProviderStatistics {
    /// What a sender would report about the recipients, as far as it can be known here.
    account: SenderAccount,
    /// When recipients were delivered, in milliseconds.
    delivered: Histogram<u64>,
    /// Replies that are not of the profile: they were asked for, or are the SMTP session's own. Their numbers follow
    /// those of the profile.
    unlisted_replies: Vec<Reply>,
    /// Connections that were made to it.
    pub(super) connections: u64,
    /// Of these, connections on which a recipient was named.
    pub(super) connections_with_recipient: u64,
    /// Refusals by cause.
    pub(super) refused: BTreeMap<RefusalCause, u64>,
}

/// Such replies that are told apart; all others count as the last.
const UNLISTED_REPLIES_MAX: usize = 200;

impl ProviderStatistics {
    /// Recipients that it delivered to.
    pub(super) const fn accepted(&self) -> u64 {
        self.account.delivered
    }
}

/// What one client has met, at all providers together.
#[derive(Clone, Debug, Default)]
pub struct ClientStatistics {
    /// Connections that it made.
    pub connections: u64,
    /// Connections, EHLOs and MAILs that were refused before a recipient was named.
    pub turned_away: u64,
    /// Recipients that were accepted.
    pub accepted: u64,
    /// Recipients that were deferred.
    pub deferred: u64,
    /// Recipients that were rejected for good.
    pub rejected: u64,
    /// Refusals by provider and cause.
    pub refused: BTreeMap<(ProviderId, RefusalCause), u64>,
}

/// The cause of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusalCause {
    /// The stage at which it happened.
    pub stage: Stage,
    /// The rule; `None` for an outcome that was asked for, or a refusal of the SMTP session itself.
    pub rule: Option<RuleId>,
    /// The number of the reply; `None` if the connection was closed without one.
    pub reply: Option<ReplyId>,
}

/// Where a refusal comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum RefusalSource<'a> {
    /// A rule of the provider.
    Rule(Refusal),
    /// An address directive or an administrator's order: a reply, or a closed connection without one.
    Forced(Option<&'a Reply>),
    /// The SMTP session itself: a message that is too big to be read or has bare line ends, a recipient too many.
    Session(&'a Reply),
}

/// A refusal, and the recipients that it concerns.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefusedAttempt<'a> {
    pub(super) now: Time,
    pub(super) site: ProviderId,
    pub(super) client: ClientId,
    pub(super) stage: Stage,
    pub(super) source: RefusalSource<'a>,
    /// Their numbers; empty before any recipient was named.
    pub(super) recipients: &'a [u64],
    /// Whether it is an EHLO on a connection where one was refused before.
    pub(super) is_repeated: bool,
}

impl ReceiverStatistics {
    pub(super) fn new(policies: &[Policy]) -> Self {
        // These bounds are valid: see `Recorder`.
        let delivered = Histogram::new_with_bounds(1, Span::DAY.times(366).as_millis_ceil(), 3).expect("valid bounds");
        let blank = |_| ProviderStatistics {
            account: SenderAccount::default(),
            delivered: delivered.clone(),
            unlisted_replies: Vec::new(),
            connections: 0,
            connections_with_recipient: 0,
            refused: BTreeMap::new(),
        };
        Self {
            recorder: Recorder::open_ended(policies.iter().map(provider_facts)),
            providers: policies.iter().map(blank).collect(),
            clients: Vec::new(),
            waiting: BTreeMap::new(),
            started_at: Time::ZERO,
        }
    }

    /// Starts counting again, for the same providers and clients.
    pub(super) fn reset(&mut self, now: Time, policies: &[Policy]) {
        let clients = vec![ClientStatistics::default(); self.clients.len()];
        *self = Self { clients, started_at: now, ..Self::new(policies) };
    }

    /// When counting began.
    pub(super) const fn started_at(&self) -> Time {
        self.started_at
    }

    fn since_reset(&self, now: Time) -> Time {
        Time::ZERO + now.since(self.started_at)
    }

    /// A client has been registered under the next number, or under that of one that is forgotten.
    pub(super) fn add_client(&mut self, client: ClientId) {
        let new = ClientStatistics::default();
        match self.clients.get_mut(client.index()) {
            Some(forgotten) => *forgotten = new,
            None => self.clients.push(new),
        }
    }

    pub(super) fn client(&self, client: ClientId) -> Option<&ClientStatistics> {
        self.clients.get(client.index())
    }

    pub(super) fn connects(&mut self, now: Time, site: ProviderId, client: ClientId) {
        self.recorder.connection_tried(self.since_reset(now), site);
        self.clients[client.index()].connections += 1;
        self.providers[site.index()].connections += 1;
    }

    /// On a connection to a provider the first recipient is named.
    pub(super) fn names_recipient(&mut self, site: ProviderId) {
        self.providers[site.index()].connections_with_recipient += 1;
    }

    pub(super) fn opened(&mut self, now: Time, site: ProviderId, open: u32) {
        self.recorder.session_opened(self.since_reset(now), site, open);
    }

    pub(super) fn transacts(&mut self, site: ProviderId) {
        self.recorder.transaction_begun(site);
    }

    pub(super) fn on_complaint(&mut self, site: ProviderId) {
        self.recorder.complaint(site);
    }

    /// A message was delivered to these recipients.
    pub(super) fn accepted(
        &mut self,
        now: Time,
        site: ProviderId,
        client: ClientId,
        recipients: impl Iterator<Item = u64>,
    ) {
        let now = self.since_reset(now);
        for recipient in recipients {
            let since = self.settle_waiting(site, recipient);
            if since.is_none() {
                self.recorder.expect(site, 1);
            }
            self.clients[client.index()].accepted += 1;
            let statistics = &mut self.providers[site.index()];
            statistics.account.delivered += 1;
            statistics.delivered.saturating_record(millis_since_start(now));
            let attempt = ServedAttempt { site, outcome: AttemptOutcome::Delivered, reply: None };
            self.recorder.served_attempt_over(now, attempt, since.unwrap_or(now));
        }
    }

    /// An attempt was refused.
    pub(super) fn refused(&mut self, refused: &RefusedAttempt<'_>, policy: &Policy) {
        let RefusedAttempt { now, site, client, stage, source, recipients, is_repeated } = *refused;
        let now = self.since_reset(now);
        let n = recipients.len().max(1) as u64;
        let (rule, response) = match source {
            RefusalSource::Rule(refusal) => (Some(refusal.rule), response(refusal.action)),
            RefusalSource::Forced(None) => (None, Response::Closed),
            RefusalSource::Forced(Some(reply)) | RefusalSource::Session(reply) => {
                let reply = self.unlisted_reply(site, reply, policy);
                (None, Response::Reply { reply, closes: false })
            }
        };
        if is_repeated {
            self.recorder.refused_again(now, site, stage, rule, response);
        } else {
            self.recorder.attempt_refused(now, site, stage, rule, response, n);
        }
        let reply = match response {
            Response::Reply { reply, .. } => Some(reply),
            Response::Closed => None,
        };
        let class = reply.and_then(|reply| self.reply(site, reply, policy)).map(|reply| reply.code.class());
        let statistics = &mut self.clients[client.index()];
        let cause = RefusalCause { stage, rule, reply };
        *statistics.refused.entry((site, cause)).or_default() += n;
        *self.providers[site.index()].refused.entry(cause).or_default() += n;
        if stage <= Stage::Mail {
            statistics.turned_away += 1;
            return;
        }
        let outcome = match class {
            Some(Class::Permanent) => AttemptOutcome::Bounced,
            Some(_) => AttemptOutcome::Deferred,
            None => AttemptOutcome::Failed,
        };
        let bounced = outcome == AttemptOutcome::Bounced;
        *(if bounced { &mut statistics.rejected } else { &mut statistics.deferred }) += n;
        let attempt = ServedAttempt { site, outcome, reply: reply.map(|reply| RefusingReply { stage, reply }) };
        let deliverable = !is_undeliverable(source, policy);
        for index in 0..n {
            let recipient = usize::try_from(index).ok().and_then(|index| recipients.get(index)).copied();
            self.settle(now, recipient, attempt, deliverable);
        }
    }

    /// The number of a reply that is not of the profile; a new one gets the next.
    fn unlisted_reply(&mut self, site: ProviderId, reply: &Reply, policy: &Policy) -> ReplyId {
        let unlisted = &mut self.providers[site.index()].unlisted_replies;
        let known = unlisted.iter().position(|known| known == reply);
        if known.is_none() && unlisted.len() < UNLISTED_REPLIES_MAX {
            unlisted.push(reply.clone());
            self.recorder.learn_reply(site, reply.to_string());
        }
        ReplyId::from_index(policy.replies.len() + known.unwrap_or(unlisted.len() - 1))
    }

    /// The connection was lost in the middle of a message to these recipients.
    pub(super) fn lost(&mut self, now: Time, site: ProviderId, stage: Stage, recipients: &[u64]) {
        let now = self.since_reset(now);
        self.recorder.attempt_failed(now, site, stage, ConnectionFailure::Reset, recipients.len() as u64);
        let attempt = ServedAttempt { site, outcome: AttemptOutcome::Failed, reply: None };
        for recipient in recipients {
            self.settle(now, Some(*recipient), attempt, true);
        }
    }

    /// This machine broke off a session with a message to so many recipients. What became of it cannot be known.
    pub(super) fn spoiled(&mut self, now: Time, site: ProviderId, recipients: usize) {
        let now = self.since_reset(now);
        let attempt = ServedAttempt { site, outcome: AttemptOutcome::OwnFailure, reply: None };
        for _ in 0..recipients {
            self.recorder.served_attempt_over(now, attempt, now);
        }
    }

    /// An attempt for one recipient did not succeed. `deliverable` says whether one could have, had the client done
    /// better: mail without a mailbox here is not expected.
    fn settle(&mut self, now: Time, recipient: Option<u64>, attempt: ServedAttempt, deliverable: bool) {
        let (site, bounced) = (attempt.site, attempt.outcome == AttemptOutcome::Bounced);
        let was_expected = match recipient {
            Some(recipient) if bounced => self.settle_waiting(site, recipient).is_some(),
            Some(recipient) => {
                self.add_waiting(now, site, recipient);
                true
            }
            None => {
                self.providers[site.index()].account.injected += u64::from(bounced);
                !bounced
            }
        };
        match (bounced && deliverable, was_expected) {
            (true, false) => self.recorder.expect(site, 1),
            (false, true) if bounced => self.recorder.expect_less(site, 1),
            _ => {}
        }
        if bounced {
            self.providers[site.index()].account.bounced += 1;
        }
        self.recorder.served_attempt_over(now, attempt, now);
    }

    /// A recipient is settled: since when it waited. One that did not wait was never seen before.
    fn settle_waiting(&mut self, site: ProviderId, recipient: u64) -> Option<Time> {
        let since = if self.waiting.is_empty() { None } else { self.waiting.remove(&(site, recipient)) };
        let account = &mut self.providers[site.index()].account;
        match since {
            Some(_) => account.queued -= 1,
            None => account.injected += 1,
        }
        since
    }

    fn add_waiting(&mut self, now: Time, site: ProviderId, recipient: u64) {
        if self.waiting.len() >= WAITING_MAX {
            return;
        }
        let (account, recorder) = (&mut self.providers[site.index()].account, &mut self.recorder);
        self.waiting.entry((site, recipient)).or_insert_with(|| {
            account.injected += 1;
            account.queued += 1;
            recorder.expect(site, 1);
            now
        });
    }

    /// Records the state of the providers at this moment.
    pub(super) fn sample(&mut self, now: Time, providers: &[&Provider], clients: &[ClientId]) {
        for ((id, provider), statistics) in (0..).zip(providers).zip(&self.providers) {
            let sample = Sample {
                held_back: 0,
                waiting: statistics.account.queued,
                provider: provider_sample(provider, now, clients.iter().copied()),
            };
            self.recorder.sample(self.since_reset(now), ProviderId(id), &sample);
        }
    }

    /// What a provider has met.
    pub(super) fn provider(&self, site: ProviderId) -> &ProviderStatistics {
        &self.providers[site.index()]
    }

    /// The reply of this number.
    pub(super) fn reply<'a>(&'a self, site: ProviderId, reply: ReplyId, policy: &'a Policy) -> Option<&'a Reply> {
        let unlisted = || self.providers[site.index()].unlisted_replies.get(reply.index() - policy.replies.len());
        policy.replies.get(reply.index()).or_else(unlisted)
    }

    /// Width of a bucket of the time series.
    pub(super) const fn bucket(&self) -> Span {
        self.recorder.bucket()
    }

    /// The trial so far.
    ///
    /// # Errors
    /// Recipients were lost or counted twice, which is a defect of mxlab.
    pub(super) fn finish(
        &mut self,
        now: Time,
        strategy: &str,
        seed: u64,
        providers: &[&Provider],
        clients: &[ClientId],
    ) -> Result<Trial, ConservationError> {
        self.sample(now, providers, clients);
        let sites = self.providers.iter().zip(providers);
        let accounts = sites.map(|(statistics, provider)| closing_account(statistics.account, provider, now));
        let mut trial = self.recorder.clone().finish(strategy, seed, seed, None, accounts.collect())?;
        let mut all = Histogram::new_from(&self.providers[0].delivered);
        for (cell, statistics) in trial.cells.iter_mut().zip(&self.providers) {
            cell.totals.reached_us = reached(&statistics.delivered, cell.totals.deliverable);
            // Who names a recipient after the counts were reset may have connected before.
            cell.totals.connections_without_recipient =
                statistics.connections.saturating_sub(statistics.connections_with_recipient);
            // The bounds are the same, so this cannot fail.
            let _ = all.add(&statistics.delivered);
        }
        trial.reached_us = reached(&all, trial.cells.iter().map(|cell| cell.totals.deliverable).sum());
        Ok(trial)
    }
}

/// Whether a refusal is about an address at which no mail can be delivered here, whatever the client does.
fn is_undeliverable(source: RefusalSource<'_>, policy: &Policy) -> bool {
    let RefusalSource::Rule(refusal) = source else { return false };
    let kind = policy.rules.get(refusal.rule.index()).map(|rule| &rule.kind);
    matches!(kind, Some(RuleKind::Check(Check::Mailbox(_) | Check::Relaying)))
}

/// When 50, 90, 99 and 100 % of `all` recipients were delivered, in microseconds.
fn reached(delivered: &Histogram<u64>, all: u64) -> [Option<u64>; 4] {
    milestones(all).map(|needed| {
        if needed == 0 || needed > delivered.len() {
            return None;
        }
        Some(delivered.value_at_quantile(needed as f64 / delivered.len() as f64) * 1_000)
    })
}

fn millis_since_start(now: Time) -> u64 {
    now.since(Time::ZERO).as_millis_ceil().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::profile;
    use crate::rng::Seed;

    /// A trial in which ten recipients get their mail, and a hundred are refused by this rule when first named.
    fn served(rule: &str) -> Trial {
        let policy = profile::parse(&profile::built_in("charter").unwrap()).unwrap();
        let place = policy.rules.iter().position(|known| known.name == rule).unwrap();
        let refusal = Refusal { rule: RuleId::from_index(place), action: policy.rules[place].action };
        let (site, client) = (ProviderId(0), ClientId(0));
        let mut statistics = ReceiverStatistics::new(std::slice::from_ref(&policy));
        statistics.add_client(client);
        statistics.accepted(Time::ZERO, site, client, 0..10);
        for recipient in 10..110 {
            let source = RefusalSource::Rule(refusal);
            let recipients = &[recipient];
            let (now, stage) = (Time::ZERO, policy.rules[place].at);
            statistics
                .refused(&RefusedAttempt { now, site, client, stage, source, recipients, is_repeated: false }, &policy);
        }
        let provider = Provider::new(policy.clone(), Seed(1).into(), Span::ZERO);
        statistics.finish(Time::from_micros(1), "clients", 1, &[&provider], &[]).unwrap()
    }

    #[test]
    fn what_is_delivered_is_a_share_of_what_could_have_been() {
        let trial = served("unknown-recipient");
        assert_eq!((trial.cells[0].totals.deliverable, trial.cells[0].totals.bounced), (10, 100));
        assert!(trial.reached_us.iter().all(Option::is_some), "all who have a mailbox have their mail");
        let trial = served("recipients-per-message");
        assert_eq!(trial.cells[0].totals.deliverable, 110, "a limit is no reason not to expect the mail");
        assert_eq!(trial.reached_us, [None; 4]);
    }

    #[test]
    fn unlisted_replies_have_numbers_behind_the_fullest_profile() {
        let mut policy = profile::parse(&profile::built_in("open").unwrap()).unwrap();
        let reply = |n: usize| Reply { code: 450.try_into().unwrap(), enhanced: None, text: n.to_string() };
        policy.replies = vec![reply(0); Policy::REPLIES_MAX];
        let mut statistics = ReceiverStatistics::new(std::slice::from_ref(&policy));
        let mut numbers =
            (0..UNLISTED_REPLIES_MAX + 2).map(|n| statistics.unlisted_reply(ProviderId(0), &reply(n), &policy).index());
        assert_eq!(numbers.next(), Some(Policy::REPLIES_MAX));
        assert_eq!(numbers.last(), Some(Policy::REPLIES_MAX + UNLISTED_REPLIES_MAX - 1));
    }
}
