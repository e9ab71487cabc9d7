//! The deferral curve and its companions: time series of a strategy at a provider, over the seeds.

use crate::metric::ValueRange;
use crate::record::{Cell, Record, Series};
use crate::stats::Estimate;

/// A time series over the seeds of one strategy at one provider, or at all together.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    /// Width of a bucket in seconds.
    pub(super) width: f64,
    /// The buckets, from the start of the trial.
    pub(super) points: Vec<Point>,
}

/// A bucket of a curve. Counts are means over the seeds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    /// Delivery attempts in the bucket, a mean over the seeds.
    pub(super) attempts: f64,
    /// Those of them that were deferred, a mean over the seeds.
    pub(super) deferred: f64,
    /// Share of attempts deferred, all seeds together, with the interval over the seeds; `None` if there were no
    /// attempts.
    pub(super) share: Option<Estimate>,
    /// Smallest and largest share of attempts deferred in any seed that made attempts.
    pub(super) share_range: Option<(f64, f64)>,
    /// Delivered until the end of the bucket: mean, least and most of any seed.
    pub(super) delivered: SeedRange,
    /// Bounced until the end of the bucket.
    pub(super) bounced: f64,
    /// Expired until the end of the bucket.
    pub(super) expired: f64,
    /// Connections tried in the bucket, a mean over the seeds.
    pub(super) connections: f64,
    /// Those of them that were refused, a mean over the seeds.
    pub(super) connections_refused: f64,
    /// Most connections open at once; only at a single provider.
    pub(super) open: Option<SeedRange>,
    /// The limit on open connections, mean over the seeds that have one; `None` is no limit, or several providers.
    pub(super) open_limit: Option<f64>,
    /// Recipients that the sender itself held back, at the end of the bucket.
    pub(super) held_back: f64,
    /// Recipients that wait for their retry, at the end of the bucket.
    pub(super) waiting: f64,
    /// Lowest reputation of any source, at the end of the bucket.
    pub(super) reputation: Option<SeedRange>,
}

impl Point {
    /// The ends of the interval of the share of attempts deferred, within 0 and 1.
    pub(super) fn share_interval(&self) -> Option<(f64, f64)> {
        let share = self.share?;
        ValueRange::SHARE.interval(share.mean, share.half)
    }
}

/// The mean of a few values, the least and the most of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SeedRange {
    pub(super) mean: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl SeedRange {
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values = values.into_iter();
        let first = values.next()?;
        let (mut sum, mut n, mut least, mut most) = (first, 1_u32, first, first);
        for value in values {
            sum += value;
            n += 1;
            least = least.min(value);
            most = most.max(value);
        }
        Some(Self { mean: sum / f64::from(n), least, most })
    }
}

impl Curve {
    /// The curve of a strategy at the provider in that place, or at all together, with `group` buckets of the record in
    /// each of its own.
    pub(super) fn of(record: &Record, strategy: &str, provider: Option<usize>, group: usize) -> Self {
        let group = group.max(1);
        let trials: Vec<Vec<&Series>> = record
            .trials_of(strategy)
            .map(|trial| {
                let here =
                    trial.cells.iter().enumerate().filter(|(place, _)| provider.is_none_or(|only| only == *place));
                here.map(|(_, cell): (usize, &Cell)| &cell.series).collect()
            })
            .collect();
        let length = trials.iter().flatten().map(|series| series.attempts.len()).max().unwrap_or(0);
        let mut sums = vec![[0_u64; 3]; trials.len()];
        let points = (0..length.div_ceil(group))
            .map(|n| point(&trials, n * group..((n + 1) * group).min(length), &mut sums, provider.is_some()))
            .collect();
        Self { width: record.bucket_us as f64 / 1e6 * group as f64, points }
    }
}

/// One bucket over all trials; `sums` are what each trial delivered, bounced and expired before it.
fn point(trials: &[Vec<&Series>], buckets: std::ops::Range<usize>, sums: &mut [[u64; 3]], single: bool) -> Point {
    let seeds = trials.len().max(1) as f64;
    let within = |values: &[u64]| -> u64 { buckets.clone().filter_map(|n| values.get(n)).sum() };
    let count = |trial: &[&Series], part: fn(&Series) -> &Vec<u64>| -> u64 {
        trial.iter().map(|series| within(part(series))).sum()
    };
    let mean =
        |part: fn(&Series) -> &Vec<u64>| trials.iter().map(|trial| count(trial, part)).sum::<u64>() as f64 / seeds;
    let last = buckets.end.saturating_sub(1);
    let level = |part: fn(&Series) -> &Vec<u64>| {
        let each = trials.iter().flatten().map(|series| part(series).get(last).copied().unwrap_or(0));
        each.sum::<u64>() as f64 / seeds
    };
    for (trial, [delivered, bounced, expired]) in trials.iter().zip(sums.iter_mut()) {
        *delivered += count(trial, |series| &series.delivered);
        *bounced += count(trial, |series| &series.bounced);
        *expired += count(trial, |series| &series.expired);
    }
    let total = |which: usize| sums.iter().map(|sums| sums[which]).sum::<u64>() as f64 / seeds;
    let deferred: Vec<(f64, f64)> = trials
        .iter()
        .map(|trial| (count(trial, |series| &series.deferred) as f64, count(trial, |series| &series.attempts) as f64))
        .collect();
    let shares =
        deferred.iter().filter(|(_, attempts)| *attempts > 0.0).map(|(deferred, attempts)| deferred / attempts);
    let open =
        trials.iter().filter(|_| single).flatten().filter_map(|series| {
            buckets.clone().filter_map(|n| series.open_max.get(n)).max().map(|most| f64::from(*most))
        });
    let limits = trials.iter().filter(|_| single).flatten().filter_map(|series| {
        buckets.clone().filter_map(|n| *series.open_limit.get(n)?).min().map(|limit| limit as f64)
    });
    let reputations = trials
        .iter()
        .filter_map(|trial| trial.iter().filter_map(|series| *series.reputation.get(last)?).reduce(f64::min));
    Point {
        attempts: mean(|series| &series.attempts),
        deferred: mean(|series| &series.deferred),
        share: Estimate::ratio(&deferred),
        share_range: SeedRange::of(shares).map(|range| (range.least, range.most)),
        delivered: SeedRange::of(sums.iter().map(|[delivered, ..]| *delivered as f64)).unwrap_or_default(),
        bounced: total(1),
        expired: total(2),
        connections: mean(|series| &series.connections),
        connections_refused: mean(|series| &series.connections_refused),
        open: SeedRange::of(open),
        open_limit: SeedRange::of(limits).map(|limits| limits.mean),
        held_back: level(|series| &series.held_back),
        waiting: level(|series| &series.waiting),
        reputation: SeedRange::of(reputations),
    }
}
