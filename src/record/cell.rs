//! The recorder of one cell: what one strategy under one seed met at one provider.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::input::{
    ClosingAccount, ConnectionFailure, ProviderFacts, RefusingReply, ReplyFacts, Response, Sample, SenderAccount,
};
use super::milestones::reach;
use super::model::{Cell, ReplyCount, Series, Totals};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{ReplyId, RuleId};

/// Buckets of the time series.
pub(super) const BUCKETS: usize = 240;

/// The counters, series and histogram of a cell while its trial runs.
#[derive(Clone, Debug)]
pub(super) struct CellRecorder {
    provider: ProviderFacts,
    pub(super) totals: Totals,
    /// How many must be delivered here for the next mark of `totals.reached_us`.
    next: u64,
    pub(super) series: Series,
    time_to_delivery: Histogram<u64>,
    failures: Vec<FailedAttempts>,
    /// Why attempts were broken off, in words.
    break_offs: Vec<String>,
}

/// Attempts that failed in the same way.
#[derive(Clone, Debug)]
struct FailedAttempts {
    stage: Stage,
    rule: Option<RuleId>,
    cause: AttemptFailure,
    count: u64,
    over_time: Vec<(u32, u64)>,
}

/// How the provider refused an attempt, or what happened instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttemptFailure {
    Response(Response),
    Connection(ConnectionFailure),
    /// Broken off for the reason that has this place in the list.
    BrokenOff(usize),
}

/// Reasons to break off that are told apart at one provider. Some servers put a number into whatever they say.
const BREAK_OFFS_MAX: usize = 200;

/// Recipients are not conserved: a defect of mxlab, never of the scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("recipients are not conserved at {site}: {injected} injected, but {accounted} accounted for ({detail})")]
pub struct ConservationError {
    /// The name of the provider.
    pub site: String,
    /// Recipients handed to the sender.
    pub injected: u64,
    /// Delivered + bounced + expired + queued.
    pub accounted: u64,
    /// The sum in words.
    pub detail: String,
}

impl CellRecorder {
    pub(super) fn new(provider: ProviderFacts, duration: Span) -> Self {
        let longest = duration.as_millis_ceil().max(1_000);
        // The bounds are valid (1 ≤ low, 2 × low ≤ high, digits ≤ 5), so this cannot fail.
        let time_to_delivery = Histogram::new_with_bounds(1, longest, 3).expect("bounds of the histogram are valid");
        Self {
            provider,
            totals: Totals::default(),
            next: 0,
            series: empty_series(),
            time_to_delivery,
            failures: Vec::new(),
            break_offs: Vec::new(),
        }
    }

    pub(super) fn learn_reply(&mut self, text: String) -> ReplyId {
        self.provider.replies.push(ReplyFacts { text, for_limit: false });
        ReplyId::from_index(self.provider.replies.len() - 1)
    }

    pub(super) fn refused(&mut self, bucket: usize, stage: Stage, rule: Option<RuleId>, response: Response, n: u64) {
        if stage <= Stage::Ehlo {
            self.totals.connections_refused += 1;
            self.series.connections_refused[bucket] += 1;
        }
        self.refused_again(bucket, stage, rule, response, n);
    }

    pub(super) fn refused_again(
        &mut self,
        bucket: usize,
        stage: Stage,
        rule: Option<RuleId>,
        response: Response,
        n: u64,
    ) {
        self.count_failure(bucket, stage, rule, AttemptFailure::Response(response), n);
    }

    pub(super) fn failed(&mut self, bucket: usize, stage: Stage, failure: ConnectionFailure, n: u64) {
        if stage <= Stage::Ehlo {
            self.totals.connections_failed += 1;
        }
        self.count_failure(bucket, stage, None, AttemptFailure::Connection(failure), n);
    }

    pub(super) fn broken_off(&mut self, bucket: usize, stage: Stage, why: &str, n: u64) {
        if stage <= Stage::Ehlo {
            self.totals.connections_failed += 1;
        }
        let why = if self.break_offs.len() < BREAK_OFFS_MAX { why } else { "one of many reasons" };
        let place = self.break_offs.iter().position(|known| known == why).unwrap_or_else(|| {
            self.break_offs.push(why.to_owned());
            self.break_offs.len() - 1
        });
        self.count_failure(bucket, stage, None, AttemptFailure::BrokenOff(place), n);
    }

    fn count_failure(&mut self, bucket: usize, stage: Stage, rule: Option<RuleId>, cause: AttemptFailure, n: u64) {
        let found = self.failures.iter().position(|r| r.rule == rule && r.stage == stage && r.cause == cause);
        let index = found.unwrap_or_else(|| {
            self.failures.push(FailedAttempts { stage, rule, cause, count: 0, over_time: Vec::new() });
            self.failures.len() - 1
        });
        let failure = &mut self.failures[index];
        failure.count += n;
        let bucket = u32::try_from(bucket).expect("there are few buckets");
        match failure.over_time.last_mut() {
            Some((last, count)) if *last == bucket => *count += n,
            _ => failure.over_time.push((bucket, n)),
        }
    }

    #[inline]
    fn attempted(&mut self, bucket: usize, n: u64) {
        self.totals.attempts += n;
        self.series.attempts[bucket] += n;
    }

    #[expect(clippy::inline_always, reason = "asked for every delivery, in one place")]
    #[inline(always)]
    pub(super) fn delivered(&mut self, now: Time, bucket: usize, n: u64, intended: Time) {
        self.attempted(bucket, n);
        self.totals.delivered += n;
        self.series.delivered[bucket] += n;
        self.time_to_delivery.saturating_record_n(now.since(intended).as_millis_ceil().max(1), n);
        if self.totals.delivered >= self.next {
            let Totals { reached_us, delivered, deliverable, .. } = &mut self.totals;
            self.next = reach(reached_us, *delivered, *deliverable, now.as_micros());
        }
    }

    #[inline]
    pub(super) fn deferred(&mut self, bucket: usize, n: u64, reply: Option<RefusingReply>) {
        self.attempted(bucket, n);
        self.totals.deferred += n;
        self.series.deferred[bucket] += n;
        if let Some(refusal) = reply {
            self.totals.deferred_at[refusal.stage as usize] += n;
        }
    }

    pub(super) fn failed_to_deliver(&mut self, bucket: usize, n: u64) {
        self.attempted(bucket, n);
        self.totals.failed += n;
    }

    pub(super) fn bounced(&mut self, bucket: usize, n: u64, reply: Option<RefusingReply>) {
        self.attempted(bucket, n);
        self.totals.bounced += n;
        self.series.bounced[bucket] += n;
        let replies = &self.provider.replies;
        if reply.and_then(|refusal| replies.get(refusal.reply.index())).is_some_and(|reply| reply.for_limit) {
            self.totals.bounced_by_limit += n;
        }
    }

    pub(super) fn expired(&mut self, bucket: usize, n: u64) {
        self.totals.expired += n;
        self.series.expired[bucket] += n;
    }

    pub(super) fn sample(&mut self, bucket: usize, sample: &Sample) {
        let (series, provider) = (&mut self.series, sample.provider);
        series.held_back[bucket] = sample.held_back;
        series.waiting[bucket] = sample.waiting;
        // A trial may end before its time: what nothing moves any more stays as it is.
        let reputation = provider.reputation.map(|score| (score.get() * 1e6).round() / 1e6);
        series.reputation[bucket..].fill(reputation);
        series.open_limit[bucket..].fill(provider.open_limit);
        series.open_max[bucket] = series.open_max[bucket].max(provider.open);
    }

    /// Every two buckets become one.
    pub(super) fn widen(&mut self) {
        let series = &mut self.series;
        for counted in [
            &mut series.attempts,
            &mut series.deferred,
            &mut series.delivered,
            &mut series.bounced,
            &mut series.expired,
            &mut series.connections,
            &mut series.connections_refused,
        ] {
            merge(counted, 0, |first, second| first + second);
        }
        merge(&mut series.open_max, 0, u32::max);
        // What is looked at when a bucket ends.
        merge(&mut series.held_back, 0, |_, last| last);
        merge(&mut series.waiting, 0, |_, last| last);
        let (reputation, limit) = (series.reputation.last().copied(), series.open_limit.last().copied());
        merge(&mut series.reputation, reputation.unwrap_or_default(), |_, last| last);
        merge(&mut series.open_limit, limit.unwrap_or_default(), |_, last| last);
        for failure in &mut self.failures {
            failure.over_time.iter_mut().for_each(|(bucket, _)| *bucket /= 2);
            failure.over_time.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 += if same { next.1 } else { 0 };
                same
            });
        }
    }

    /// What happened at the site, with the closing account of both sides.
    ///
    /// # Errors
    ///
    /// If the sender's account is not what was recorded, or recipients are missing in both.
    pub(super) fn finish(mut self, account: ClosingAccount) -> Result<Cell, ConservationError> {
        let ClosingAccount { sender, rules, hold_us } = account;
        let totals = &mut self.totals;
        totals.injected = sender.injected;
        totals.queued = sender.queued;
        totals.held_back_us = sender.held_back_us;
        totals.put_off = sender.put_off;
        totals.window = sender.window;
        totals.hold_us = hold_us;
        balance(&self.provider.name, totals, &sender)?;
        // A server that is not ours may deliver to mailboxes of which the scenario says that they do not exist.
        totals.deliverable = totals.deliverable.max(totals.delivered);
        let replies = self.failures.into_iter().map(|failure| failure.finish(&self.provider, &self.break_offs));
        let mut replies: Vec<ReplyCount> = replies.collect();
        replies.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.text, &a.stage, &a.rule).cmp(&(&b.text, &b.stage, &b.rule)))
        });
        Ok(Cell {
            totals: self.totals,
            series: self.series,
            time_to_delivery: encode(&self.time_to_delivery),
            replies,
            rules,
        })
    }
}

impl FailedAttempts {
    fn finish(self, provider: &ProviderFacts, break_offs: &[String]) -> ReplyCount {
        let text = match self.cause {
            AttemptFailure::Response(Response::Reply { reply, .. }) => provider.replies[reply.index()].text.clone(),
            AttemptFailure::Response(Response::Closed) => "(connection closed without a reply)".to_owned(),
            AttemptFailure::Connection(failure) => in_parentheses(failure).to_owned(),
            AttemptFailure::BrokenOff(place) => format!("({})", break_offs[place]),
        };
        ReplyCount {
            stage: self.stage.name().to_owned(),
            text,
            rule: self.rule.map(|rule| provider.rules[rule.index()].clone()).unwrap_or_default(),
            count: self.count,
            over_time: self.over_time,
        }
    }
}

/// What stands in the place of a reply that never came.
const fn in_parentheses(failure: ConnectionFailure) -> &'static str {
    match failure {
        ConnectionFailure::Refused => "(connection refused)",
        ConnectionFailure::ConnectTimeout => "(connect timed out)",
        ConnectionFailure::GreetingTimeout => "(no greeting)",
        ConnectionFailure::Reset => "(connection lost)",
        ConnectionFailure::CommandTimeout => "(no reply in time)",
        ConnectionFailure::Unreachable => "(host unreachable)",
    }
}

fn empty_series() -> Series {
    Series {
        attempts: vec![0; BUCKETS],
        deferred: vec![0; BUCKETS],
        delivered: vec![0; BUCKETS],
        bounced: vec![0; BUCKETS],
        expired: vec![0; BUCKETS],
        connections: vec![0; BUCKETS],
        connections_refused: vec![0; BUCKETS],
        open_max: vec![0; BUCKETS],
        held_back: vec![0; BUCKETS],
        waiting: vec![0; BUCKETS],
        reputation: vec![None; BUCKETS],
        open_limit: vec![None; BUCKETS],
    }
}

/// Every two values become one, and the second half is empty.
fn merge<T: Copy>(values: &mut [T], empty: T, one: impl Fn(T, T) -> T) {
    let half = values.len() / 2;
    for n in 0..half {
        values[n] = one(values[2 * n], values[2 * n + 1]);
    }
    values[half..].fill(empty);
}

/// What was recorded against the sender's own account, and both against conservation.
fn balance(site: &str, totals: &Totals, sender: &SenderAccount) -> Result<(), ConservationError> {
    let accounted = totals.delivered + totals.bounced + totals.expired + totals.queued;
    let same = (totals.delivered, totals.bounced, totals.expired) == (sender.delivered, sender.bounced, sender.expired);
    if accounted == totals.injected && same {
        return Ok(());
    }
    let detail = format!("recorded {totals:?}, sender says {sender:?}");
    Err(ConservationError { site: site.to_owned(), injected: totals.injected, accounted, detail })
}

fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    // Writing to memory fails only for counts beyond 2^63.
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("a histogram fits in memory");
    STANDARD.encode(bytes)
}
