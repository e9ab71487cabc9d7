//! The recipient domains of a provider, as a profile writes them: a list, or one text.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::host_name::is_host;
use crate::provider::ServedDomains;
use crate::spanned::{Checker, Spanned};

/// `["charter.net", "*.rr.com"]`, or one of such texts alone: `"*"`.
#[derive(Clone, Debug)]
pub enum DomainsSpec {
    /// One, which stands where the whole value does.
    One(String),
    /// Several.
    Several(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for DomainsSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;

        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = DomainsSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of domains ([\"charter.net\", \"*.rr.com\"]) or one (\"*\" is every domain)")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DomainsSpec, E> {
                Ok(DomainsSpec::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<DomainsSpec, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(DomainsSpec::Several)
            }
        }

        deserializer.deserialize_any(OneOrSeveral)
    }
}

impl JsonSchema for DomainsSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Domains".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "type": "string", "minLength": 1 });
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// The domains that are meant.
pub(super) fn build(spec: &Spanned<DomainsSpec>, check: &mut Checker<'_>) -> ServedDomains {
    let several = match &spec.value {
        DomainsSpec::One(text) => vec![spec.with(text.clone())],
        DomainsSpec::Several(list) => list.clone(),
    };
    if several.is_empty() {
        check.wrong_do(
            &spec.span,
            "a provider has at least one domain",
            "to serve every domain, write `domains = \"*\"`",
        );
    }
    let mut known = BTreeSet::new();
    for pattern in &several {
        let name = pattern.strip_prefix("*.").unwrap_or(pattern);
        if pattern.value != "*" && !is_host(name) {
            let help = "write a name, `*.` and a name for all names below it, or `*` for every domain";
            check.wrong_do(&pattern.span, format!("`{}` is not the name of a domain", pattern.value), help);
        } else if !known.insert(pattern.to_ascii_lowercase()) {
            check.wrong(&pattern.span, format!("the domain `{}` is there twice", pattern.value));
        }
    }
    ServedDomains::new(several.iter().map(|pattern| &pattern.value))
}
