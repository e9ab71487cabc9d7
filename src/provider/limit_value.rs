//! The number a count may not exceed: by tier, by the score, or as a share of the allowance; scaled by the provider's
//! load, and by a slow wobble. Known, unknown or none.

use super::reputation::{ReputationOf, Standing, allowance};
use super::scope::Scope;
use super::wobble::Wobble;
use crate::rng::Seed;
use crate::time::{Span, Time};
use crate::units::Fraction;

/// The number a count may not exceed.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitValue {
    /// The number, and what it hangs on.
    pub amount: LimitAmount,
    /// By time of day, the factor that scales the number; sorted, first entry at 0. Empty means always 1.
    pub load: Vec<LoadStep>,
    /// How the number wobbles; `None` is not at all.
    pub wobble: Option<Wobble>,
}

/// A number, and what it hangs on.
#[derive(Clone, Debug, PartialEq)]
pub enum LimitAmount {
    /// One number for every tier of the policy, in the same order.
    Tiers(Vec<TierValue>),
    /// By the score: straight lines between these points, the lowest score first; at least one.
    Curve(Vec<CurvePoint>),
    /// A share of what the identity may send a day.
    Allowance(AllowanceShare),
}

/// The number at one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The score.
    pub score: Fraction,
    /// The number.
    pub number: u32,
}

/// A share of what an identity may send a day: of a client IP, with what its sender domain lends it, or of a sender
/// domain, where the counter is the domain's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AllowanceShare {
    /// The share; above 0. May be above 1, where attempts or refusals are counted.
    pub share: f64,
    /// However small the allowance, at least so many.
    pub at_least: TierValue,
    /// However large it is, at most so many.
    pub at_most: TierValue,
}

/// What a limit's number hangs on: the standings of who is counted.
pub(super) trait LimitBasis {
    /// The standing of the client.
    fn client(&self) -> &Standing;

    /// The standing of the sender domain, once it is named.
    fn sender(&self) -> Option<&Standing>;

    /// The tier that counts.
    #[inline]
    fn tier(&self, of: ReputationOf) -> usize {
        match of {
            ReputationOf::ClientIp => self.client().tier(),
            ReputationOf::SenderDomain | ReputationOf::Lower => {
                of.choose(self.client().tier(), self.sender().map(Standing::tier))
            }
        }
    }

    /// The score that counts.
    fn score(&self, of: ReputationOf) -> Fraction {
        of.choose(self.client().score(), self.sender().map(Standing::score))
    }

    /// What the identity of a scope may send a day, in recipients: a sender domain by its own history, a client by its
    /// own and by what its domain lends it. Where a worse domain counts, no more than its quality is worth.
    fn allowance(&self, scope: Scope, of: ReputationOf) -> f64 {
        let (client, sender) = (self.client(), self.sender());
        match (scope, sender) {
            (Scope::SenderDomain, Some(sender)) => sender.allowance(),
            (_, None) => client.allowance(),
            (_, Some(sender)) => {
                let own = client.allowance() + sender.lends();
                let worse = of.choose(client.score(), Some(sender.score())).get();
                if worse < client.score().get() { own * worse / client.score().get() } else { own }
            }
        }
    }
}

/// Whose standings a limit looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct LimitSubject {
    /// Whose counter it is.
    pub(super) scope: Scope,
    /// Whose reputation it is.
    pub(super) reputation_of: ReputationOf,
}

impl LimitValue {
    /// A number for every tier, always.
    pub const fn by_tier(by_tier: Vec<TierValue>) -> Self {
        Self { amount: LimitAmount::Tiers(by_tier), load: Vec::new(), wobble: None }
    }

    /// Whether a part of it is drawn, because it is not known outside the provider.
    pub fn is_unknown(&self) -> bool {
        self.values().iter().any(|value| matches!(value, TierValue::Unknown { .. }))
    }

    /// The same with numbers that are known, `share` of the way through their ranges.
    #[must_use]
    pub(super) fn known_at(&self, share: f64) -> Self {
        let known = |value: &TierValue| TierValue::known(value.draw(share));
        let amount = match &self.amount {
            LimitAmount::Tiers(by_tier) => LimitAmount::Tiers(in_order(by_tier, share).map(TierValue::known).collect()),
            LimitAmount::Curve(points) => LimitAmount::Curve(points.clone()),
            LimitAmount::Allowance(share_of) => LimitAmount::Allowance(AllowanceShare {
                at_least: known(&share_of.at_least),
                at_most: known(&share_of.at_most),
                ..*share_of
            }),
        };
        Self { amount, ..self.clone() }
    }

    /// Whether there is no limit for any sender.
    pub fn is_unlimited(&self) -> bool {
        matches!(&self.amount, LimitAmount::Tiers(by_tier) if by_tier.iter().all(|one| *one == TierValue::Unlimited))
    }

    /// Whether the number hangs on the standing of who is counted.
    pub(super) fn goes_by_standing(&self) -> bool {
        match &self.amount {
            LimitAmount::Tiers(by_tier) => by_tier.windows(2).any(|pair| pair[0] != pair[1]),
            LimitAmount::Curve(_) | LimitAmount::Allowance(_) => true,
        }
    }

    /// The numbers that are known or drawn.
    fn values(&self) -> Vec<TierValue> {
        match &self.amount {
            LimitAmount::Tiers(by_tier) => by_tier.clone(),
            LimitAmount::Curve(points) => points.iter().map(|point| TierValue::Exactly(point.number)).collect(),
            LimitAmount::Allowance(share) => vec![share.at_least, share.at_most],
        }
    }

    /// A number scaled by a factor, rounded down; a product that is whole but for its last bit is whole.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub(super) fn scaled(number: u32, factor: f64) -> u32 {
        (f64::from(number) * factor + 1e-9) as u32
    }

    /// The largest number for any sender at any time; 0 if there is no limit, and the most a limit may be where the
    /// allowance decides.
    pub(super) fn largest(&self) -> f64 {
        let number = |value: &TierValue| match *value {
            TierValue::Exactly(count) | TierValue::Unknown { high: count, .. } => f64::from(count),
            TierValue::Unlimited => 0.0,
        };
        let most = match &self.amount {
            LimitAmount::Allowance(AllowanceShare { at_most: TierValue::Unlimited, .. }) => f64::from(Self::MAX),
            LimitAmount::Allowance(share) => number(&share.at_most),
            LimitAmount::Tiers(_) | LimitAmount::Curve(_) => self.values().iter().map(number).fold(0.0, f64::max),
        };
        most * self.largest_factor()
    }

    /// The largest number a limit may have: a sliding log remembers as many moments.
    pub const MAX: u32 = 10_000_000;

    fn largest_factor(&self) -> f64 {
        largest_factor(&self.load) * self.wobble.as_ref().map_or(1.0, Wobble::largest)
    }

    /// The numbers of one trial. One draw decides all unknowns, so that a better tier never gets less.
    pub(super) fn draw(&self, seed: Seed, id: u16) -> DrawnLimit {
        let share = seed.share(u64::from(id), 0);
        let drawn = |value: &TierValue| value.draw(share);
        let amount = match &self.amount {
            LimitAmount::Tiers(by_tier) => DrawnAmount::Tiers(in_order(by_tier, share).collect()),
            LimitAmount::Curve(points) => DrawnAmount::Curve(points.clone()),
            LimitAmount::Allowance(AllowanceShare { share, at_least, at_most }) => DrawnAmount::Allowance {
                share: *share,
                at_least: drawn(at_least).unwrap_or(0),
                at_most: drawn(at_most).unwrap_or(u32::MAX),
            },
        };
        let wobble = self.wobble.map(|wobble| (wobble, seed.named("wobble")));
        let by_tier_alone = matches!(amount, DrawnAmount::Tiers(_)) && self.load.is_empty() && wobble.is_none();
        DrawnLimit { amount, by_tier_alone, load: self.load.clone(), wobble }
    }

    /// When the number may change next by itself after this moment of the provider's clock; `None` is never.
    pub fn next_step(&self, clock: Time) -> Option<Time> {
        let day = Span::DAY.as_micros();
        let midnight = clock.as_micros() - clock.as_micros() % day;
        let today = self.load.iter().map(|step| midnight + step.from.as_micros());
        let next = today.filter(|at| *at > clock.as_micros()).min();
        let of_load = (self.load.len() > 1).then(|| Time::from_micros(next.unwrap_or(midnight.saturating_add(day))));
        let of_wobble = self.wobble.map(|_| Wobble::next_step(clock));
        let follows_standing = !matches!(self.amount, LimitAmount::Tiers(_));
        let of_standing = follows_standing.then(|| Wobble::next_step(clock));
        [of_load, of_wobble, of_standing].into_iter().flatten().min()
    }
}

/// From this time of day on the limit is scaled by this factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadStep {
    /// Time of day, since midnight on the provider's clock.
    pub from: Span,
    /// Scales the limit, rounded down; not negative.
    pub factor: f64,
}

/// A number that a provider may or may not publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierValue {
    /// A number that is known.
    Exactly(u32),
    /// Not known outside the provider; drawn from this range, uniformly, once in every trial.
    Unknown {
        /// The least it can be.
        low: u32,
        /// The most it can be; not below `low`.
        high: u32,
    },
    /// No limit applies.
    Unlimited,
}

impl TierValue {
    /// A number that is known; `None` is no limit.
    fn known(number: Option<u32>) -> Self {
        number.map_or(Self::Unlimited, Self::Exactly)
    }

    /// The number in one trial, `share` of the way through what is unknown; `None` is no limit. What spans orders of
    /// magnitude is drawn by its logarithm: nothing is known but the order.
    pub(super) fn draw(self, share: f64) -> Option<u32> {
        match self {
            Self::Exactly(n) => Some(n),
            Self::Unlimited => None,
            Self::Unknown { low, high } if low > 0 && high / low >= MAGNITUDE => Some(by_logarithm(low, high, share)),
            Self::Unknown { low, high } => Some(within(low, high, share)),
        }
    }
}

/// The number of every tier in one trial, the worst first. Where one range is drawn by its logarithm and another is
/// not, the same share of both may be fewer in the better tier: then it has as many as the tier before, if its range
/// goes so far.
fn in_order(by_tier: &[TierValue], share: f64) -> impl Iterator<Item = Option<u32>> {
    by_tier.iter().scan(0, move |worse, value| {
        let drawn = match *value {
            TierValue::Unknown { high, .. } => value.draw(share).map(|number| number.max(*worse).min(high)),
            TierValue::Exactly(_) | TierValue::Unlimited => value.draw(share),
        };
        *worse = drawn.unwrap_or(0);
        Some(drawn)
    })
}

/// An order of magnitude.
const MAGNITUDE: u32 = 10;

/// The numbers of a limit in one trial, unknowns drawn.
#[derive(Clone, Debug)]
pub(super) struct DrawnLimit {
    amount: DrawnAmount,
    /// Whether the tier is all that decides, as it mostly is.
    by_tier_alone: bool,
    /// How the load scales them by time of day.
    load: Vec<LoadStep>,
    /// How they wobble, and from what the wobble is drawn.
    wobble: Option<(Wobble, Seed)>,
}

#[derive(Clone, Debug)]
enum DrawnAmount {
    /// The number of every tier; `None` is no limit.
    Tiers(Vec<Option<u32>>),
    Curve(Vec<CurvePoint>),
    Allowance {
        share: f64,
        at_least: u32,
        at_most: u32,
    },
}

impl DrawnLimit {
    /// The number that applies at a moment of the provider's clock; `None` is no limit.
    #[inline]
    pub(super) fn at(&self, subject: LimitSubject, basis: &impl LimitBasis, clock: Time) -> Option<u32> {
        if self.by_tier_alone
            && let DrawnAmount::Tiers(by_tier) = &self.amount
        {
            return by_tier[basis.tier(subject.reputation_of)];
        }
        self.worked_out(subject, basis, clock)
    }

    #[inline(never)]
    fn worked_out(&self, subject: LimitSubject, basis: &impl LimitBasis, clock: Time) -> Option<u32> {
        let number = match &self.amount {
            DrawnAmount::Tiers(by_tier) => by_tier[basis.tier(subject.reputation_of)]?,
            DrawnAmount::Curve(points) => on_curve(points, basis.score(subject.reputation_of)),
            DrawnAmount::Allowance { share, at_least, at_most } => {
                let allowance = basis.allowance(subject.scope, subject.reputation_of);
                allowance::share_of(allowance, *share, *at_least, *at_most)
            }
        };
        if self.load.is_empty() && self.wobble.is_none() { Some(number) } else { Some(self.scaled(number, clock)) }
    }

    fn scaled(&self, number: u32, clock: Time) -> u32 {
        let time_of_day = clock.as_micros() % Span::DAY.as_micros();
        let step = self.load.iter().rev().find(|step| step.from.as_micros() <= time_of_day);
        let wobble = self.wobble.map_or(1.0, |(wobble, seed)| wobble.factor(seed, clock));
        LimitValue::scaled(number, step.map_or(1.0, |step| step.factor) * wobble)
    }

    /// The number of every tier, before the load scales it; empty where it does not go by tiers.
    pub(super) fn by_tier(&self) -> &[Option<u32>] {
        if let DrawnAmount::Tiers(by_tier) = &self.amount { by_tier } else { &[] }
    }

    /// Whether there is a limit for any sender.
    pub(super) fn is_limited(&self) -> bool {
        match &self.amount {
            DrawnAmount::Tiers(by_tier) => by_tier.iter().any(Option::is_some),
            DrawnAmount::Curve(_) | DrawnAmount::Allowance { .. } => true,
        }
    }

    /// The largest number for any sender at any time; 0 if there is no limit.
    pub(super) fn largest(&self) -> u32 {
        let most = match &self.amount {
            DrawnAmount::Tiers(by_tier) => by_tier.iter().flatten().copied().max().unwrap_or(0),
            DrawnAmount::Curve(points) => points.iter().map(|point| point.number).max().unwrap_or(0),
            DrawnAmount::Allowance { at_most, .. } => (*at_most).min(LimitValue::MAX),
        };
        let wobble = self.wobble.map_or(1.0, |(wobble, _)| wobble.largest());
        LimitValue::scaled(most, largest_factor(&self.load) * wobble)
    }
}

/// The number at a score: on the straight line between the two points beside it.
fn on_curve(points: &[CurvePoint], score: Fraction) -> u32 {
    let above = points.iter().position(|point| point.score > score).unwrap_or(points.len());
    match (above.checked_sub(1).map(|place| points[place]), points.get(above)) {
        (Some(low), Some(high)) => {
            let share = (score.get() - low.score.get()) / (high.score.get() - low.score.get());
            let (from, to) = (f64::from(low.number), f64::from(high.number));
            LimitValue::scaled(1, from + (to - from) * share)
        }
        (Some(last), None) => last.number,
        (None, first) => first.map_or(0, |first| first.number),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between low and high")]
fn within(low: u32, high: u32, share: f64) -> u32 {
    low + ((f64::from(high - low) + 1.0) * share) as u32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between low and high")]
fn by_logarithm(low: u32, high: u32, share: f64) -> u32 {
    let (from, to) = (f64::from(low), f64::from(high) + 1.0);
    ((from * (to / from).powf(share)) as u32).clamp(low, high)
}

/// The largest factor of a load schedule; 1 without one.
fn largest_factor(load: &[LoadStep]) -> f64 {
    load.iter().map(|step| step.factor).reduce(f64::max).unwrap_or(1.0)
}
