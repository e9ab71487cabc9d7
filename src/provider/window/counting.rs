//! What every window over time can tell, whatever its counters remember.

use super::Counted;
use crate::provider::keyed_store::KeyedStore;
use crate::time::Time;

/// A window over time. `limit` is the number in force at `now`; `n` is how much is asked for at once.
pub(in crate::provider) trait CountingWindow {
    /// What one counter remembers. The default has counted nothing.
    type Counter: Clone + Default;

    /// Whether `n` more fit at `now`.
    fn admits(&self, counter: &Self::Counter, now: Time, limit: u32, n: u32) -> bool;

    /// Counts `n` at `now`.
    fn count(&self, counter: &mut Self::Counter, now: Time, limit: u32, n: u32);

    /// Whether `n` more fit at `now`. Counts them if they do, or if attempts count.
    fn take(&self, counter: &mut Self::Counter, now: Time, limit: u32, n: u32, counted: Counted) -> bool {
        let fits = self.admits(counter, now, limit, n);
        if fits || counted == Counted::Attempts {
            self.count(counter, now, limit, n);
        }
        fits
    }

    /// The first moment, not before `now`, at which `n` more fit if nothing else happens; [`Time::NEVER`] where no
    /// moment can be named.
    fn earliest(&self, counter: &Self::Counter, now: Time, limit: u32, n: u32) -> Time;

    /// Whether the counter could be forgotten at `now` and no later answer would differ.
    fn is_blank(&self, counter: &Self::Counter, now: Time, limit: u32) -> bool;
}

/// The counters of one limit: a window, and what each key has used of it.
#[derive(Clone, Debug)]
pub(in crate::provider) struct Counters<W: CountingWindow> {
    window: W,
    by_key: KeyedStore<W::Counter>,
}

impl<W: CountingWindow> Counters<W> {
    pub(super) const fn new(window: W) -> Self {
        Self { window, by_key: KeyedStore::new() }
    }

    /// Whether `n` more fit for a key.
    #[inline]
    pub(super) fn admits(&mut self, key: u64, now: Time, limit: u32, n: u32) -> bool {
        let (window, counter) = self.counter(key, now, limit);
        window.admits(counter, now, limit, n)
    }

    /// Whether `n` more fit for a key. Counts them if they do, or if attempts count.
    #[inline]
    pub(super) fn take(&mut self, key: u64, now: Time, limit: u32, n: u32, counted: Counted) -> bool {
        let (window, used) = self.counter(key, now, limit);
        window.take(used, now, limit, n, counted)
    }

    /// Counts `n` for a key.
    #[inline]
    pub(super) fn count(&mut self, key: u64, now: Time, limit: u32, n: u32) {
        let (window, counter) = self.counter(key, now, limit);
        window.count(counter, now, limit, n);
    }

    /// When `n` more fit for a key; `None` where nothing was counted for it yet.
    pub(super) fn earliest(&self, key: u64, now: Time, limit: u32, n: u32) -> Option<Time> {
        Some(self.window.earliest(self.by_key.get(key)?, now, limit, n))
    }

    /// A key has counted nothing.
    pub(super) fn reset(&mut self, key: u64) {
        *self.by_key.entry(key, |_| false) = W::Counter::default();
    }

    /// The window, to be changed.
    pub(super) const fn window_mut(&mut self) -> &mut W {
        &mut self.window
    }

    #[inline]
    fn counter(&mut self, key: u64, now: Time, limit: u32) -> (&W, &mut W::Counter) {
        let Self { window, by_key } = self;
        let counter = by_key.entry(key, |counter| window.is_blank(counter, now, limit));
        (window, counter)
    }
}
