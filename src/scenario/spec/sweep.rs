//! The table `[sweep]` as a scenario writes it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::scenario::sweep::Value;
use crate::spanned::Spanned;

/// What `mxlab sweep` goes through: one value of the scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SweepSpec {
    /// The path of the value, such as "strategy.fixed.concurrency.fixed".
    pub over: Spanned<String>,
    /// The values it takes in turn: a list, or a text such as "1..40:1", "0..1:lin11" or "10ms..1s:log5".
    pub values: Spanned<ValuesSpec>,
    /// What makes a value safe; a deferral-share of at most 0.01 by default.
    pub safe: Option<Spanned<SafeSpec>>,
}

/// What makes a value safe: a figure of the trial lies in a range.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SafeSpec {
    /// Which figure; deferral-share by default.
    pub metric: Option<Spanned<String>>,
    /// The provider at which it is measured; all of them together by default.
    pub provider: Option<Spanned<String>>,
    /// At least.
    pub min: Option<Spanned<f64>>,
    /// At most.
    pub max: Option<Spanned<f64>>,
}

/// The values of a sweep: in the grammar of the command line, or one by one.
#[derive(Clone, Debug)]
pub enum ValuesSpec {
    /// As the command line writes them.
    Text(String),
    /// A list of values as TOML has them.
    List(Vec<Value>),
}

impl<'de> Deserialize<'de> for ValuesSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ValuesSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list ([1, 2, 5]) or a text (\"1..40:1\")")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ValuesSpec, E> {
                Ok(ValuesSpec::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ValuesSpec, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(ValuesSpec::List(list))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ValuesSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "minItems": 1, "items": { "type": ["number", "string", "boolean"] } },
        ] })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;

        impl Visitor<'_> for One {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text, true or false")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Whole(number))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Decimal(number))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(One)
    }
}
