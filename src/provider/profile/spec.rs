//! What a profile's file says, word for word: every table and key, nothing checked yet but types.
//!
//! [`super::build`] turns it into a [`crate::provider::Policy`]. Values that can be wrong in the company of others keep
//! their place in the text.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::limit::LimitSpec;
use super::named::Named;
use super::parts::{AnswerSpec, CheckSpec, HoldSpec, LoadStepSpec, WindowSpec};
use crate::dist::DistSpec;
use crate::provider::{Confidence, Counted, Meter, ReputationOf, Scope};
use crate::smtp::Stage;
use crate::units::Fraction;

/// A mailbox provider's inbound policy as a TOML file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProfileSpec {
    /// The profile's name, such as `charter`.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// The name people know, such as `Charter / Spectrum`.
    pub title: String,
    /// The recipient domains that the provider serves; at least one.
    #[schemars(with = "Vec<String>")]
    pub domains: Spanned<Vec<Spanned<String>>>,
    /// The names of its MX hosts; at least one. The first one fills `{mx}` in replies.
    #[schemars(with = "Vec<String>")]
    pub mx: Spanned<Vec<Spanned<String>>>,
    /// What a reader should know before trusting the profile.
    #[serde(default)]
    pub about: String,
    /// Bands of reputation `[from, to)`, the worst first, from 0 to 1 without gap or overlap. Without this table
    /// there is one band, `any`.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, [f64; 2]>")]
    pub tiers: Named<Spanned<[f64; 2]>>,
    /// How reputation moves. Without this table everybody's stays at 1.
    pub reputation: Option<ReputationSpec>,
    /// How long the server takes. Without this table it takes no time.
    pub service: Option<ServiceSpec>,
    /// How many connections the server can serve. Without this table, as many as come.
    pub listener: Option<ListenerSpec>,
    /// The replies that rules can give, by name.
    #[serde(default)]
    pub reply: Named<ReplySpec>,
    /// The rules, in the order in which they are asked.
    #[serde(default)]
    pub rule: Named<RuleSpec>,
}

/// How reputation moves; a score is between 0 and 1.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReputationSpec {
    /// Score of a client nobody has seen before.
    pub start: Fraction,
    /// Share of the way to 1 that every accepted message gains.
    pub gain: Fraction,
    /// Most that can be gained in a day, as score.
    pub gain_per_day: Fraction,
    /// Share of the score lost by a complaint.
    pub complaint: Fraction,
    /// Share of the score lost by a recipient that does not exist.
    pub unknown_recipient: Fraction,
    /// Share of the score lost by a spam trap.
    pub spam_trap: Fraction,
    /// Share of the score lost by a message without SPF or DKIM.
    pub unauthenticated: Fraction,
    /// Share of the score lost by every message above the volume that the client's history allows.
    pub surge: Fraction,
    /// A day may bring this many times the most of the client's recent days; at least 1.
    #[schemars(with = "f64")]
    pub growth: Spanned<f64>,
    /// A day may always bring so many messages.
    #[schemars(with = "u32")]
    pub volume_floor: Spanned<i64>,
    /// Without mail for a day, the score rises by so much per day …
    pub rest_gain: Fraction,
    /// … until it reaches this.
    pub rest_toward: Fraction,
    /// Where these numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    #[schemars(with = "Option<Confidence>")]
    pub confidence: Option<Spanned<Confidence>>,
}

/// How long the server takes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServiceSpec {
    /// For the reply after the dot.
    #[schemars(with = "DistSpec")]
    pub per_message: Spanned<DistSpec>,
    /// For the reply to a RCPT.
    #[schemars(with = "DistSpec")]
    pub per_recipient: Spanned<DistSpec>,
    /// Where these numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    #[schemars(with = "Option<Confidence>")]
    pub confidence: Option<Spanned<Confidence>>,
}

/// How many connections the server can serve.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListenerSpec {
    /// Connections served at a time; at least 1.
    #[schemars(with = "u32")]
    pub workers: Spanned<i64>,
    /// Connections that wait for a greeting.
    #[schemars(with = "u32")]
    pub backlog: Spanned<i64>,
    /// Where these numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    #[schemars(with = "Option<Confidence>")]
    pub confidence: Option<Spanned<Confidence>>,
}

/// A reply in the provider's own words.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReplySpec {
    /// The three-digit code, 400 to 599.
    #[schemars(with = "u16")]
    pub code: Spanned<i64>,
    /// The enhanced status code, where the provider sends one.
    #[schemars(with = "Option<String>")]
    pub enhanced: Option<Spanned<String>>,
    /// The text, with `{ip}`, `{rcpt}`, `{sender}`, `{sender_domain}`, `{from_domain}`, `{mx}`, `{id}`, `{url}`. A line
    /// break separates the lines of a multi-line reply.
    #[schemars(with = "String")]
    pub text: Spanned<String>,
    /// Where the text comes from.
    pub source: Option<String>,
    /// How far to trust it; `assumed` unless said otherwise.
    #[schemars(with = "Option<Confidence>")]
    pub confidence: Option<Spanned<Confidence>>,
}

/// A limit (`count`, `per`, `window`, `limit` …) or a `check`, and what follows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RuleSpec {
    /// The stage at which the rule is asked.
    #[schemars(with = "Stage")]
    pub at: Spanned<Stage>,
    /// Whose counter it is. May be left out for the windows `session` and `message`.
    #[schemars(with = "Option<Scope>")]
    pub per: Option<Spanned<Scope>>,
    /// What is counted.
    #[schemars(with = "Option<Meter>")]
    pub count: Option<Spanned<Meter>>,
    /// Over which time.
    #[schemars(with = "Option<WindowSpec>")]
    pub window: Option<Spanned<WindowSpec>>,
    /// The number that the count may not exceed.
    #[schemars(with = "Option<LimitSpec>")]
    pub limit: Option<Spanned<LimitSpec>>,
    /// Whether what the rule refuses counts too; `acceptances` unless said otherwise.
    #[schemars(with = "Option<Counted>")]
    pub counts: Option<Spanned<Counted>>,
    /// By time of day, the factor that scales the limit.
    #[schemars(with = "Option<Vec<LoadStepSpec>>")]
    pub load: Option<Spanned<Vec<LoadStepSpec>>>,
    /// Whose reputation chooses the tier; `client-ip` unless said otherwise.
    #[schemars(with = "Option<ReputationOf>")]
    pub reputation_of: Option<Spanned<ReputationOf>>,
    /// Instead of a limit, a question.
    #[schemars(with = "Option<CheckSpec>")]
    pub check: Option<Spanned<CheckSpec>>,
    /// What is answered.
    #[schemars(with = "AnswerSpec")]
    pub answer: Spanned<AnswerSpec>,
    /// Share of the client's reputation that every violation costs.
    #[serde(default)]
    pub cost: Fraction,
    /// Time-outs for a client that keeps on breaking the rule.
    #[schemars(with = "Option<HoldSpec>")]
    pub hold: Option<Spanned<HoldSpec>>,
    /// Whether the rule is asked at all; a timeline can switch it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Where the numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    #[schemars(with = "Option<Confidence>")]
    pub confidence: Option<Spanned<Confidence>>,
    /// Where the limit comes from, if from elsewhere than the rest.
    pub limit_source: Option<String>,
    /// How far to trust the limit, if not like the rest.
    #[schemars(with = "Option<Confidence>")]
    pub limit_confidence: Option<Spanned<Confidence>>,
    /// Where the hold's times come from, if from elsewhere than the rest.
    pub hold_source: Option<String>,
    /// How far to trust the hold's times, if not like the rest.
    #[schemars(with = "Option<Confidence>")]
    pub hold_confidence: Option<Spanned<Confidence>>,
}

const fn yes() -> bool {
    true
}
