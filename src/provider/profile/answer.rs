//! What a rule answers, as a profile writes it and as it is meant.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::provider::RuleAction;
use crate::smtp::{Code, Stage};
use crate::spanned::{Checker, Spanned};
use crate::time::Span;
use crate::units::ReplyId;

/// What a rule answers: `{ reply = "name", close = true }`, `"drop"` or `{ tarpit = "10s" }`.
#[derive(Clone, Debug)]
pub enum AnswerSpec {
    /// A reply.
    Reply {
        /// Its name in `[reply.NAME]`.
        reply: Spanned<String>,
        /// Whether the connection is then closed; if left out, after a 421 and after every refusal at connect.
        close: Option<bool>,
    },
    /// The connection is closed without a word.
    Drop,
    /// The reply comes this much later.
    Tarpit(Span),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AnswerTable {
    reply: Option<Spanned<String>>,
    close: Option<bool>,
    tarpit: Option<Span>,
}

impl<'de> Deserialize<'de> for AnswerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Answer;

        impl<'de> Visitor<'de> for Answer {
            type Value = AnswerSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ANSWERS)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AnswerSpec, E> {
                match text {
                    "drop" => Ok(AnswerSpec::Drop),
                    other => Err(E::custom(format!("unknown answer `{other}`; write {ANSWERS}"))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AnswerSpec, A::Error> {
                match AnswerTable::deserialize(MapAccessDeserializer::new(map))? {
                    AnswerTable { reply: Some(reply), close, tarpit: None } => Ok(AnswerSpec::Reply { reply, close }),
                    AnswerTable { reply: None, close: None, tarpit: Some(span) } => Ok(AnswerSpec::Tarpit(span)),
                    _ => Err(A::Error::custom(format!("an answer is one thing only; write {ANSWERS}"))),
                }
            }
        }

        deserializer.deserialize_any(Answer)
    }
}

impl JsonSchema for AnswerSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Answer".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<AnswerTable>();
        json_schema!({ "anyOf": [{ "const": "drop" }, table] })
    }
}

const ANSWERS: &str = "{ reply = \"NAME\" }, { reply = \"NAME\", close = true }, { tarpit = \"10s\" } or \"drop\"";

/// The replies that rules can name, by their place.
pub(super) struct Replies<'a> {
    pub(super) names: Vec<&'a str>,
    /// The code of each; `None` where it is wrong.
    pub(super) codes: Vec<Option<Code>>,
}

impl Replies<'_> {
    /// The answer that is meant at a stage.
    pub(super) fn answer(&self, spec: &AnswerSpec, at: Stage, check: &mut Checker<'_>) -> Option<RuleAction> {
        match spec {
            AnswerSpec::Drop => Some(RuleAction::Drop),
            AnswerSpec::Tarpit(span) => Some(RuleAction::Tarpit(*span)),
            AnswerSpec::Reply { reply, close } => self.reply(reply, *close, at, check),
        }
    }

    /// A reply by name. After a 421 the server closes (RFC 5321, 3.8), and there is no session after a refused
    /// greeting.
    pub(super) fn reply(
        &self,
        name: &Spanned<String>,
        close: Option<bool>,
        at: Stage,
        check: &mut Checker<'_>,
    ) -> Option<RuleAction> {
        let Some(place) = self.names.iter().position(|known| *known == name.value) else {
            check.unknown("reply", name, &self.names);
            return None;
        };
        let closes = self.codes[place]?.get() == 421 || at == Stage::Connect;
        Some(RuleAction::Reply { reply: ReplyId::from_index(place), close: close.unwrap_or(closes) })
    }
}
