//! One value for every key of a scope: dense where keys are small numbers, a tree where they are not.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

/// Values by the key of a scope.
#[derive(Clone, Debug)]
pub(super) struct KeyedStore<T> {
    dense: Vec<T>,
    sparse: BTreeMap<u64, T>,
    prune_at: usize,
}

/// Keys below this live in a vector: sources, domains, networks. Recipients and pairs are hashed far above it.
const DENSE: u64 = 1 << 16;

/// The tree is swept when it has grown to this, and then at every doubling: memory follows what is still remembered.
const SWEEP: usize = 1 << 16;

impl<T: Default> KeyedStore<T> {
    /// No values yet.
    pub(super) const fn new() -> Self {
        Self { dense: Vec::new(), sparse: BTreeMap::new(), prune_at: SWEEP }
    }

    /// Whether no key has a value.
    pub(super) fn is_empty(&self) -> bool {
        self.dense.is_empty() && self.sparse.is_empty()
    }

    /// The value of `key`, if there is one.
    pub(super) fn get(&self, key: u64) -> Option<&T> {
        if key < DENSE { self.dense.get(usize::try_from(key).ok()?) } else { self.sparse.get(&key) }
    }

    /// The value of `key`, a default if there is none. `forget` says which values of the tree no longer matter.
    #[inline]
    pub(super) fn entry(&mut self, key: u64, forget: impl Fn(&T) -> bool) -> &mut T {
        match usize::try_from(key) {
            Ok(index) if index < self.dense.len() => &mut self.dense[index],
            _ => self.insert_or_sparse(key, forget),
        }
    }

    /// The same for a key that is met for the first time, or lives in the tree.
    #[inline(never)]
    fn insert_or_sparse(&mut self, key: u64, forget: impl Fn(&T) -> bool) -> &mut T {
        if let (true, Ok(index)) = (key < DENSE, usize::try_from(key)) {
            self.dense.resize_with(index + 1, T::default);
            return &mut self.dense[index];
        }
        if self.sparse.len() >= self.prune_at && !self.sparse.contains_key(&key) {
            self.sparse.retain(|_, value| !forget(value));
            self.prune_at = SWEEP.max(self.sparse.len() * 2);
        }
        self.sparse.entry(key).or_default()
    }

    /// The values of the keys in a range.
    pub(super) fn range(&self, keys: RangeInclusive<u64>) -> impl Iterator<Item = &T> {
        let dense = &self.dense[self.places(&keys)];
        dense.iter().chain(self.sparse.range(keys).map(|(_, value)| value))
    }

    /// The values of the keys in a range.
    pub(super) fn range_mut(&mut self, keys: RangeInclusive<u64>) -> impl Iterator<Item = &mut T> {
        let places = self.places(&keys);
        self.dense[places].iter_mut().chain(self.sparse.range_mut(keys).map(|(_, value)| value))
    }

    /// Where the keys of a range stand in the vector.
    fn places(&self, keys: &RangeInclusive<u64>) -> Range<usize> {
        let place = |key: u64| usize::try_from(key).unwrap_or(usize::MAX).min(self.dense.len());
        place(*keys.start())..place(keys.end().saturating_add(1))
    }

    /// Every value, in the order of the keys.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.dense.iter().chain(self.sparse.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_longer_matters_is_swept() {
        let mut keyed = KeyedStore::new();
        for key in 0..200_000_u64 {
            *keyed.entry(DENSE + key, |value| *value == 1) = 1;
        }
        assert!(keyed.values().count() <= SWEEP, "old entries are dropped");
        *keyed.entry(3, |_| false) = 7;
        assert_eq!(keyed.get(3), Some(&7));
        assert_eq!(keyed.get(DENSE + 199_999), Some(&1));
    }

    #[test]
    fn a_range_is_of_the_vector_and_the_tree() {
        let mut keyed = KeyedStore::new();
        for key in [0, 3, DENSE - 1, DENSE, DENSE + 5] {
            *keyed.entry(key, |_| false) = key;
        }
        let mut among = |keys: RangeInclusive<u64>| {
            let held: Vec<u64> = keyed.range(keys.clone()).copied().filter(|value| *value > 0).collect();
            assert_eq!(keyed.range_mut(keys).filter(|value| **value > 0).count(), held.len());
            held
        };
        assert_eq!(among(3..=3), [3]);
        assert_eq!(among(4..=DENSE), [DENSE - 1, DENSE]);
        assert_eq!(among(DENSE + 1..=u64::MAX), [DENSE + 5]);
        assert_eq!(among(0..=u64::MAX), [3, DENSE - 1, DENSE, DENSE + 5]);
    }
}
