//! The recorder: what a world tells it becomes counters, time series and histograms.
//!
//! It also keeps a running hash of everything it is told: two trials with equal hashes went the same way.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::model::{Cell, ReplyCount, RuleActivity, Series, Totals, Trial};
use crate::provider::{Policy, Refusal, RuleAction, RuleKind, RuleStats};
use crate::sender::{AttemptResult, Outcome, RecipientResult, SiteCounts};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{Fraction, ProviderId, RuleId};

/// Buckets of the time series.
const BUCKETS: u64 = 240;

/// What a world writes into while a trial runs.
#[derive(Clone, Debug)]
pub struct Recorder {
    bucket: Span,
    /// Whether buckets become wider when there are no more of them.
    open_ended: bool,
    /// The bucket that was asked for last, and when it ends: the next is mostly the same, and a division is dear.
    last: (usize, Time),
    sites: Vec<Site>,
    hash: u64,
    events: u64,
    deliverable: u64,
    delivered: u64,
    reached: [Option<Time>; 4],
    /// How many must be delivered for the next mark of `reached`.
    next: u64,
}

#[derive(Clone, Debug)]
struct Site {
    totals: Totals,
    /// How many must be delivered here for the next mark of `totals.reached_us`.
    next: u64,
    series: Series,
    time_to_delivery: Histogram<u64>,
    replies: Vec<Tally>,
    /// For each reply of the provider's book, whether it speaks for a limit or a hold.
    limits: Vec<bool>,
}

/// How often one refusal was given.
#[derive(Clone, Debug)]
struct Tally {
    stage: Stage,
    rule: Option<RuleId>,
    said: Said,
    count: u64,
    over_time: Vec<(u32, u64)>,
}

/// What was said, or what happened instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Answer(RuleAction),
    ConnectionFailure(ConnectionFailure),
}

/// How a connection fails without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFailure {
    /// The host refused the connection.
    Refused,
    /// Nobody answered.
    ConnectTimeout,
    /// Nobody greeted.
    GreetingTimeout,
    /// The connection was lost.
    Reset,
    /// A command, or the dot, was not answered in time.
    CommandTimeout,
}

/// The state of things at the end of a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Recipients ready and held back by the sender.
    pub held_back: u64,
    /// Recipients that wait for their retry.
    pub waiting: u64,
    /// Lowest reputation of any source.
    pub reputation: Fraction,
    /// Limit on open connections, summed over sources.
    pub open_limit: Option<u64>,
    /// Connections open, as the provider sees them.
    pub open: u32,
}

/// What a site's trial ends with, beyond what was recorded on the way.
#[derive(Debug)]
pub struct Ending<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The sender's own account.
    pub counts: SiteCounts,
    /// What every rule did.
    pub activities: Vec<RuleStats>,
}

/// The books do not balance: a defect of mxlab, never of the scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("recipients are not conserved at {site}: {injected} injected, but {accounted} accounted for ({detail})")]
pub struct ConservationError {
    /// The provider.
    pub site: String,
    /// Recipients injected.
    pub injected: u64,
    /// Delivered + bounced + expired + queued.
    pub accounted: u64,
    /// The sum in words.
    pub detail: String,
}

impl Recorder {
    /// A recorder for these providers over `duration`.
    pub fn new(policies: &[Policy], duration: Span) -> Self {
        let bucket = Span::from_micros(duration.as_micros().div_ceil(BUCKETS).max(1));
        Self {
            bucket,
            open_ended: false,
            last: (0, Time::ZERO),
            sites: policies.iter().map(|policy| Site::new(policy, duration)).collect(),
            hash: 0,
            events: 0,
            deliverable: 0,
            delivered: 0,
            reached: [None; 4],
            next: 0,
        }
    }

    /// A recorder for a trial whose end nobody knows: buckets of a second, and twice as wide whenever they are used up.
    pub fn open_ended(policies: &[Policy]) -> Self {
        let longest = Span::DAY.times(30);
        Self {
            bucket: Span::from_secs(1),
            open_ended: true,
            sites: policies.iter().map(|policy| Site::new(policy, longest)).collect(),
            ..Self::new(&[], longest)
        }
    }

    /// Width of a bucket of the time series.
    pub const fn bucket(&self) -> Span {
        self.bucket
    }

    /// So many recipients, of whom so many can be delivered to, will be sent to a site in this trial.
    pub fn expect(&mut self, site: ProviderId, deliverable: u64) {
        self.sites[site.index()].totals.deliverable += deliverable;
        self.deliverable += deliverable;
    }

    /// The world goes through an event of this kind about this thing.
    pub fn event(&mut self, now: Time, kind: u8, about: u32) {
        self.events += 1;
        self.mix(now.as_micros() ^ u64::from(kind) << 56 ^ u64::from(about) << 24);
    }

    /// A connection is tried.
    pub fn connects(&mut self, now: Time, site: ProviderId) {
        let bucket = self.bucket_of(now);
        let site = &mut self.sites[site.index()];
        site.totals.connections += 1;
        site.series.connections[bucket] += 1;
    }

    /// A session begins; so many are open now.
    pub fn opened(&mut self, now: Time, site: ProviderId, open: u32) {
        let bucket = self.bucket_of(now);
        let most = &mut self.sites[site.index()].series.open_max[bucket];
        *most = (*most).max(open);
    }

    /// A transaction begins.
    pub fn transacts(&mut self, site: ProviderId) {
        self.sites[site.index()].totals.transactions += 1;
    }

    /// A rule refuses an attempt of so many recipients.
    pub fn refused(&mut self, now: Time, site: ProviderId, stage: Stage, refusal: Refusal, n: u64) {
        self.answered(now, site, stage, Some(refusal.rule), refusal.action, n);
    }

    /// An attempt of so many recipients is refused; `None` is by no rule that is known.
    pub fn answered(
        &mut self,
        now: Time,
        site: ProviderId,
        stage: Stage,
        rule: Option<RuleId>,
        answer: RuleAction,
        n: u64,
    ) {
        let bucket = self.bucket_of(now);
        let books = &mut self.sites[site.index()];
        if stage <= Stage::Ehlo {
            books.totals.connections_refused += 1;
            books.series.connections_refused[bucket] += 1;
        }
        books.tally(bucket, stage, rule, Said::Answer(answer), n);
        self.mix(u64::from(rule.map_or(u16::MAX, |rule| rule.0)) << 8 | stage as u64);
    }

    /// An attempt of so many recipients fails without a reply.
    pub fn silent(&mut self, now: Time, site: ProviderId, stage: Stage, silence: ConnectionFailure, n: u64) {
        let bucket = self.bucket_of(now);
        let books = &mut self.sites[site.index()];
        if stage <= Stage::Ehlo {
            books.totals.connections_failed += 1;
        }
        books.tally(bucket, stage, None, Said::ConnectionFailure(silence), n);
    }

    /// An attempt is over. `intended` is when the message should have gone out; asked only for what is delivered.
    pub fn settled(&mut self, now: Time, settled: &AttemptResult, intended: impl FnOnce() -> Time) {
        let bucket = self.bucket_of(now);
        let n = u64::from(settled.delivery.count);
        let site = &mut self.sites[settled.site.index()];
        if !matches!(settled.outcome, Outcome::Unsent | Outcome::Suspended) {
            site.totals.attempts += n;
            site.series.attempts[bucket] += n;
        }
        match settled.outcome {
            Outcome::Delivered => {
                site.totals.delivered += n;
                site.series.delivered[bucket] += n;
                site.time_to_delivery.saturating_record_n(now.since(intended()).as_millis_ceil().max(1), n);
                if site.totals.delivered >= site.next {
                    let Totals { reached_us, delivered, deliverable, .. } = &mut site.totals;
                    site.next = reach(reached_us, *delivered, *deliverable, now.as_micros());
                }
                self.delivered += n;
                if self.delivered >= self.next {
                    self.next = reach(&mut self.reached, self.delivered, self.deliverable, now);
                }
            }
            Outcome::Deferred => {
                site.totals.deferred += n;
                if let RecipientResult::Refused(stage, _) = settled.result {
                    site.totals.deferred_at[stage as usize] += n;
                }
                site.series.deferred[bucket] += n;
            }
            Outcome::Failed => site.totals.failed += n,
            Outcome::Unsent | Outcome::Suspended => {}
            Outcome::Bounced => {
                site.totals.bounced += n;
                site.series.bounced[bucket] += n;
                let limit = matches!(settled.result, RecipientResult::Refused(_, reply) if site.limits.get(reply.index()) == Some(&true));
                site.totals.bounced_by_limit += if limit { n } else { 0 };
            }
        }
        if settled.expired {
            site.totals.expired += n;
            site.series.expired[bucket] += n;
        }
        self.mix(u64::from(settled.delivery.first.0) << 32 | n << 8 | settled.outcome as u64);
    }

    /// A complaint reaches a provider.
    pub fn complained(&mut self, site: ProviderId) {
        self.sites[site.index()].totals.complaints += 1;
    }

    /// The state of things at `now`, which ends a bucket.
    pub fn sample(&mut self, now: Time, site: ProviderId, sample: Sample) {
        let bucket = self.bucket_of(Time::from_micros(now.as_micros().saturating_sub(1)));
        let series = &mut self.sites[site.index()].series;
        series.held_back[bucket] = sample.held_back;
        series.waiting[bucket] = sample.waiting;
        // A trial may end before its time: what nothing moves any more stays as it is.
        series.reputation[bucket..].fill((sample.reputation.get() * 1e6).round() / 1e6);
        series.open_limit[bucket..].fill(sample.open_limit);
        series.open_max[bucket] = series.open_max[bucket].max(sample.open);
        self.mix((sample.reputation.get() * 1e9).to_bits() ^ sample.held_back);
    }

    /// The trial is over: everything is added up, and must add up.
    pub fn finish(
        mut self,
        strategy: &str,
        seed: u64,
        unknowns: u64,
        settled: Option<Time>,
        endings: &[Ending<'_>],
    ) -> Result<Trial, ConservationError> {
        let hash = format!("{:016x}", self.hash);
        let cells =
            self.sites.drain(..).zip(endings).map(|(site, ending)| site.finish(ending)).collect::<Result<_, _>>()?;
        Ok(Trial {
            strategy: strategy.to_owned(),
            seed,
            unknowns,
            hash,
            events: self.events,
            settled_us: settled.map(Time::as_micros),
            reached_us: self.reached.map(|at| at.map(Time::as_micros)),
            cells,
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
        while self.open_ended && now.as_micros() / self.bucket.as_micros() >= BUCKETS {
            self.bucket = self.bucket.times(2);
            self.sites.iter_mut().for_each(Site::widen);
        }
        let bucket = now.as_micros() / self.bucket.as_micros();
        let end = Time::ZERO + self.bucket.times(bucket + 1);
        self.last = (usize::try_from(bucket.min(BUCKETS - 1)).unwrap_or(0), end);
        self.last.0
    }

    /// One round of a multiply-rotate hash (as in FxHash): cheap, and every word and its place count.
    fn mix(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
}

impl Site {
    fn new(policy: &Policy, duration: Span) -> Self {
        let buckets = usize::try_from(BUCKETS).unwrap_or(0);
        let longest = duration.as_millis_ceil().max(1_000);
        // The bounds are valid (1 ≤ low, 2 × low ≤ high, digits ≤ 5), so this cannot fail.
        let time_to_delivery = Histogram::new_with_bounds(1, longest, 3).expect("bounds of the histogram are valid");
        Self {
            totals: Totals::default(),
            next: 0,
            series: Series {
                attempts: vec![0; buckets],
                deferred: vec![0; buckets],
                delivered: vec![0; buckets],
                bounced: vec![0; buckets],
                expired: vec![0; buckets],
                connections: vec![0; buckets],
                connections_refused: vec![0; buckets],
                open_max: vec![0; buckets],
                held_back: vec![0; buckets],
                waiting: vec![0; buckets],
                reputation: vec![0.0; buckets],
                open_limit: vec![None; buckets],
            },
            time_to_delivery,
            replies: Vec::new(),
            limits: limit_replies(policy),
        }
    }

    /// Every two buckets become one.
    fn widen(&mut self) {
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
        for tally in &mut self.replies {
            tally.over_time.iter_mut().for_each(|(bucket, _)| *bucket /= 2);
            tally.over_time.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 += if same { next.1 } else { 0 };
                same
            });
        }
    }

    fn tally(&mut self, bucket: usize, stage: Stage, rule: Option<RuleId>, said: Said, n: u64) {
        let found = self.replies.iter().position(|t| t.rule == rule && t.stage == stage && t.said == said);
        let index = found.unwrap_or_else(|| {
            self.replies.push(Tally { stage, rule, said, count: 0, over_time: Vec::new() });
            self.replies.len() - 1
        });
        let tally = &mut self.replies[index];
        tally.count += n;
        let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
        match tally.over_time.last_mut() {
            Some((last, count)) if *last == bucket => *count += n,
            _ => tally.over_time.push((bucket, n)),
        }
    }

    fn finish(mut self, ending: &Ending<'_>) -> Result<Cell, ConservationError> {
        let Ending { policy, counts, activities } = ending;
        let totals = &mut self.totals;
        totals.injected = counts.injected;
        totals.queued = counts.ready + counts.delayed + counts.in_flight;
        totals.held_back_us = counts.held_back_us;
        totals.suspended = counts.suspended;
        totals.window = counts.window;
        totals.hold_us = activities.iter().map(|activity| activity.held.as_micros()).sum();
        balance(policy, totals, counts)?;
        let mut replies: Vec<ReplyCount> = self.replies.into_iter().map(|tally| tally.finish(policy)).collect();
        replies.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.text, &a.stage, &a.rule).cmp(&(&b.text, &b.stage, &b.rule)))
        });
        let rules = policy.rules.iter().zip(activities).map(|(rule, activity)| RuleActivity {
            rule: rule.name.clone(),
            refused: activity.refused,
            holds: activity.holds,
            limits: activity.limits.clone(),
        });
        Ok(Cell {
            totals: self.totals,
            series: self.series,
            time_to_delivery: encode(&self.time_to_delivery),
            replies,
            rules: rules.collect(),
        })
    }
}

impl Tally {
    fn finish(self, policy: &Policy) -> ReplyCount {
        let text = match self.said {
            Said::Answer(RuleAction::Reply { reply, .. }) => policy.replies[reply.index()].to_string(),
            Said::Answer(_) => "(connection closed without a reply)".to_owned(),
            Said::ConnectionFailure(ConnectionFailure::Refused) => "(connection refused)".to_owned(),
            Said::ConnectionFailure(ConnectionFailure::ConnectTimeout) => "(connect timed out)".to_owned(),
            Said::ConnectionFailure(ConnectionFailure::GreetingTimeout) => "(no greeting)".to_owned(),
            Said::ConnectionFailure(ConnectionFailure::Reset) => "(connection lost)".to_owned(),
            Said::ConnectionFailure(ConnectionFailure::CommandTimeout) => "(no reply in time)".to_owned(),
        };
        ReplyCount {
            stage: self.stage.name().to_owned(),
            text,
            rule: self.rule.map(|rule| policy.rules[rule.index()].name.clone()).unwrap_or_default(),
            count: self.count,
            over_time: self.over_time,
        }
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

/// The recorder's books against the sender's, and both against conservation.
fn balance(policy: &Policy, totals: &Totals, counts: &SiteCounts) -> Result<(), ConservationError> {
    let accounted = totals.delivered + totals.bounced + totals.expired + totals.queued;
    let same = (totals.delivered, totals.bounced, totals.expired) == (counts.delivered, counts.bounced, counts.expired);
    if accounted == totals.injected && same {
        return Ok(());
    }
    let detail = format!("recorded {totals:?}, sender says {counts:?}");
    Err(ConservationError { site: policy.name.clone(), injected: totals.injected, accounted, detail })
}

/// Which replies of the book speak for a limit or a hold.
fn limit_replies(policy: &Policy) -> Vec<bool> {
    let mut limits = vec![false; policy.replies.len()];
    for rule in &policy.rules {
        let own = matches!(rule.kind, RuleKind::Limit(_)).then_some(rule.action);
        let held = rule.hold.iter().flat_map(|hold| hold.ladder.iter().map(|step| step.action));
        for answer in own.into_iter().chain(held) {
            if let RuleAction::Reply { reply, .. } = answer {
                limits[reply.index()] = true;
            }
        }
    }
    limits
}

/// Notes the moment at which 50, 90, 99 and 100 % are reached. How many must be delivered for the next of them.
fn reach<T: Copy>(reached: &mut [Option<T>; 4], delivered: u64, deliverable: u64, now: T) -> u64 {
    for (mark, percent) in reached.iter_mut().zip([50, 90, 99, 100]) {
        let wanted = (deliverable * percent).div_ceil(100);
        if delivered < wanted {
            return wanted;
        }
        mark.get_or_insert(now);
    }
    u64::MAX
}

fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    // Writing to memory fails only for counts beyond 2^63.
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("a histogram fits in memory");
    STANDARD.encode(bytes)
}
