//! The list of windows over time: the counters of a limit, whichever its window is.

use super::counting::Counters;
use super::ewma::Ewma;
use super::fixed::FixedFrames;
use super::refill_bucket::RefillBucket;
use super::sliding::SlidingWindow;
use super::{Aligned, Counted};
use crate::time::{Span, Time};

/// The counters of a limit, by its kind of window over time.
#[derive(Clone, Debug)]
pub(in crate::provider) enum TimedCounters {
    Fixed(Counters<FixedFrames>),
    Sliding(Counters<SlidingWindow>),
    RefillBucket(Counters<RefillBucket>),
    Ewma(Counters<Ewma>),
}

/// Says the same to the counters of every window.
macro_rules! of_each {
    ($counters:expr, $one:ident => $said:expr) => {
        match $counters {
            TimedCounters::Fixed($one) => $said,
            TimedCounters::Sliding($one) => $said,
            TimedCounters::RefillBucket($one) => $said,
            TimedCounters::Ewma($one) => $said,
        }
    };
}

impl TimedCounters {
    /// Frames of one length, those of the clock `offset` later than at its whole multiples.
    pub(in crate::provider) const fn fixed(length: Span, aligned: Aligned, offset: Span) -> Self {
        Self::Fixed(Counters::new(FixedFrames::new(length, aligned, offset)))
    }

    /// Logs of the last `length`, of at most `keep` moments.
    pub(in crate::provider) const fn sliding(length: Span, keep: u32) -> Self {
        Self::Sliding(Counters::new(SlidingWindow { length, keep }))
    }

    /// Buckets into which the limit flows in `per`.
    pub(in crate::provider) const fn refill_bucket(per: Span, burst: Option<u32>) -> Self {
        Self::RefillBucket(Counters::new(RefillBucket { per, burst }))
    }

    /// Exim's averages over `period`.
    pub(in crate::provider) const fn ewma(period: Span) -> Self {
        Self::Ewma(Counters::new(Ewma { period }))
    }

    /// Whether `n` more fit for a key.
    #[inline]
    pub(in crate::provider) fn admits(&mut self, key: u64, now: Time, limit: u32, n: u32) -> bool {
        of_each!(self, counters => counters.admits(key, now, limit, n))
    }

    /// Whether `n` more fit for a key. Counts them if they do, or if attempts count.
    #[inline]
    pub(in crate::provider) fn take(&mut self, key: u64, now: Time, limit: u32, n: u32, counted: Counted) -> bool {
        of_each!(self, counters => counters.take(key, now, limit, n, counted))
    }

    /// Counts `n` for a key.
    #[inline]
    pub(in crate::provider) fn count(&mut self, key: u64, now: Time, limit: u32, n: u32) {
        of_each!(self, counters => counters.count(key, now, limit, n));
    }

    /// When `n` more fit for a key; `None` where nothing was counted for it yet.
    pub(in crate::provider) fn earliest(&self, key: u64, now: Time, limit: u32, n: u32) -> Option<Time> {
        of_each!(self, counters => counters.earliest(key, now, limit, n))
    }

    /// A key has counted nothing.
    pub(in crate::provider) fn reset(&mut self, key: u64) {
        of_each!(self, counters => counters.reset(key));
    }

    /// The limit may now be as large as `most`: a log of moments has to keep so many.
    pub(in crate::provider) const fn keep(&mut self, most: u32) {
        match self {
            Self::Sliding(counters) => counters.window_mut().keep = most,
            Self::Fixed(_) | Self::RefillBucket(_) | Self::Ewma(_) => {}
        }
    }
}
