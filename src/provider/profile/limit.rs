//! The number that a count may not exceed, as a profile writes it: `20`, `"none"`, `{ unknown = [5, 20] }`, or one of
//! these for every tier.

use std::fmt;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::provider::{LimitValue, LoadStep, Policy, Tier, TierValue};
use crate::spanned::{Checker, NamedTable, Spanned};
use crate::time::Span;

/// A limit as a profile writes it.
#[derive(Clone, Debug)]
pub enum LimitSpec {
    /// One amount for everybody.
    One(TierValue),
    /// One for every tier.
    Tiers(Spanned<NamedTable<AmountSpec>>),
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

/// The value that a limit has where these are the tiers.
pub(super) fn value(
    spec: &Spanned<LimitSpec>,
    tiers: &[Tier],
    load: Vec<LoadStep>,
    check: &mut Checker<'_>,
) -> Option<LimitValue> {
    let by_tier = match &spec.value {
        LimitSpec::One(amount) => vec![*amount; tiers.len()],
        LimitSpec::Tiers(table) => by_tier(table, tiers, &spec.span, check)?,
    };
    Some(LimitValue { by_tier, load })
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
        deserializer.deserialize_any(LimitVisitor { keys: &["unknown", TIERS] })
    }
}

impl<'de> Deserialize<'de> for AmountSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = &["unknown"];
        match deserializer.deserialize_any(LimitVisitor { keys })? {
            LimitSpec::One(amount) => Ok(Self(amount)),
            LimitSpec::Tiers(_) => Err(D::Error::unknown_field(TIERS, keys)),
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
        if self.keys.contains(&TIERS) { f.write_str(", or { tiers = { NAME = … } }") } else { Ok(()) }
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
            _ => LimitSpec::One(range(map.next_value()?)?),
        };
        only(&mut map).map(|()| limit)
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
        }] })
    }
}

impl JsonSchema for AmountSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TierValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({ "type": "integer", "minimum": 0, "maximum": Policy::LIMIT_MAX });
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
        Ok(limit) if limit <= Policy::LIMIT_MAX => Ok(limit),
        _ if number < 0 => Err(E::custom(format!("a limit cannot be negative ({number}); 0 lets nothing in"))),
        _ => Err(E::custom(format!("a limit is at most {}; `\"none\"` is no limit", Policy::LIMIT_MAX))),
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
const AMOUNTS: &str = "a whole number, \"none\", or { unknown = [LOW, HIGH] }";
