//! The recorder: what a world tells it becomes counters, time series and histograms.
//!
//! It also keeps a running hash of everything it is told: two trials with equal hashes went the same way.

use super::cell::{BUCKETS, CellRecorder, ConservationError};
use super::input::{
    Attempt, AttemptOutcome, ClosingAccount, ConnectionFailure, ProviderFacts, Response, Sample, ServedAttempt,
};
use super::milestones::reach;
use super::model::Trial;
use super::own_failure::OwnFailures;
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{Fraction, ProviderId, ReplyId, RuleId};

/// What a world writes into while a trial runs.
#[derive(Clone, Debug)]
pub struct Recorder {
    bucket: Span,
    /// Whether buckets become wider when there are no more of them.
    open_ended: bool,
    /// The bucket that was asked for last, and when it ends: the next is mostly the same, and a division is dear.
    last: (usize, Time),
    cells: Vec<CellRecorder>,
    hash: u64,
    events: u64,
    deliverable: u64,
    delivered: u64,
    reached: [Option<Time>; 4],
    /// How many must be delivered for the next mark of `reached`.
    next: u64,
}

impl Recorder {
    /// A recorder for these providers over `duration`.
    pub fn new(providers: impl IntoIterator<Item = ProviderFacts>, duration: Span) -> Self {
        Self {
            bucket: Self::bucket_width(duration),
            open_ended: false,
            last: (0, Time::ZERO),
            cells: providers.into_iter().map(|provider| CellRecorder::new(provider, duration)).collect(),
            hash: 0,
            events: 0,
            deliverable: 0,
            delivered: 0,
            reached: [None; 4],
            next: 0,
        }
    }

    /// A recorder for a trial whose end is not known: buckets of a second, and twice as wide whenever they are used up.
    pub fn open_ended(providers: impl IntoIterator<Item = ProviderFacts>) -> Self {
        let longest = Span::DAY.times(30);
        Self { bucket: Span::from_secs(1), open_ended: true, ..Self::new(providers, longest) }
    }

    /// Width of a bucket of the time series of a trial that lasts so long.
    pub fn bucket_width(duration: Span) -> Span {
        Span::from_micros(duration.as_micros().div_ceil(BUCKETS as u64).max(1))
    }

    /// Width of a bucket of the time series.
    pub const fn bucket(&self) -> Span {
        self.bucket
    }

    /// So many recipients, of whom so many can be delivered to, will be sent to a site in this trial.
    pub fn expect(&mut self, site: ProviderId, deliverable: u64) {
        self.cells[site.index()].totals.deliverable += deliverable;
        self.deliverable += deliverable;
    }

    /// So many recipients that were expected turned out to have no mailbox that takes mail.
    pub fn expect_less(&mut self, site: ProviderId, undeliverable: u64) {
        self.cells[site.index()].totals.deliverable -= undeliverable;
        self.deliverable -= undeliverable;
    }

    /// A reply was given that the provider's facts do not list. The number by which it goes from now on.
    pub fn learn_reply(&mut self, site: ProviderId, text: String) -> ReplyId {
        self.cells[site.index()].learn_reply(text)
    }

    /// The world goes through an event of this kind about this thing.
    pub fn event(&mut self, now: Time, kind: u8, about: u32) {
        self.events += 1;
        self.mix(now.as_micros() ^ u64::from(kind) << 56 ^ u64::from(about) << 24);
    }

    /// A connection is tried.
    pub fn connection_tried(&mut self, now: Time, site: ProviderId) {
        let bucket = self.bucket_of(now);
        let cell = &mut self.cells[site.index()];
        cell.totals.connections += 1;
        cell.series.connections[bucket] += 1;
    }

    /// A session begins; so many are open now.
    pub fn session_opened(&mut self, now: Time, site: ProviderId, open: u32) {
        let bucket = self.bucket_of(now);
        let most = &mut self.cells[site.index()].series.open_max[bucket];
        *most = (*most).max(open);
    }

    /// A transaction begins.
    pub fn transaction_begun(&mut self, site: ProviderId) {
        self.cells[site.index()].totals.transactions += 1;
    }

    /// An attempt of so many recipients is refused; `None` is by no rule that is known.
    pub fn attempt_refused(
        &mut self,
        now: Time,
        site: ProviderId,
        stage: Stage,
        rule: Option<RuleId>,
        response: Response,
        recipients: u64,
    ) {
        let bucket = self.bucket_of(now);
        self.cells[site.index()].refused(bucket, stage, rule, response, recipients);
        self.mix(u64::from(rule.map_or(u16::MAX, |rule| rule.0)) << 8 | stage as u64);
    }

    /// The same on a connection that has been refused before, and is no other refused connection.
    pub fn refused_again(
        &mut self,
        now: Time,
        site: ProviderId,
        stage: Stage,
        rule: Option<RuleId>,
        response: Response,
    ) {
        let bucket = self.bucket_of(now);
        self.cells[site.index()].refused_again(bucket, stage, rule, response, 1);
        self.mix(u64::from(rule.map_or(u16::MAX, |rule| rule.0)) << 8 | stage as u64);
    }

    /// An attempt of so many recipients fails without a reply.
    pub fn attempt_failed(
        &mut self,
        now: Time,
        site: ProviderId,
        stage: Stage,
        failure: ConnectionFailure,
        recipients: u64,
    ) {
        let bucket = self.bucket_of(now);
        self.cells[site.index()].failed(bucket, stage, failure, recipients);
    }

    /// An attempt of so many recipients is broken off for a reason that is told in words: what the server said is no
    /// SMTP, or TLS was not to be had.
    pub fn attempt_broken_off(&mut self, now: Time, site: ProviderId, stage: Stage, why: &str, recipients: u64) {
        let bucket = self.bucket_of(now);
        self.cells[site.index()].broken_off(bucket, stage, why, recipients);
    }

    /// A session goes on in clear text, as the server refused STARTTLS.
    pub fn starttls_refused(&mut self, site: ProviderId) {
        self.cells[site.index()].totals.starttls_refused += 1;
    }

    /// An attempt is over. `intended` is when the message should have gone out; asked only for what is delivered.
    #[expect(clippy::inline_always, reason = "asked for every attempt, in one place of each world")]
    #[inline(always)]
    pub fn attempt_over(&mut self, now: Time, attempt: &Attempt, intended: impl FnOnce() -> Time) {
        let Attempt { site, first, recipients, outcome, reply, expired } = *attempt;
        let bucket = self.bucket_of(now);
        let n = u64::from(recipients);
        self.count_attempt(now, bucket, ServedAttempt { site, outcome, reply }, n, intended);
        if expired {
            self.cells[site.index()].expired(bucket, n);
        }
        self.mix(u64::from(first.0) << 32 | n << 8 | outcome as u64);
    }

    /// The same of an attempt that a server saw. `intended` is when its recipient was first named.
    pub fn served_attempt_over(&mut self, now: Time, attempt: ServedAttempt, intended: Time) {
        let bucket = self.bucket_of(now);
        self.count_attempt(now, bucket, attempt, 1, || intended);
        self.mix(1 << 8 | attempt.outcome as u64);
    }

    #[expect(clippy::inline_always, reason = "asked for every attempt, in one place of each world")]
    #[inline(always)]
    fn count_attempt(
        &mut self,
        now: Time,
        bucket: usize,
        attempt: ServedAttempt,
        n: u64,
        intended: impl FnOnce() -> Time,
    ) {
        let cell = &mut self.cells[attempt.site.index()];
        match attempt.outcome {
            AttemptOutcome::Delivered => {
                cell.delivered(now, bucket, n, intended());
                self.delivered += n;
                if self.delivered >= self.next {
                    self.next = reach(&mut self.reached, self.delivered, self.deliverable, now);
                }
            }
            AttemptOutcome::Deferred => cell.deferred(bucket, n, attempt.reply),
            AttemptOutcome::Failed => cell.failed_to_deliver(bucket, n),
            AttemptOutcome::Bounced => cell.bounced(bucket, n, attempt.reply),
            AttemptOutcome::OwnFailure => cell.totals.spoiled += n,
            AttemptOutcome::Unsent | AttemptOutcome::PutOff => {}
        }
    }

    /// Recipients find accepted mail in the junk.
    pub fn junked(&mut self, site: ProviderId, recipients: u64) {
        self.cells[site.index()].totals.junked += recipients;
    }

    /// A complaint reaches a provider.
    pub fn complaint(&mut self, site: ProviderId) {
        self.cells[site.index()].totals.complaints += 1;
    }

    /// The state of things at `now`, which ends a bucket.
    pub fn sample(&mut self, now: Time, site: ProviderId, sample: &Sample) {
        let bucket = self.bucket_of(Time::from_micros(now.as_micros().saturating_sub(1)));
        self.cells[site.index()].sample(bucket, sample);
        let reputation = sample.provider.reputation.map_or(0.0, Fraction::get);
        self.mix((reputation * 1e9).to_bits() ^ sample.held_back);
    }

    /// The trial is over: everything is added up, and must add up.
    ///
    /// # Errors
    ///
    /// If a sender's own account is not what was recorded, or recipients are missing in both.
    pub fn finish(
        self,
        strategy: &str,
        seed: u64,
        unknowns: u64,
        settled: Option<Time>,
        accounts: Vec<ClosingAccount>,
    ) -> Result<Trial, ConservationError> {
        let cells = self.cells.into_iter().zip(accounts).map(|(cell, account)| cell.finish(account));
        Ok(Trial {
            strategy: strategy.to_owned(),
            seed,
            unknowns,
            hash: format!("{:016x}", self.hash),
            events: self.events,
            settled_us: settled.map(Time::as_micros),
            reached_us: self.reached.map(|at| at.map(Time::as_micros)),
            capped_us: 0,
            cells: cells.collect::<Result<_, _>>()?,
            own_failures: OwnFailures::default(),
        })
    }

    /// The bucket of a moment: mostly the one that was asked for last.
    #[inline]
    fn bucket_of(&mut self, now: Time) -> usize {
        let (last, end) = self.last;
        if now < end && end.since(now) <= self.bucket { last } else { self.find_bucket(now) }
    }

    #[inline(never)]
    fn find_bucket(&mut self, now: Time) -> usize {
        while self.open_ended && now.as_micros() / self.bucket.as_micros() >= BUCKETS as u64 {
            self.bucket = self.bucket.times(2);
            self.cells.iter_mut().for_each(CellRecorder::widen);
        }
        let bucket = now.as_micros() / self.bucket.as_micros();
        let end = Time::ZERO + self.bucket.times(bucket + 1);
        self.last = (usize::try_from(bucket).map_or(BUCKETS - 1, |bucket| bucket.min(BUCKETS - 1)), end);
        self.last.0
    }

    /// One round of a multiply-rotate hash (as in FxHash): cheap, and every word and its place count.
    fn mix(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
}
