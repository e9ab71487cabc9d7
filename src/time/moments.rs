//! A long table of moments that never go back, four bytes each.

use super::Time;

/// Moments in order, by place.
///
/// Kept are the lower 32 bits of each, and the places from which on the upper ones are other than before: one every 72
/// minutes, where anything happens at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    low: Vec<u32>,
    /// Places and the upper half from there on.
    turns: Vec<(usize, u64)>,
    /// The latest moment that was filled in.
    latest: Time,
}

impl Moments {
    /// No moments, and room for so many.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { low: Vec::with_capacity(capacity), ..Self::default() }
    }

    /// Adds a moment, not before the last, so that there are `len` in all.
    ///
    /// # Panics
    /// If it is before the last.
    #[expect(clippy::cast_possible_truncation, reason = "the upper half is kept beside")]
    pub fn fill(&mut self, len: usize, at: Time) {
        assert!(self.latest <= at, "moments never go back");
        let high = at.as_micros() >> 32;
        if self.turns.is_empty() || self.latest.as_micros() >> 32 < high {
            self.turns.push((self.low.len(), high));
        }
        self.latest = at;
        let low = at.as_micros() as u32;
        if len == self.low.len() + 1 {
            self.low.push(low);
        } else {
            self.low.resize(len, low);
        }
    }

    /// The moment at `place`, if there is one.
    #[inline]
    pub fn get(&self, place: usize) -> Option<Time> {
        let low = *self.low.get(place)?;
        let high = match self.turns.as_slice() {
            // The first turn begins with the first moment.
            [(_, high)] => *high,
            turns => turns[turns.partition_point(|(from, _)| *from <= place).checked_sub(1)?].1,
        };
        Some(Time::from_micros(high << 32 | u64::from(low)))
    }

    /// The moment at `place`.
    ///
    /// # Panics
    /// If there is none.
    pub fn at(&self, place: usize) -> Time {
        self.get(place).unwrap_or_else(|| panic!("there are {} moments, none at {place}", self.low.len()))
    }

    /// The last moment.
    pub fn last(&self) -> Option<Time> {
        self.get(self.low.len().checked_sub(1)?)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.low.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Time> {
        (0..self.low.len()).filter_map(|place| self.get(place))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_table_of_moments_is_a_vector(gaps in prop::collection::vec((0..1_u64 << 34, 0..4_usize), 0..200)) {
            let (mut moments, mut vector, mut now) = (Moments::default(), Vec::new(), 0);
            for (gap, times) in gaps {
                now += gap;
                vector.resize(vector.len() + times, Time::from_micros(now));
                moments.fill(vector.len(), Time::from_micros(now));
            }
            prop_assert!(moments.iter().eq(vector.iter().copied()));
            prop_assert_eq!(moments.len(), vector.len());
            prop_assert_eq!(moments.last(), vector.last().copied());
            prop_assert_eq!(moments.get(vector.len()), None);
        }
    }

    #[test]
    #[should_panic(expected = "never go back")]
    fn moments_never_go_back() {
        let mut moments = Moments::default();
        moments.fill(1, Time::from_micros(1 << 40));
        moments.fill(2, Time::from_micros(7));
    }
}
