//! What a profile's file says, word for word: every table and key, nothing checked yet but types.
//!
//! [`super::build`] turns it into a [`crate::provider::Policy`]. Values that can be wrong in the company of others keep
//! their place in the text.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::AnswerSpec;
use super::domains::DomainsSpec;
use super::hold::HoldSpec;
use super::limit::{LimitSpec, LoadStepSpec, WobbleSpec};
use super::reputation::{AllowanceSpec, PlacementSpec, ReputationSpec};
use super::window::WindowSpec;
use crate::dist::DistSpec;
use crate::provider::rule::check_spec::CheckSpec;
use crate::provider::{Confidence, Counted, Meaning, Meter, ReputationOf, Scope};
use crate::smtp::Stage;
use crate::spanned::{Count, NamedTable, Spanned};

/// A mailbox provider's inbound policy as a TOML file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProfileSpec {
    /// The profile's name, such as `charter`.
    #[schemars(required)]
    pub name: Option<Spanned<String>>,
    /// The name people know, such as `Charter / Spectrum`.
    #[schemars(required)]
    pub title: Option<String>,
    /// The recipient domains that the provider serves; at least one. `*.example` is all names below `example`, and `*`
    /// every domain there is.
    #[schemars(required)]
    pub domains: Option<Spanned<DomainsSpec>>,
    /// The names of its MX hosts; at least one. The first one fills `{mx}` in replies.
    #[schemars(required)]
    pub mx: Option<Spanned<Vec<Spanned<String>>>>,
    /// How many MX hosts there are, whatever their names; 1 unless said. A connection leads to one of them, as the DNS
    /// has it.
    pub hosts: Option<Spanned<Count>>,
    /// What a reader should know before trusting the profile.
    #[serde(default)]
    pub about: String,
    /// Bands of reputation `[from, to)`, the worst first, from 0 to 1 without gap or overlap. Without this table
    /// there is one band, `any`.
    pub tiers: Option<Spanned<NamedTable<Spanned<[f64; 2]>>>>,
    /// How reputation moves. Without this table everybody's stays as it is: at 1, unless a source says otherwise.
    pub reputation: Option<Spanned<ReputationSpec>>,
    /// What volume a sender's history entitles it to. Needs `reputation`; without this table volume does not matter.
    pub allowance: Option<Spanned<AllowanceSpec>>,
    /// Where accepted mail lands. Without this table all of it reaches the inbox.
    pub placement: Option<Spanned<PlacementSpec>>,
    /// How long the server takes. Without this table it takes no time.
    pub service: Option<ServiceSpec>,
    /// How many connections the server can serve. Without this table, as many as come.
    pub listener: Option<ListenerSpec>,
    /// The replies that rules can give, by name.
    #[serde(default)]
    pub reply: NamedTable<ReplySpec>,
    /// The rules, in the order in which they are asked.
    #[serde(default)]
    pub rule: NamedTable<RuleSpec>,
}

/// How long the server takes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServiceSpec {
    /// For the reply to the end of data.
    pub per_message: Spanned<DistSpec>,
    /// For the reply to a RCPT.
    pub per_recipient: Spanned<DistSpec>,
    /// Where these numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    pub confidence: Option<Spanned<Confidence>>,
}

/// How many connections the server can serve.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListenerSpec {
    /// Connections served at a time; at least 1.
    pub workers: Spanned<Count>,
    /// Connections that wait for a greeting.
    pub backlog: Spanned<Count>,
    /// Where these numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    pub confidence: Option<Spanned<Confidence>>,
}

/// A reply in the provider's own words.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReplySpec {
    /// The three-digit code, 400 to 599.
    pub code: Spanned<Count>,
    /// The enhanced status code, where the provider sends one.
    pub enhanced: Option<Spanned<String>>,
    /// The text, with `{ip}`, `{range}`, `{host}`, `{helo}`, `{mx}`, `{sender}`, `{sender_domain}`, `{from_domain}`,
    /// `{rcpt}`, `{rcpt_domain}`, `{id}`, `{url}`. A line break separates the lines of a multi-line reply.
    pub text: Spanned<String>,
    /// Why it is given. Without this, the code is all there is to go by.
    pub means: Option<Meaning>,
    /// What a sender should do about it; what its meaning advises unless said otherwise.
    pub advice: Option<Spanned<String>>,
    /// Where the text comes from.
    pub source: Option<String>,
    /// How far to trust it; `assumed` unless said otherwise.
    pub confidence: Option<Spanned<Confidence>>,
}

/// A limit (`count`, `per`, `window`, `limit` …) or a `check`, and what follows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RuleSpec {
    /// The stage at which the rule is asked.
    #[schemars(required)]
    pub at: Option<Spanned<Stage>>,
    /// Whose counter it is. May be left out for the windows `session` and `message`.
    pub per: Option<Spanned<Scope>>,
    /// What is counted.
    pub count: Option<Spanned<Meter>>,
    /// Over which time.
    pub window: Option<Spanned<WindowSpec>>,
    /// The number that the count may not exceed.
    pub limit: Option<Spanned<LimitSpec>>,
    /// Whether what the rule refuses counts too; `acceptances` unless said otherwise.
    pub counts: Option<Spanned<Counted>>,
    /// By time of day, the factor that scales the limit.
    pub load: Option<Spanned<Vec<LoadStepSpec>>>,
    /// How the limit moves by itself several times a day.
    pub wobble: Option<Spanned<WobbleSpec>>,
    /// Whose reputation chooses the tier, or the place on a curve; `client-ip` unless said otherwise.
    pub reputation_of: Option<Spanned<ReputationOf>>,
    /// Instead of a limit, a question.
    pub check: Option<Spanned<CheckSpec>>,
    /// What is answered.
    #[schemars(required)]
    pub answer: Option<Spanned<AnswerSpec>>,
    /// Time-outs for a client that keeps on breaking the rule.
    pub hold: Option<Spanned<HoldSpec>>,
    /// Whether the rule is asked at all; a timeline can switch it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Where the numbers come from.
    pub source: Option<String>,
    /// How far to trust them; `assumed` unless said otherwise.
    pub confidence: Option<Spanned<Confidence>>,
    /// Where the limit comes from, if from elsewhere than the rest.
    pub limit_source: Option<String>,
    /// How far to trust the limit, if not like the rest.
    pub limit_confidence: Option<Spanned<Confidence>>,
    /// Where the window comes from, if from elsewhere than the rest.
    pub window_source: Option<String>,
    /// How far to trust the window, if not like the rest.
    pub window_confidence: Option<Spanned<Confidence>>,
    /// Where the hold's times come from, if from elsewhere than the rest.
    pub hold_source: Option<String>,
    /// How far to trust the hold's times, if not like the rest.
    pub hold_confidence: Option<Spanned<Confidence>>,
}

const fn yes() -> bool {
    true
}
