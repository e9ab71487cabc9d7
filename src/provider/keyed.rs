//! One value for every key of a scope: dense where keys are small numbers, a tree where they are not.

use std::collections::BTreeMap;

/// Values by key.
#[derive(Clone, Debug)]
pub(super) struct Keyed<T> {
    dense: Vec<T>,
    sparse: BTreeMap<u64, T>,
    prune_at: usize,
}

/// Keys below this live in a vector: sources, domains, networks. Recipients and pairs are hashed far above it.
const DENSE: u64 = 1 << 16;

/// The tree is swept when it has grown to this, and then at every doubling: memory follows what is still remembered.
const SWEEP: usize = 1 << 16;

impl<T> Keyed<T> {
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

    /// The value of `key`, made by `blank` if there is none. `forget` says which values of the tree no longer matter.
    #[inline]
    pub(super) fn entry(&mut self, key: u64, blank: impl Fn() -> T, forget: impl Fn(&T) -> bool) -> &mut T {
        match usize::try_from(key) {
            Ok(index) if index < self.dense.len() => &mut self.dense[index],
            _ => self.rarer(key, blank, forget),
        }
    }

    /// The same for a key that is met for the first time, or lives in the tree.
    #[inline(never)]
    fn rarer(&mut self, key: u64, blank: impl Fn() -> T, forget: impl Fn(&T) -> bool) -> &mut T {
        if let (true, Ok(index)) = (key < DENSE, usize::try_from(key)) {
            self.dense.resize_with(index + 1, blank);
            return &mut self.dense[index];
        }
        if self.sparse.len() >= self.prune_at && !self.sparse.contains_key(&key) {
            self.sparse.retain(|_, value| !forget(value));
            self.prune_at = SWEEP.max(self.sparse.len() * 2);
        }
        self.sparse.entry(key).or_insert_with(blank)
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
        let mut keyed = Keyed::new();
        for key in 0..200_000_u64 {
            *keyed.entry(DENSE + key, || 0, |value| *value == 1) = 1;
        }
        assert!(keyed.values().count() <= SWEEP, "old entries are dropped");
        *keyed.entry(3, || 0, |_| false) = 7;
        assert_eq!(keyed.get(3), Some(&7));
        assert_eq!(keyed.get(DENSE + 199_999), Some(&1));
    }
}
