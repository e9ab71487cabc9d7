//! Chance, in named streams: one seed per trial, one stream per subsystem and entity.
//!
//! What is unknown outside a provider is drawn from a seed of its own, by default the same one: so that a study can
//! hold the one and change the other ([`Seeds`]).
//!
//! Two strategies under one seed meet the same mail, the same unknowns and the same weather (common random
//! numbers), and a new draw in one place moves nothing in another. The generator is named so that its output is
//! part of the version: `Xoshiro256PlusPlus`, seeded by `SplitMix64`, as its authors recommend
//! (<https://prng.di.unimi.it>).

use rand::SeedableRng;
pub use rand::rngs::Xoshiro256PlusPlus as Stream;

/// The seed of one trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream called `name` of entity `id`. The same three words always give the same stream.
    pub fn stream(self, name: &str, id: u64) -> Stream {
        self.named(name).of(id)
    }

    /// The stream of entity `id` among those of this name: `seed.named(name).of(id)` is `seed.stream(name, id)`,
    /// where many of one name are opened.
    pub fn of(self, id: u64) -> Stream {
        Stream::seed_from_u64(self.0 ^ mix(id.wrapping_add(GOLDEN)))
    }

    /// A seed of its own for everything called `name`: for draws that are addressed, not taken in turn.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        let hash = name.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
        Self(mix(self.0 ^ mix(hash)))
    }

    /// The `n`-th draw of entity `id`: uniform over all 64-bit numbers, and independent of what else was drawn.
    ///
    /// Addressed draws need no state, so a million waiting messages each own their randomness for nothing.
    pub fn draw(self, id: u64, n: u64) -> u64 {
        mix(self.0 ^ mix(id.wrapping_mul(GOLDEN) ^ mix(n.wrapping_add(GOLDEN))))
    }

    /// The `n`-th draw of entity `id` as a share: uniform in 0 (included) to 1 (excluded).
    pub fn share(self, id: u64, n: u64) -> f64 {
        (self.draw(id, n) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }
}

/// What a trial draws from: one seed for chance, one for what is unknown outside the providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// Of mail, weather, network and everything else that happens by chance.
    pub chance: Seed,
    /// Of the limits that a profile gives as a range.
    pub unknowns: Seed,
}

impl From<Seed> for Seeds {
    /// The same for both: an ordinary trial.
    fn from(seed: Seed) -> Self {
        Self { chance: seed, unknowns: seed }
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
/// FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
const FNV_OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01B3;

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use rand_distr::{Distribution, Exp, LogNormal, Normal};

    /// A change of any of these numbers changes every result: it is a new version.
    #[test]
    fn the_streams_are_golden() {
        let mut arrivals = Seed(1).stream("arrivals", 0);
        insta::assert_debug_snapshot!([arrivals.next_u64(), arrivals.next_u64()]);
        let mut rng = Seed(1).stream("distributions", 0);
        let draws = [
            Exp::new(1.0).unwrap().sample(&mut rng),
            LogNormal::new(0.0, 1.0).unwrap().sample(&mut rng),
            Normal::new(0.0, 1.0).unwrap().sample(&mut rng),
        ];
        insta::assert_debug_snapshot!(draws.map(|x: f64| (x * 1e6).round()));
        insta::assert_debug_snapshot!([Seed(1).draw(7, 0), Seed(1).draw(7, 1), Seed(2).draw(7, 0)]);
    }

    #[test]
    fn streams_differ_by_seed_name_and_entity() {
        let first = |seed: u64, name: &str, id| Seed(seed).stream(name, id).next_u64();
        let draws = [first(1, "a", 0), first(2, "a", 0), first(1, "b", 0), first(1, "a", 1)];
        for (i, x) in draws.iter().enumerate() {
            assert!(!draws[i + 1..].contains(x));
        }
    }

    #[test]
    fn addressed_shares_are_uniform() {
        let seed = Seed(9).named("test");
        let mean = (0..100_000).map(|id| seed.share(id, 0)).sum::<f64>() / 100_000.0;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
    }
}
