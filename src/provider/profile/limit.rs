//! The number that a count may not exceed, as a profile writes it: `20`, `"none"`, `{ unknown = [5, 20] }`, or one of
//! these for every tier.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use super::fault::Fault;
use super::named::Named;
use crate::diagnostic::nearest;
use crate::provider::{LimitValue, LoadStep, Policy, Tier, TierValue};

/// A limit as a profile writes it.
#[derive(Clone, Debug)]
pub enum LimitSpec {
    /// One amount for everybody.
    One(TierValue),
    /// One for every tier.
    Tiers(Named<Spanned<AmountSpec>>),
}

impl LimitSpec {
    /// The ceiling that this limit means in a policy with these tiers; `place` is where the limit stands.
    pub(super) fn ceiling(
        &self,
        tiers: &[Tier],
        load: Vec<LoadStep>,
        place: std::ops::Range<usize>,
    ) -> Result<LimitValue, Fault> {
        let by_tier = match self {
            Self::One(amount) => vec![*amount; tiers.len()],
            Self::Tiers(table) => {
                let known = || tiers.iter().map(|tier| tier.name.as_str());
                if let Some((name, _)) = table.iter().find(|(name, _)| !known().any(|tier| tier == name.get_ref())) {
                    let near = nearest(name.get_ref(), known());
                    return Err(Fault::unknown(name, "there is no tier", near, known()));
                }
                let amount_of = |tier: &Tier| {
                    let found = table.iter().find(|(name, _)| *name.get_ref() == tier.name);
                    found.map(|(_, amount)| amount.get_ref().0).ok_or_else(|| {
                        Fault::new(place.clone(), format!("this limit says nothing about tier `{}`", tier.name))
                            .help("give every tier an amount; `\"none\"` is no limit")
                    })
                };
                tiers.iter().map(amount_of).collect::<Result<_, _>>()?
            }
        };
        Ok(LimitValue { by_tier, load })
    }
}

/// One amount as a profile writes it.
#[derive(Clone, Copy, Debug)]
pub struct AmountSpec(pub TierValue);

impl<'de> Deserialize<'de> for LimitSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Limit;

        impl<'de> Visitor<'de> for Limit {
            type Value = LimitSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{AMOUNTS}, or {{ tiers = {{ NAME = … }} }}")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<LimitSpec, E> {
                whole(number).map(|n| LimitSpec::One(TierValue::Exactly(n)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<LimitSpec, E> {
                none(text).map(LimitSpec::One)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LimitSpec, A::Error> {
                let limit = match map.next_key::<String>()?.as_deref() {
                    Some("unknown") => LimitSpec::One(range(map.next_value()?)?),
                    Some("tiers") => LimitSpec::Tiers(map.next_value()?),
                    Some(other) => return Err(A::Error::unknown_field(other, &["unknown", "tiers"])),
                    None => return Err(A::Error::custom("an empty limit says nothing; `\"none\"` is no limit")),
                };
                only(&mut map).map(|()| limit)
            }
        }

        deserializer.deserialize_any(Limit)
    }
}

impl<'de> Deserialize<'de> for AmountSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;

        impl<'de> Visitor<'de> for One {
            type Value = AmountSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(AMOUNTS)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<AmountSpec, E> {
                whole(number).map(|n| AmountSpec(TierValue::Exactly(n)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AmountSpec, E> {
                none(text).map(AmountSpec)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AmountSpec, A::Error> {
                let amount = match map.next_key::<String>()?.as_deref() {
                    Some("unknown") => range(map.next_value()?)?,
                    Some(other) => return Err(A::Error::unknown_field(other, &["unknown"])),
                    None => return Err(A::Error::custom("an empty limit says nothing; `\"none\"` is no limit")),
                };
                only(&mut map).map(|()| AmountSpec(amount))
            }
        }

        deserializer.deserialize_any(One)
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
        "Amount".into()
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

const AMOUNTS: &str = "a whole number, \"none\", or { unknown = [LOW, HIGH] }";
