//! Whether a value is what a JSON Schema says: as much of the language as schemars writes. Anything else in a schema is
//! an error here, and so is a key that the schema does not know.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A schema with its definitions.
pub(crate) struct JsonSchemaDocument(Value);

/// The keys of an object that a schema knows, or what is wrong.
type Known<'a> = Result<BTreeSet<&'a str>, String>;

impl JsonSchemaDocument {
    pub(crate) fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    /// Nothing, or what is wrong with the value.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        self.whole(&self.0, value)
    }

    /// The value has no keys but those that the schema knows.
    fn whole(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let known = self.part(schema, value)?;
        let stranger = value.as_object().and_then(|all| all.keys().find(|key| !known.contains(key.as_str())));
        stranger.map_or(Ok(()), |key| Err(format!("{value}: the schema does not know `{key}`")))
    }

    fn part<'a>(&'a self, schema: &'a Value, value: &'a Value) -> Known<'a> {
        let rules = match schema {
            Value::Bool(true) => return Ok(keys(value)),
            Value::Object(rules) => rules,
            other => panic!("not a schema: {other}"),
        };
        let mut known = BTreeSet::new();
        for (keyword, rule) in rules {
            known.extend(self.rule(keyword, rule, rules, value)?);
        }
        Ok(known)
    }

    fn rule<'a>(&'a self, keyword: &str, rule: &'a Value, all: &'a Map<String, Value>, value: &'a Value) -> Known<'a> {
        let nothing = Ok(BTreeSet::new());
        let holds =
            |holds: bool| if holds { Ok(BTreeSet::new()) } else { Err(format!("{value} is not {keyword} {rule}")) };
        match keyword {
            "$schema" | "title" | "description" | "definitions" | "format" | "default" => nothing,
            "$ref" => self.part(self.0.pointer(&rule.as_str().unwrap()[1..]).unwrap(), value),
            "type" => holds(each(rule).any(|name| is_a(name.as_str().unwrap(), value))),
            "const" => holds(rule == value),
            "enum" => holds(each(rule).any(|one| one == value)),
            "minimum" => holds(value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap())),
            "minItems" => holds(value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap())),
            "maxItems" => holds(value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap())),
            "items" => value.as_array().into_iter().flatten().try_for_each(|item| self.whole(rule, item)).and(nothing),
            "required" => holds(each(rule).all(|key| value.get(key.as_str().unwrap()).is_some())),
            "properties" => {
                let mine = value.as_object().into_iter().flatten();
                let mut mine = mine.filter_map(|(key, of)| rule.get(key).map(|schema| (schema, of)));
                mine.try_for_each(|(schema, of)| self.whole(schema, of))?;
                Ok(rule.as_object().unwrap().keys().map(String::as_str).collect())
            }
            "additionalProperties" => {
                let named = all.get("properties").map(keys).unwrap_or_default();
                let mut others =
                    value.as_object().into_iter().flatten().filter(|(key, _)| !named.contains(key.as_str()));
                others.try_for_each(|(_, of)| self.whole(rule, of))?;
                Ok(keys(value))
            }
            "allOf" => each(rule).map(|part| self.part(part, value)).try_fold(BTreeSet::new(), |mut all, known| {
                all.extend(known?);
                Ok(all)
            }),
            "anyOf" | "oneOf" => {
                let fits: Vec<Known<'_>> = each(rule).map(|part| self.part(part, value)).collect();
                let wrong: Vec<&String> = fits.iter().filter_map(|fit| fit.as_ref().err()).collect();
                if wrong.len() == fits.len() {
                    return Err(format!("{value} is none of {keyword}: {wrong:#?}"));
                }
                Ok(fits.into_iter().flatten().flatten().collect())
            }
            other => panic!("{other}: the check does not know this word of a schema"),
        }
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// The items of a list, or the one value.
fn each(rule: &Value) -> impl Iterator<Item = &Value> {
    rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice).iter()
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other} is no type"),
    }
}
