//! Numbers for names: a bounded set, in which who has not been seen for long makes room for who comes.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::provider::FORGOTTEN_AFTER;
use crate::time::Time;

/// Names of one kind, their numbers, and when each was seen last. Once the numbers are used up, those go to new names
/// whose old ones providers have forgotten; where there is none, all further names share the last one.
#[derive(Debug)]
pub(super) struct NumberedNames<K> {
    known: BTreeMap<K, Numbered>,
    /// Numbers whose names were forgotten.
    free: Vec<u32>,
    most: u32,
    /// Before this moment no name can be forgotten.
    forgets_at: Time,
}

#[derive(Clone, Copy, Debug)]
struct Numbered {
    number: u32,
    /// [`Time::NEVER`] for one that is never forgotten.
    seen: Time,
}

/// The number of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumberOf<T> {
    pub(super) id: T,
    pub(super) novelty: Novelty,
}

/// Whether providers know who has a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    /// They do, or it is the one that the rest shares.
    Known,
    /// The number is the next one.
    New,
    /// The number was another's, who is forgotten.
    InsteadOfForgotten,
}

impl NumberOf<u32> {
    /// The number as one of this kind.
    pub(super) fn map<T>(self, id: impl Fn(u32) -> T) -> NumberOf<T> {
        NumberOf { id: id(self.id), novelty: self.novelty }
    }
}

impl<K: Ord> NumberedNames<K> {
    pub(super) const fn new(most: u32) -> Self {
        Self { known: BTreeMap::new(), free: Vec::new(), most, forgets_at: Time::ZERO }
    }

    /// The number of a name that is known, which is seen now.
    pub(super) fn see<Q: Ord + ?Sized>(&mut self, now: Time, name: &Q) -> Option<NumberOf<u32>>
    where
        K: Borrow<Q>,
    {
        let numbered = self.known.get_mut(name)?;
        numbered.seen = numbered.seen.max(now);
        Some(NumberOf { id: numbered.number, novelty: Novelty::Known })
    }

    /// A number for a name that is not known.
    pub(super) fn add(&mut self, now: Time, name: K) -> NumberOf<u32> {
        let (number, novelty) = match self.next_number() {
            Some(next) => (next, Novelty::New),
            None => match self.forgotten_number(now) {
                Some(number) => (number, Novelty::InsteadOfForgotten),
                None => return NumberOf { id: self.most - 1, novelty: Novelty::Known },
            },
        };
        self.known.insert(name, Numbered { number, seen: now });
        NumberOf { id: number, novelty }
    }

    /// A name is never forgotten.
    pub(super) fn keep<Q: Ord + ?Sized>(&mut self, name: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(numbered) = self.known.get_mut(name) {
            numbered.seen = Time::NEVER;
        }
    }

    /// The number of a name, if it is known.
    pub(super) fn get<Q: Ord + ?Sized>(&self, name: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        Some(self.known.get(name)?.number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.known.iter().map(|(name, numbered)| (name, numbered.number))
    }

    /// The next number that no name has had.
    fn next_number(&self) -> Option<u32> {
        let used = u32::try_from(self.known.len() + self.free.len()).unwrap_or(u32::MAX);
        (used < self.most).then_some(used)
    }

    /// A number whose name is forgotten. All names are looked at when the first of them can be, and no sooner.
    fn forgotten_number(&mut self, now: Time) -> Option<u32> {
        if self.free.is_empty() && now >= self.forgets_at {
            let mut oldest = Time::NEVER;
            let free = &mut self.free;
            self.known.retain(|_, numbered| {
                let stays = numbered.seen == Time::NEVER || now.since(numbered.seen) < FORGOTTEN_AFTER;
                if stays {
                    oldest = oldest.min(numbered.seen);
                } else {
                    free.push(numbered.number);
                }
                stays
            });
            self.forgets_at = if oldest == Time::NEVER { Time::NEVER } else { oldest + FORGOTTEN_AFTER };
        }
        self.free.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn day(n: u64) -> Time {
        Time::ZERO + Span::DAY.times(n)
    }

    #[test]
    fn who_is_forgotten_makes_room_and_the_rest_shares_the_last_number() {
        let mut names = NumberedNames::new(3);
        let novelty = |number: NumberOf<u32>| (number.id, number.novelty);
        for (name, number) in [("kept", 0), ("idle", 1), ("busy", 2)] {
            assert_eq!(novelty(names.add(day(0), name)), (number, Novelty::New));
        }
        names.keep("kept");
        assert_eq!(names.see(day(20), "busy").map(novelty), Some((2, Novelty::Known)));
        assert_eq!(novelty(names.add(day(29), "early")), (2, Novelty::Known), "none is forgotten yet");
        assert_eq!(names.get("early"), None);
        assert_eq!(novelty(names.add(day(30), "new")), (1, Novelty::InsteadOfForgotten));
        assert_eq!((names.get("idle"), names.get("new")), (None, Some(1)));
        assert_eq!(novelty(names.add(day(31), "late")), (2, Novelty::Known), "the others were seen since");
        assert_eq!(novelty(names.add(day(50), "later")), (2, Novelty::InsteadOfForgotten), "busy, at last");
        assert_eq!((names.get("busy"), names.get("kept")), (None, Some(0)));
    }
}
