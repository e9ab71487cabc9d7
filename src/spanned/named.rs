//! A TOML table whose entries have names that the person chose, kept in the order of the file.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use super::Spanned;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// Names with their values, in the order of the file; TOML itself refuses a name that is there twice.
#[derive(Clone, Debug)]
pub struct NamedTable<T>(Vec<(Spanned<String>, T)>);

impl<T> NamedTable<T> {
    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&Spanned<String>, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.value.as_str())
    }

    /// The place of a name in the file.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names().position(|known| known == name)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for NamedTable<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NamedTable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize_as(deserializer, "a table of names")
    }
}

impl<'de, T: Deserialize<'de>> NamedTable<T> {
    /// Reads a table; `expected` is what people are told where there is something else.
    ///
    /// # Errors
    /// It is no table, or one of its values is not what it should be.
    pub fn deserialize_as<D: Deserializer<'de>>(deserializer: D, expected: &'static str) -> Result<Self, D::Error> {
        struct InOrder<T>(&'static str, PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = NamedTable<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamedTable<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(NamedTable(entries))
            }
        }

        deserializer.deserialize_map(InOrder(expected, PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for NamedTable<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("NamedTable{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <std::collections::BTreeMap<String, T>>::json_schema(generator)
    }
}
