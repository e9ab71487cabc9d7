//! The parts of a rule as a profile writes them: window, check, answer, hold, load.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use crate::provider::{Aligned, Auth, ReputationOf};
use crate::smtp::Stage;
use crate::time::Span;
use crate::units::{Bytes, Fraction};

/// Over which time a meter counts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum WindowSpec {
    /// What is open now.
    Gauge,
    /// Since the session began.
    Session,
    /// Since MAIL.
    Message,
    /// In the current frame.
    Fixed(FixedSpec),
    /// In the last so much time.
    Sliding(Span),
    /// A token bucket that is refilled with the limit every `per` and holds at most `burst`.
    #[serde(rename_all = "kebab-case")]
    TokenBucket {
        /// The time in which the whole limit is refilled.
        per: Span,
        /// Most tokens it can hold; as many as the limit unless said otherwise.
        burst: Option<u32>,
    },
    /// An exponentially weighted average rate over this smoothing period, as Exim's `ratelimit`.
    Average(Span),
}

/// A frame: `"1h"`, or `{ length = "1h", aligned = "first" }`.
#[derive(Clone, Copy, Debug)]
pub struct FixedSpec {
    /// Length of a frame.
    pub length: Span,
    /// Where frames begin.
    pub aligned: Aligned,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct FixedTable {
    length: Span,
    #[serde(default)]
    aligned: Aligned,
}

impl<'de> Deserialize<'de> for FixedSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fixed;

        impl<'de> Visitor<'de> for Fixed {
            type Value = FixedSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time (\"1h\") or { length = \"1h\", aligned = \"clock\" }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<FixedSpec, E> {
                let length = text.parse().map_err(E::custom)?;
                Ok(FixedSpec { length, aligned: Aligned::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FixedSpec, A::Error> {
                let FixedTable { length, aligned } = FixedTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(FixedSpec { length, aligned })
            }
        }

        deserializer.deserialize_any(Fixed)
    }
}

impl JsonSchema for FixedSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fixed".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (span, table) = (generator.subschema_for::<Span>(), generator.subschema_for::<FixedTable>());
        json_schema!({ "anyOf": [span, table] })
    }
}

/// A question about the client, the recipient or the message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CheckSpec {
    /// Does the recipient not exist?
    UnknownRecipient,
    /// Is the mailbox full?
    MailboxFull,
    /// Is the recipient a spam trap?
    SpamTrap,
    /// Is the client on the block list that the provider uses?
    Listed,
    /// Does the client lack a PTR record that resolves back to it?
    NoPtr,
    /// Does the client talk before it is greeted? The greeting comes this much later, for that to be seen. Simulated
    /// senders wait for it.
    EarlyTalker(Span),
    /// Does the content look like spam?
    SpamContent,
    /// Yes, always.
    Always,
    /// Is the message larger than this?
    Size(Bytes),
    /// Does the message fail this authentication?
    Unauthenticated(Auth),
    /// Is this (client, sender domain, recipient) new or back too early?
    #[serde(rename_all = "kebab-case")]
    Greylist {
        /// Not before this much time has passed since the first attempt …
        delay: Span,
        /// … and not after this much.
        retry_within: Span,
        /// A triplet that passed is remembered this long.
        remember: Span,
    },
    /// Is the reputation below `below`?
    Reputation {
        /// Refuse below this.
        below: Fraction,
        /// Whose reputation.
        #[serde(default)]
        of: ReputationOf,
        /// Share of the attempts that are refused; all unless said otherwise.
        #[serde(default = "all")]
        refuse: Fraction,
    },
    /// Is the server having one of its busy spells?
    Busy {
        /// Mean time from the end of one spell to the start of the next.
        every: Span,
        /// Mean length of a spell.
        lasts: Span,
        /// Share of the attempts refused during a spell; all unless said otherwise.
        #[serde(default = "all")]
        refuse: Fraction,
    },
    /// Is it out of order, from one moment of the trial to another?
    Outage {
        /// Begins.
        from: Span,
        /// Ends.
        until: Span,
    },
}

const fn all() -> Fraction {
    Fraction::ALL
}

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
    #[schemars(with = "Option<String>")]
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

/// Time-outs for a client that keeps on breaking a rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HoldSpec {
    /// How long the client is held the first time, the second, …; the last step repeats.
    #[schemars(with = "Vec<Span>")]
    pub ladder: Spanned<Vec<Spanned<Span>>>,
    /// What a held client is told, one reply name for every step; the rule's own answer unless said otherwise.
    #[schemars(with = "Option<Vec<String>>")]
    pub replies: Option<Spanned<Vec<Spanned<String>>>>,
    /// So many violations; 1 unless said otherwise.
    #[schemars(with = "Option<u32>")]
    pub after: Option<Spanned<i64>>,
    /// Within this time; an hour unless said otherwise.
    #[schemars(with = "Option<Span>")]
    pub within: Option<Spanned<Span>>,
    /// After this much time without a hold the ladder begins anew; a day unless said otherwise.
    #[schemars(with = "Option<Span>")]
    pub forget: Option<Spanned<Span>>,
    /// The stage at which a held client is refused; the rule's own stage unless said otherwise.
    #[schemars(with = "Option<Stage>")]
    pub at: Option<Spanned<Stage>>,
}

/// From this time of day on, the limit is scaled by this factor.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LoadStepSpec {
    /// Time of day.
    #[schemars(with = "Span")]
    pub from: Spanned<Span>,
    /// Scales the limit; not negative.
    #[schemars(with = "f64")]
    pub factor: Spanned<f64>,
}
