//! The number that a count may not exceed, as a profile writes it: `20`, `"none"`, `{ unknown = [5, 20] }`, or one of
//! these for every tier.

use std::fmt;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::provider::{AllowanceShare, CurvePoint, LimitAmount, LimitValue, LoadStep, Tier, TierValue, Wobble};
use crate::spanned::{Checker, NamedTable, Spanned};
use crate::time::Span;
use crate::units::Fraction;

/// A limit as a profile writes it.
#[derive(Clone, Debug)]
pub enum LimitSpec {
    /// One amount for everybody.
    One(TierValue),
    /// One for every tier.
    Tiers(Spanned<NamedTable<AmountSpec>>),
    /// By the score: numbers at some scores, and straight lines between them.
    Curve(Spanned<Vec<Spanned<(f64, i64)>>>),
    /// A share of what the identity may send a day.
    Allowance(Box<AllowanceShareSpec>),
}

/// A share of what an identity may send a day.
#[derive(Clone, Debug)]
pub struct AllowanceShareSpec {
    share: Spanned<f64>,
    at_least: Option<Spanned<AmountSpec>>,
    at_most: Option<Spanned<AmountSpec>>,
}

/// How a limit moves by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WobbleSpec {
    /// By how much: 0.2 is a fifth up or down, mostly; above 0, at most 1.
    pub spread: Spanned<f64>,
    /// How long it takes to come back.
    pub period: Spanned<Span>,
}

/// From this time of day on, the limit is scaled by this factor.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LoadStepSpec {
    /// Time of day.
    pub from: Spanned<Span>,
    /// Scales the limit; not negative.
    pub factor: Spanned<f64>,
}

/// The number that is meant, where these are the tiers.
pub(super) fn amount(spec: &Spanned<LimitSpec>, tiers: &[Tier], check: &mut Checker<'_>) -> Option<LimitAmount> {
    match &spec.value {
        LimitSpec::One(amount) => Some(LimitAmount::Tiers(vec![*amount; tiers.len()])),
        LimitSpec::Tiers(table) => by_tier(table, tiers, &spec.span, check).map(LimitAmount::Tiers),
        LimitSpec::Curve(points) => Some(LimitAmount::Curve(curve(points, check))),
        LimitSpec::Allowance(share) => Some(LimitAmount::Allowance(allowance_share(share, check))),
    }
}

/// How the limit moves by itself.
pub(super) fn wobble(spec: &WobbleSpec, check: &mut Checker<'_>) -> Wobble {
    let help = "0.2 is a fifth up or down; write a number above 0, at most 1";
    let spread = check.number(&spec.spread, help, |spread| spread > 0.0 && spread <= 1.0).unwrap_or(1.0);
    Wobble { spread, period: check.some_time(&spec.period) }
}

fn curve(points: &Spanned<Vec<Spanned<(f64, i64)>>>, check: &mut Checker<'_>) -> Vec<CurvePoint> {
    if points.is_empty() {
        check.wrong_do(&points.span, "a curve has at least one point", "write [[0.2, 10], [0.8, 100]]");
    }
    let mut curve: Vec<CurvePoint> = Vec::new();
    for point in points.iter() {
        let (score, number) = point.value;
        match (Fraction::new(score), whole::<toml::de::Error>(number)) {
            (None, _) => check.wrong(&point.span, format!("{score} is not a score; write a number from 0 to 1")),
            (_, Err(error)) => check.wrong(&point.span, error.message()),
            (Some(score), Ok(_)) if curve.last().is_some_and(|last| last.score >= score) => {
                check.wrong_do(&point.span, "points out of order", "write the lowest score first");
            }
            (Some(_), Ok(number)) if curve.last().is_some_and(|last| last.number > number) => {
                let help = "who is better gets at least as much";
                check.wrong_do(&point.span, "a better score gets less here", help);
            }
            (Some(score), Ok(number)) => curve.push(CurvePoint { score, number }),
        }
    }
    curve
}

fn allowance_share(spec: &AllowanceShareSpec, check: &mut Checker<'_>) -> AllowanceShare {
    let at_least = spec.at_least.as_ref().map_or(TierValue::Exactly(0), |least| least.value.0);
    let at_most = spec.at_most.as_ref().map_or(TierValue::Unlimited, |most| most.value.0);
    if let (Some(least), TierValue::Unlimited) = (&spec.at_least, at_least) {
        check.wrong_do(&least.span, "at least without end is no limit", "write `limit = \"none\"`");
    }
    if let (Some(most), (_, Some(low)), (Some(high), _)) = (&spec.at_most, bounds(at_least), bounds(at_most))
        && high < low
    {
        check.wrong_do(&most.span, "at most is less than at least", "write the larger number here");
    }
    AllowanceShare { share: check.positive(&spec.share), at_least, at_most }
}

/// The least and the most of a number; `None` without end.
const fn bounds(value: TierValue) -> (Option<u32>, Option<u32>) {
    match value {
        TierValue::Exactly(number) => (Some(number), Some(number)),
        TierValue::Unknown { low, high } => (Some(low), Some(high)),
        TierValue::Unlimited => (None, None),
    }
}

fn by_tier(
    table: &Spanned<NamedTable<AmountSpec>>,
    tiers: &[Tier],
    place: &Range<usize>,
    check: &mut Checker<'_>,
) -> Option<Vec<TierValue>> {
    let known: Vec<&str> = tiers.iter().map(|tier| tier.name.as_str()).collect();
    let (mut unknown, mut missing) = (false, Vec::new());
    for (name, _) in table.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        check.unknown("tier", name, &known);
        unknown = true;
    }
    let mut amounts = Vec::new();
    for tier in tiers {
        match table.iter().find(|(name, _)| name.value == tier.name) {
            Some((_, amount)) => amounts.push(amount.0),
            None => missing.push(format!("`{}`", tier.name)),
        }
    }
    // A tier that is not known may be the one that is missing.
    if !unknown && !missing.is_empty() && !check.has_gap(&table.span) {
        let message = format!("this limit says nothing about tier {}", missing.join(" and "));
        check.wrong_do(place, message, "give every tier an amount; `\"none\"` is no limit");
    }
    (amounts.len() == tiers.len()).then_some(amounts)
}

/// The load schedule that is meant.
pub(super) fn load(steps: &[LoadStepSpec], check: &mut Checker<'_>) -> Vec<LoadStep> {
    let mut known: Vec<LoadStep> = Vec::new();
    for LoadStepSpec { from, factor } in steps {
        match known.last() {
            None if !from.is_zero() => {
                check.wrong_do(&from.span, "the first step begins at midnight", "write from = \"0s\"");
            }
            Some(last) if from.value <= last.from => {
                check.wrong_do(&from.span, "steps out of order", "write the earliest first");
            }
            _ if from.value >= Span::DAY => {
                check.wrong_do(&from.span, "a time of day is before 24h", "a day begins anew at 24h");
            }
            _ => {}
        }
        if !(0.0..=1e6).contains(&factor.value) {
            check.wrong(&factor.span, format!("{} is not a factor; write a number from 0 up", factor.value));
        }
        known.push(LoadStep { from: from.value, factor: factor.value });
    }
    known
}

/// One amount as a profile writes it.
#[derive(Clone, Copy, Debug)]
pub struct AmountSpec(pub TierValue);

impl<'de> Deserialize<'de> for LimitSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitVisitor { keys: &["unknown", TIERS, SCORE, ALLOWANCE, AT_LEAST, AT_MOST] })
    }
}

impl<'de> Deserialize<'de> for AmountSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = &["unknown"];
        match deserializer.deserialize_any(LimitVisitor { keys })? {
            LimitSpec::One(amount) => Ok(Self(amount)),
            LimitSpec::Tiers(_) | LimitSpec::Curve(_) | LimitSpec::Allowance(_) => {
                unreachable!("only `unknown` is let pass")
            }
        }
    }
}

/// Reads a limit, where a table has one of these keys.
struct LimitVisitor {
    keys: &'static [&'static str],
}

impl<'de> Visitor<'de> for LimitVisitor {
    type Value = LimitSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(AMOUNTS)?;
        if self.keys.contains(&TIERS) { f.write_str(BY_STANDING) } else { Ok(()) }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<LimitSpec, E> {
        whole(number).map(|n| LimitSpec::One(TierValue::Exactly(n)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LimitSpec, E> {
        none(text).map(LimitSpec::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LimitSpec, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::custom("an empty limit says nothing; `\"none\"` is no limit"));
        };
        let limit = match key.as_str() {
            unknown if !self.keys.contains(&unknown) => return Err(A::Error::unknown_field(unknown, self.keys)),
            TIERS => LimitSpec::Tiers(map.next_value()?),
            SCORE => LimitSpec::Curve(map.next_value()?),
            ALLOWANCE | AT_LEAST | AT_MOST => return self.allowance(key, map),
            _ => LimitSpec::One(range(map.next_value()?)?),
        };
        only(&mut map).map(|()| limit)
    }
}

impl LimitVisitor {
    /// A share of the allowance, of which the first key is read.
    fn allowance<'de, A: MapAccess<'de>>(self, first: String, mut map: A) -> Result<LimitSpec, A::Error> {
        let (mut share, mut at_least, mut at_most) = (None, None, None);
        let mut next = Some(first);
        while let Some(key) = next {
            match key.as_str() {
                ALLOWANCE => share = Some(map.next_value()?),
                AT_LEAST => at_least = Some(map.next_value()?),
                AT_MOST => at_most = Some(map.next_value()?),
                other if self.keys.contains(&other) => {
                    return Err(A::Error::custom(format!("a limit is one thing only; `{other}` is one too many")));
                }
                other => return Err(A::Error::unknown_field(other, self.keys)),
            }
            next = map.next_key()?;
        }
        let share = share.ok_or_else(|| A::Error::missing_field(ALLOWANCE))?;
        Ok(LimitSpec::Allowance(Box::new(AllowanceShareSpec { share, at_least, at_most })))
    }
}

impl JsonSchema for LimitSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let amount = generator.subschema_for::<AmountSpec>();
        json_schema!({ "anyOf": [amount, {
            "type": "object", "required": ["tiers"], "additionalProperties": false,
            "properties": { "tiers": { "type": "object", "additionalProperties": amount } },
        }, {
            "description": "By the score: [score, number] pairs, the lowest score first, straight lines between them.",
            "type": "object", "required": ["score"], "additionalProperties": false,
            "properties": { "score": { "type": "array", "minItems": 1, "items": {
                "type": "array", "items": { "type": "number", "minimum": 0 }, "minItems": 2, "maxItems": 2,
            } } },
        }, {
            "description": "A share of what the identity may send a day, at least and at most so many.",
            "type": "object", "required": ["allowance"], "additionalProperties": false,
            "properties": {
                "allowance": { "type": "number", "exclusiveMinimum": 0 }, "at-least": amount, "at-most": amount,
            },
        }] })
    }
}

impl JsonSchema for AmountSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TierValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({ "type": "integer", "minimum": 0, "maximum": LimitValue::MAX });
        json_schema!({
            "description": "A number, \"none\" for no limit, or a range that a number is drawn from in every trial.",
            "anyOf": [number, { "const": "none" }, {
                "type": "object", "required": ["unknown"], "additionalProperties": false,
                "properties": { "unknown": { "type": "array", "items": number, "minItems": 2, "maxItems": 2 } },
            }],
        })
    }
}

fn whole<E: Error>(number: i64) -> Result<u32, E> {
    match u32::try_from(number) {
        Ok(limit) if limit <= LimitValue::MAX => Ok(limit),
        _ if number < 0 => Err(E::custom(format!("a limit cannot be negative ({number}); 0 lets nothing in"))),
        _ => Err(E::custom(format!("a limit is at most {}; `\"none\"` is no limit", LimitValue::MAX))),
    }
}

fn none<E: Error>(text: &str) -> Result<TierValue, E> {
    match text {
        "none" => Ok(TierValue::Unlimited),
        other => Err(E::custom(format!("`{other}` is not a limit; write {AMOUNTS}"))),
    }
}

fn range<E: Error>([low, high]: [i64; 2]) -> Result<TierValue, E> {
    let (low, high) = (whole(low)?, whole(high)?);
    if low > high {
        return Err(E::custom(format!("the range {low} to {high} is upside down; write the smaller number first")));
    }
    Ok(TierValue::Unknown { low, high })
}

fn only<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    match map.next_key::<String>()? {
        None => Ok(()),
        Some(other) => Err(A::Error::custom(format!("a limit is one thing only; `{other}` is one too many"))),
    }
}

/// The key of a limit by tier.
const TIERS: &str = "tiers";
/// The key of a limit by the score.
const SCORE: &str = "score";
/// The key of a share of the allowance, and what goes with it.
const ALLOWANCE: &str = "allowance";
const AT_LEAST: &str = "at-least";
const AT_MOST: &str = "at-most";
const BY_STANDING: &str =
    ", or { tiers = { NAME = … } }, { score = [[SCORE, NUMBER], …] }, { allowance = SHARE, at-least = … }";
const AMOUNTS: &str = "a whole number, \"none\", or { unknown = [LOW, HIGH] }";
