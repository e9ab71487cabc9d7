//! What the farm's clients have met: from the provider's side of the wire, and so of any client.
//!
//! A run's own record is kept by its sender, who knows what waits in its queues. Here nothing is known but what was
//! said, and these are the rules by which it becomes the same report:
//!
//! - An attempt is a recipient that was named and answered, or a connection, EHLO or MAIL that was refused before any
//!   was named (which counts as one).
//! - Recipients that were deferred at RCPT or later and have not been delivered or refused since are still queued.
//! - The time to delivery counts from the first attempt that was seen.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use hdrhistogram::Histogram;

use crate::provider::{Answer, Policy, Provider, Refusal};
use crate::record::{ConnectionFailure, ConservationError, Ending, Recorder, Sample, Trial};
use crate::sender::{AttemptResult, Delivery, Outcome, RecipientResult, SiteCounts};
use crate::smtp::{Class, Reply, Stage};
use crate::time::{Span, Time};
use crate::units::{ClientId, Fraction, ProviderId, RecipientId, ReplyId, RuleId};

/// The books of a farm.
pub(super) struct Ledger {
    recorder: Recorder,
    sites: Vec<SiteBooks>,
    clients: Vec<ClientBooks>,
    /// Recipients that were deferred, by number, and when they were seen first.
    waiting: BTreeMap<(ProviderId, u64), Time>,
    hear: Option<Hear>,
    /// When the books were opened: what is recorded counts from there.
    began: Time,
}

/// Hears of everything that happens.
pub type Hear = Box<dyn Fn(&Note<'_>) + Send>;

/// Recipients that were deferred and are remembered until they come back.
const WAITING_MAX: usize = 2_000_000;

#[derive(Clone, Debug)]
struct SiteBooks {
    counts: SiteCounts,
    /// When recipients were delivered, in milliseconds.
    delivered: Histogram<u64>,
    /// Replies that were ordered, or are the session's own, and stand in no profile; behind those of the profile they
    /// have numbers too.
    ordered: Vec<Reply>,
    connections: u64,
    refused: BTreeMap<Cause, u64>,
}

/// Ordered replies that are told apart; all others count as the last.
const ORDERED_MAX: usize = 200;

impl SiteBooks {
    fn ordered(&mut self, reply: &Reply, policy: &Policy) -> ReplyId {
        let known = self.ordered.iter().position(|known| known == reply);
        let place = known.unwrap_or_else(|| {
            if self.ordered.len() < ORDERED_MAX {
                self.ordered.push(reply.clone());
            }
            self.ordered.len() - 1
        });
        ReplyId::from_index(policy.replies.len() + place)
    }

    /// The policy, with the replies that were ordered.
    fn book(&self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        policy.replies.extend(self.ordered.iter().cloned());
        policy
    }
}

/// What one client met, at all providers together.
#[derive(Clone, Debug, Default)]
pub struct ClientBooks {
    /// Connections.
    pub connections: u64,
    /// Attempts that were accepted.
    pub accepted: u64,
    /// Attempts that were deferred.
    pub deferred: u64,
    /// Attempts that were refused for good.
    pub rejected: u64,
    /// Refusals by provider and cause.
    pub refused: BTreeMap<(ProviderId, Cause), u64>,
}

/// What a refusal was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// Where in the session.
    pub stage: Stage,
    /// The rule that refused; `None` is what somebody ordered, or what the session refused by itself.
    pub rule: Option<RuleId>,
    /// The reply, by its place in the provider's book, all others behind its own; `None` is a connection that was
    /// closed without a word.
    pub reply: Option<ReplyId>,
}

/// Something happened, for whoever listens.
#[derive(Clone, Copy, Debug)]
pub struct Note<'a> {
    /// When, by the farm's clock.
    pub at: Time,
    /// Where.
    pub site: ProviderId,
    /// With whom.
    pub ip: IpAddr,
    /// What.
    pub what: What<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// A session began.
    Opened,
    /// A command was refused.
    Refused {
        /// Where in the session.
        stage: Stage,
        /// The rule that refused; `None` is what somebody ordered, or what the session refused by itself.
        rule: Option<&'a str>,
        /// The reply as it was sent; `None` is none.
        reply: Option<&'a str>,
        /// The sender, once it is known.
        from: Option<&'a str>,
        /// The recipient, where it is one that was refused.
        to: Option<&'a str>,
    },
    /// A message was accepted.
    Accepted {
        /// The sender.
        from: &'a str,
        /// For how many recipients.
        recipients: usize,
        /// Bytes.
        size: u64,
    },
    /// A session ended.
    Closed,
}

/// Whose refusal it was.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said<'a> {
    /// A rule's.
    Rule(Refusal),
    /// Somebody's order: a reply, or nothing if the connection was closed without one.
    Order(Option<&'a Reply>),
    /// The session's own: a message too big to be read or with bare line ends, a recipient too many.
    Session(&'a Reply),
}

/// A refusal and whom it met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blow<'a> {
    pub(super) now: Time,
    pub(super) site: ProviderId,
    pub(super) client: ClientId,
    pub(super) stage: Stage,
    pub(super) said: Said<'a>,
    /// The recipients it met, by number; empty before any was named.
    pub(super) met: &'a [u64],
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("clients", &self.clients.len()).finish_non_exhaustive()
    }
}

impl Ledger {
    pub(super) fn new(policies: &[Policy]) -> Self {
        // Bounds that are valid: see `Recorder`.
        let delivered = Histogram::new_with_bounds(1, Span::DAY.times(366).as_millis_ceil(), 3).expect("valid bounds");
        let site = |_| SiteBooks {
            counts: SiteCounts::default(),
            delivered: delivered.clone(),
            ordered: Vec::new(),
            connections: 0,
            refused: BTreeMap::new(),
        };
        Self {
            recorder: Recorder::open_ended(policies),
            sites: policies.iter().map(site).collect(),
            clients: Vec::new(),
            waiting: BTreeMap::new(),
            hear: None,
            began: Time::ZERO,
        }
    }

    /// New books for the same providers, clients and listeners.
    pub(super) fn open_anew(&mut self, now: Time, policies: &[Policy]) {
        let (clients, hear) = (self.clients.len(), self.hear.take());
        *self = Self { clients: vec![ClientBooks::default(); clients], hear, began: now, ..Self::new(policies) };
    }

    /// When the books were opened.
    pub(super) const fn began(&self) -> Time {
        self.began
    }

    fn recorded(&self, now: Time) -> Time {
        Time::ZERO + now.since(self.began)
    }

    pub(super) fn listen(&mut self, hear: Option<Hear>) {
        self.hear = hear;
    }

    /// Tells whoever listens.
    pub(super) fn tell(&self, note: &Note<'_>) {
        if let Some(hear) = &self.hear {
            hear(note);
        }
    }

    /// Whether anybody listens.
    pub(super) const fn is_heard(&self) -> bool {
        self.hear.is_some()
    }

    /// A client nobody has seen before; the next number is its.
    pub(super) fn meet(&mut self, _: IpAddr) {
        self.clients.push(ClientBooks::default());
    }

    pub(super) fn client(&self, client: ClientId) -> Option<&ClientBooks> {
        self.clients.get(client.index())
    }

    pub(super) fn connects(&mut self, now: Time, site: ProviderId, client: ClientId) {
        self.recorder.connects(self.recorded(now), site);
        self.clients[client.index()].connections += 1;
        self.sites[site.index()].connections += 1;
    }

    pub(super) fn opened(&mut self, now: Time, site: ProviderId, open: u32) {
        self.recorder.opened(self.recorded(now), site, open);
    }

    pub(super) fn transacts(&mut self, site: ProviderId) {
        self.recorder.transacts(site);
    }

    pub(super) fn complained(&mut self, site: ProviderId) {
        self.recorder.complained(site);
    }

    /// These recipients have their message.
    pub(super) fn accepted(&mut self, now: Time, site: ProviderId, client: ClientId, who: impl Iterator<Item = u64>) {
        let now = self.recorded(now);
        for recipient in who {
            let since = self.leaves(site, recipient);
            self.recorder.expect(site, 1);
            self.clients[client.index()].accepted += 1;
            let books = &mut self.sites[site.index()];
            books.counts.delivered += 1;
            books.delivered.saturating_record(millis(now));
            let settled = settled(site, Outcome::Delivered, RecipientResult::Accepted);
            self.recorder.settled(now, &settled, || since.unwrap_or(now));
        }
    }

    /// A refusal.
    pub(super) fn refused(&mut self, blow: &Blow<'_>, policy: &Policy) {
        let Blow { now, site, client, stage, said, met } = *blow;
        let now = self.recorded(now);
        let n = met.len().max(1) as u64;
        let (rule, class, heard) = match said {
            Said::Rule(refusal) => {
                self.recorder.refused(now, site, stage, refusal, n);
                match refusal.answer {
                    Answer::Reply { reply, .. } => {
                        let class = policy.replies[reply.index()].code.class();
                        (Some(refusal.rule), Some(class), RecipientResult::Refused(stage, reply))
                    }
                    Answer::Drop | Answer::Tarpit(_) => (Some(refusal.rule), None, RecipientResult::NoReply(stage)),
                }
            }
            Said::Order(None) => (None, None, RecipientResult::NoReply(stage)),
            Said::Order(Some(reply)) | Said::Session(reply) => {
                let id = self.sites[site.index()].ordered(reply, policy);
                self.recorder.answered(now, site, stage, None, Answer::Reply { reply: id, close: false }, n);
                (None, Some(reply.code.class()), RecipientResult::Refused(stage, id))
            }
        };
        let books = &mut self.clients[client.index()];
        let reply = if let RecipientResult::Refused(_, reply) = heard { Some(reply) } else { None };
        let cause = Cause { stage, rule, reply };
        *books.refused.entry((site, cause)).or_default() += n;
        *self.sites[site.index()].refused.entry(cause).or_default() += n;
        let outcome = match class {
            Some(Class::Permanent) => Outcome::Bounced,
            Some(_) => Outcome::Deferred,
            None => Outcome::Failed,
        };
        *(if outcome == Outcome::Bounced { &mut books.rejected } else { &mut books.deferred }) += n;
        for who in 0..n {
            let recipient = usize::try_from(who).ok().and_then(|who| met.get(who)).copied();
            self.settle(now, site, recipient, outcome, heard);
        }
    }

    /// A connection was lost or given up in the middle of a transaction.
    pub(super) fn lost(&mut self, now: Time, site: ProviderId, stage: Stage, met: &[u64]) {
        let now = self.recorded(now);
        self.recorder.silent(now, site, stage, ConnectionFailure::Reset, met.len() as u64);
        for recipient in met {
            self.settle(now, site, Some(*recipient), Outcome::Failed, RecipientResult::NoReply(stage));
        }
    }

    /// An attempt that did not succeed.
    fn settle(
        &mut self,
        now: Time,
        site: ProviderId,
        recipient: Option<u64>,
        outcome: Outcome,
        heard: RecipientResult,
    ) {
        match recipient {
            Some(recipient) if outcome == Outcome::Bounced => drop(self.leaves(site, recipient)),
            Some(recipient) => self.waits(now, site, recipient),
            None if outcome == Outcome::Bounced => self.sites[site.index()].counts.injected += 1,
            None => {}
        }
        if outcome == Outcome::Bounced {
            self.sites[site.index()].counts.bounced += 1;
        }
        self.recorder.settled(now, &settled(site, outcome, heard), || now);
    }

    /// A recipient is settled: since when it waited. Whoever did not wait was never seen before.
    fn leaves(&mut self, site: ProviderId, recipient: u64) -> Option<Time> {
        let since = if self.waiting.is_empty() { None } else { self.waiting.remove(&(site, recipient)) };
        let counts = &mut self.sites[site.index()].counts;
        match since {
            Some(_) => counts.delayed -= 1,
            None => counts.injected += 1,
        }
        since
    }

    fn waits(&mut self, now: Time, site: ProviderId, recipient: u64) {
        if self.waiting.len() >= WAITING_MAX {
            return;
        }
        let counts = &mut self.sites[site.index()].counts;
        self.waiting.entry((site, recipient)).or_insert_with(|| {
            counts.injected += 1;
            counts.delayed += 1;
            now
        });
    }

    /// Time passes: whatever is looked at now and then.
    pub(super) fn sample(&mut self, now: Time, providers: &[&Provider], clients: &[ClientId]) {
        for ((id, provider), books) in (0..).zip(providers).zip(&self.sites) {
            let lowest = clients.iter().map(|client| provider.reputation(*client).get()).fold(1.0, f64::min);
            let limits = clients.iter().map(|client| provider.open_limit(now, *client).map(u64::from));
            let sample = Sample {
                held_back: 0,
                waiting: books.counts.delayed,
                reputation: Fraction::clamped(lowest),
                open_limit: limits.sum(),
                open: provider.open_sessions(),
            };
            self.recorder.sample(self.recorded(now), ProviderId(id), sample);
        }
    }

    /// At a provider: connections, recipients delivered to, and refusals by cause.
    pub(super) fn site(&self, site: ProviderId) -> (u64, u64, &BTreeMap<Cause, u64>) {
        let books = &self.sites[site.index()];
        (books.connections, books.counts.delivered, &books.refused)
    }

    /// A reply of a provider, its own or ordered.
    pub(super) fn reply<'a>(&'a self, site: ProviderId, reply: ReplyId, policy: &'a Policy) -> Option<&'a Reply> {
        let ordered = || self.sites[site.index()].ordered.get(reply.index() - policy.replies.len());
        policy.replies.get(reply.index()).or_else(ordered)
    }

    /// Width of a bucket of the time series.
    pub(super) const fn bucket(&self) -> Span {
        self.recorder.bucket()
    }

    /// The trial so far.
    pub(super) fn finish(
        &mut self,
        now: Time,
        strategy: &str,
        seed: u64,
        providers: &[&Provider],
        clients: &[ClientId],
    ) -> Result<Trial, ConservationError> {
        self.sample(now, providers, clients);
        let books = |(provider, books): (&&Provider, &SiteBooks)| books.book(provider.policy());
        let policies: Vec<Policy> = providers.iter().zip(&self.sites).map(books).collect();
        let ending = |((provider, books), policy): ((&&Provider, &SiteBooks), _)| {
            let rules = u16::try_from(provider.policy().rules.len()).unwrap_or(u16::MAX);
            let activities = (0..rules).map(|rule| provider.activity(RuleId(rule), now)).collect();
            Ending { policy, counts: books.counts, activities }
        };
        let endings: Vec<Ending<'_>> = providers.iter().zip(&self.sites).zip(&policies).map(ending).collect();
        let mut trial = self.recorder.clone().finish(strategy, seed, seed, None, &endings)?;
        let mut all = Histogram::new_from(&self.sites[0].delivered);
        for (cell, books) in trial.cells.iter_mut().zip(&self.sites) {
            cell.totals.reached_us = reached(&books.delivered, cell.totals.injected);
            // The bounds are the same, so this cannot fail.
            let _ = all.add(&books.delivered);
        }
        trial.reached_us = reached(&all, trial.cells.iter().map(|cell| cell.totals.injected).sum());
        Ok(trial)
    }
}

/// When 50, 90, 99 and 100 % of `all` recipients were delivered, in microseconds.
fn reached(delivered: &Histogram<u64>, all: u64) -> [Option<u64>; 4] {
    [50, 90, 99, 100].map(|percent| {
        let needed = (all * percent).div_ceil(100);
        if needed == 0 || needed > delivered.len() {
            return None;
        }
        Some(delivered.value_at_quantile(needed as f64 / delivered.len() as f64) * 1_000)
    })
}

fn millis(now: Time) -> u64 {
    now.since(Time::ZERO).as_millis_ceil().max(1)
}

fn settled(site: ProviderId, outcome: Outcome, result: RecipientResult) -> AttemptResult {
    let delivery = Delivery { ready_at: Time::ZERO, first: RecipientId(0), count: 1, failures: 0, priority: false };
    AttemptResult { site, delivery, outcome, result, expired: false }
}
