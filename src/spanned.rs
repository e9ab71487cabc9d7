//! Values as people write them: with their place in the file, so that a mistake can be pointed at.
//!
//! [`Spanned`] keeps the place, [`Count`] is a whole number that is not negative, [`TextOrTable`] a plain value or a
//! table, [`Capped`] a value or `"unlimited"`. All of them read TOML only; each knows its JSON Schema.

mod check;
mod gaps;
mod kind;
mod missing;
mod named;
pub mod path;
mod read;
mod retired;
mod source_map;
mod tree;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

pub use check::{Checker, listed, nearest_or_all};
pub use kind::FileKind;
pub use named::NamedTable;
pub use read::read;
pub use source_map::SourceMap;
pub use tree::{Step, Tree, at, at_mut, moved, parse};

/// A value and its place in the file, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// What is written there, as its type reads it.
    pub value: T,
    /// Where it is written: bytes of the documents that are checked, one after the other.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// Another value at the same place.
    pub fn with<U>(&self, value: U) -> Spanned<U> {
        Spanned { value, span: self.span.clone() }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), value: spanned.into_inner() })
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A whole number, 0 or above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor).map(Self)
    }
}

impl JsonSchema for Count {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0 })
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<u64, E> {
        u64::try_from(value).map_err(|_| E::custom(format!("{value} is negative; write a whole number, 0 or above")))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<u64, E> {
        Err(E::custom(format!("{value} is not a whole number")))
    }
}

/// One count, or a range of them: `1` or `[1, 5]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountRange(pub u64, pub u64);

impl<'de> Deserialize<'de> for CountRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ranges;

        impl<'de> Visitor<'de> for Ranges {
            type Value = CountRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a range of two ([1, 5])")
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<CountRange, E> {
                Ok(CountRange(value, value))
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<CountRange, E> {
                CountVisitor.visit_i64(value).map(|count| CountRange(count, count))
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<CountRange, E> {
                CountVisitor.visit_f64(value).map(|count| CountRange(count, count))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<CountRange, A::Error> {
                let (low, high) = (items.next_element::<Count>()?, items.next_element::<Count>()?);
                match (low, high, items.next_element::<Count>()?) {
                    (Some(Count(low)), Some(Count(high)), None) => Ok(CountRange(low, high)),
                    _ => Err(A::Error::custom("a range has two numbers: [1, 5]")),
                }
            }
        }

        deserializer.deserialize_any(Ranges)
    }
}

impl JsonSchema for CountRange {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CountRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let count = json_schema!({ "type": "integer", "minimum": 1 });
        json_schema!({ "anyOf": [count, { "type": "array", "items": count, "minItems": 2, "maxItems": 2 }] })
    }
}

/// A plain value, or a table that says more.
#[derive(Clone, Debug, PartialEq)]
pub enum TextOrTable<S, M> {
    /// What the text says.
    Text(S),
    /// What its keys say.
    Table(M),
}

impl<'de, S: Deserialize<'de>, M: Deserialize<'de>> Deserialize<'de> for TextOrTable<S, M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize_as(
            deserializer,
            "a text such as \"20ms\" or \"75kB\", or a distribution such as { uniform = [ … , … ] }",
        )
    }
}

impl<'de, S: Deserialize<'de>, M: Deserialize<'de>> TextOrTable<S, M> {
    /// Reads either; `expected` is what people are told where there is something else.
    ///
    /// # Errors
    /// It is neither, or not what it should be.
    pub fn deserialize_as<D: Deserializer<'de>>(deserializer: D, expected: &'static str) -> Result<Self, D::Error> {
        struct Either<S, M>(&'static str, PhantomData<(S, M)>);

        impl<'de, S: Deserialize<'de>, M: Deserialize<'de>> Visitor<'de> for Either<S, M> {
            type Value = TextOrTable<S, M>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TextOrTable<S, M>, E> {
                S::deserialize(StrDeserializer::new(text)).map(TextOrTable::Text)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOrTable<S, M>, A::Error> {
                M::deserialize(MapAccessDeserializer::new(map)).map(TextOrTable::Table)
            }
        }

        deserializer.deserialize_any(Either(expected, PhantomData))
    }
}

impl<S: JsonSchema, M: JsonSchema> JsonSchema for TextOrTable<S, M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", S::schema_name(), M::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (text, table) = (generator.subschema_for::<S>(), generator.subschema_for::<M>());
        json_schema!({ "anyOf": [text, table] })
    }
}

/// A value, or `"unlimited"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capped<T>(pub Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Capped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Caps<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Caps<T> {
            type Value = Capped<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or \"unlimited\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Capped<T>, E> {
                if text == "unlimited" {
                    return Ok(Capped(None));
                }
                T::deserialize(StrDeserializer::new(text)).map(|value| Capped(Some(value)))
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Capped<T>, E> {
                T::deserialize(value.into_deserializer()).map(|value| Capped(Some(value)))
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Capped<T>, E> {
                T::deserialize(value.into_deserializer()).map(|value| Capped(Some(value)))
            }
        }

        deserializer.deserialize_any(Caps(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Capped<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Capped{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [value, { "const": "unlimited" }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[derive(Debug, Deserialize)]
    struct File {
        a: Option<Spanned<Capped<Count>>>,
        b: Option<Spanned<TextOrTable<Span, Spanned<Count>>>>,
        c: Option<Spanned<CountRange>>,
    }

    fn read(text: &str) -> Result<File, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_value_remembers_its_place() {
        let file = read("a = 12\nb = \"5s\"\nc = [1, 2]").unwrap();
        let a = file.a.unwrap();
        assert_eq!((a.value, a.span), (Capped(Some(Count(12))), 4..6));
        let b = file.b.unwrap();
        assert_eq!((b.value, b.span), (TextOrTable::Text(Span::from_secs(5)), 11..15));
        assert_eq!(file.c.unwrap().value, CountRange(1, 2));
        assert_eq!(read("a = \"unlimited\"").unwrap().a.unwrap().value, Capped(None));
    }

    #[test]
    fn what_is_no_count_is_said_in_words() {
        assert_eq!(read("a = -3").unwrap_err(), "-3 is negative; write a whole number, 0 or above");
        assert_eq!(read("a = 1.5").unwrap_err(), "1.5 is not a whole number");
        assert_eq!(read("c = [1]").unwrap_err(), "a range has two numbers: [1, 5]");
        assert!(read("b = \"5 furlongs\"").unwrap_err().contains("is not a length of time"));
        assert!(read("b = 5").unwrap_err().contains("a text such as"));
    }
}
