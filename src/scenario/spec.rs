//! A scenario as its file writes it: every table and key, with the place of whatever can be wrong.
//!
//! Nothing here is checked beyond its type; `build` says what it means. The JSON Schema comes from these types, so the
//! comments on their fields are what an editor shows.

mod sweep;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::model::BadHost;
use crate::dist::DistSpec;
use crate::provider::profile::LimitSpec;
use crate::sender::preset::StrategySpec;
use crate::spanned::{Count, CountRange, NamedTable, Spanned, TextOrTable};
use crate::time::Span;
use crate::units::{Bytes, Fraction};
use crate::workload::Priority;
pub use sweep::{SafeSpec, SweepSpec, ValuesSpec};

/// An experiment: who sends what to whom, by which strategies.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScenarioSpec {
    /// The question it answers, in a sentence.
    #[serde(default)]
    pub question: String,
    /// The first seed; 1 by default.
    pub seed: Option<Count>,
    /// How many seeds are run; 5 by default.
    pub seeds: Option<Spanned<Count>>,
    /// How long a trial lasts; "24h" by default.
    pub duration: Option<Spanned<Span>>,
    /// Time of day at which a trial starts; "0h" by default.
    pub starts_at: Option<Spanned<Span>>,
    /// The mailbox providers.
    #[serde(default)]
    pub provider: Vec<Spanned<ProviderSpec>>,
    /// The sender's egress IPs.
    #[serde(default)]
    pub source: Vec<Spanned<SourceSpec>>,
    /// What lies behind sender domains. By default a domain has the history of all sources together.
    #[serde(default)]
    pub sender_domain: Vec<Spanned<SenderDomainSpec>>,
    /// The mail streams.
    #[serde(default)]
    pub stream: Vec<Spanned<StreamSpec>>,
    /// What lies between sender and providers.
    #[serde(default)]
    pub network: NetworkSpec,
    /// The strategies that are compared.
    #[serde(default)]
    pub strategy: Vec<Spanned<StrategySpec>>,
    /// What changes while it runs.
    #[serde(default)]
    pub timeline: Vec<Spanned<ChangeSpec>>,
    /// What the results must be.
    #[serde(default)]
    pub expect: Vec<Spanned<ExpectSpec>>,
    /// What `mxlab sweep` goes through; a run takes no notice of it.
    pub sweep: Option<Spanned<SweepSpec>>,
}

/// A mailbox provider: a profile, its share of the recipients, and what differs from the profile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProviderSpec {
    /// A built-in profile (open, charter, yahoo, microsoft, gmail), or the path of a profile of your own, relative to
    /// the scenario and ending in .toml.
    pub profile: Spanned<String>,
    /// Its name in the results; the profile's by default.
    pub name: Option<Spanned<String>>,
    /// Its share of the recipients, as a weight against the other providers'; 1 by default.
    pub share: Option<Spanned<f64>>,
    /// Its recipient domains and their weights; the profile's domains, all alike, by default.
    pub domains: Option<Spanned<NamedTable<Spanned<f64>>>>,
    /// Values that differ from the profile, by their path: `rule.connections.limit = 8`.
    #[serde(default)]
    pub set: SetSpec,
}

/// Values of a profile by their path: a table, which the profile's own reader reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetSpec;

impl<'de> Deserialize<'de> for SetSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NamedTable::<IgnoredAny>::deserialize(deserializer).map(|_| Self)
    }
}

/// An egress IP, or several in a row.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SourceSpec {
    /// The address that providers see; the first one where there are several.
    pub ip: Spanned<String>,
    /// How many addresses in a row, from `ip` on; 1 by default.
    pub count: Option<Spanned<Count>>,
    /// The network as providers count networks, such as "192.0.2.0/24"; by default the /24 (IPv6: /64) of each address.
    pub network: Option<Spanned<String>>,
    /// Its reputation at the start, at every provider. By default 0.8 with a `daily-volume`, and a stranger's without.
    pub reputation: Option<Spanned<Fraction>>,
    /// Whether it is on a block list; false by default.
    #[serde(default)]
    pub listed: bool,
    /// Whether it has a PTR record that resolves back; true by default.
    pub ptr: Option<bool>,
    /// Recipients a day that it used to reach at each provider. By default 10,000 with a `reputation`, and none
    /// without.
    pub daily_volume: Option<Spanned<Count>>,
    /// For how long it has sent so much; by default long enough to be fully known.
    pub age: Option<Spanned<Span>>,
    /// The account that it logs in to, such as "news@tenant.example", at every provider; none by default. Sources may
    /// share one. In virtual time only: over sockets mxlab's own sender does not log in, and each source is an account
    /// of its own.
    pub account: Option<Spanned<String>>,
}

/// What lies behind a sender domain, at every provider.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SenderDomainSpec {
    /// The domain, as a stream names it.
    pub name: Spanned<String>,
    /// Its reputation at the start. By default 0.8 with a `daily-volume`, and a stranger's without.
    pub reputation: Option<Spanned<Fraction>>,
    /// Recipients a day that it used to reach at each provider, from whatever IPs. By default 10,000 with a
    /// `reputation`, and none without.
    pub daily_volume: Option<Spanned<Count>>,
    /// For how long it has sent so much; by default long enough to be fully known.
    pub age: Option<Spanned<Span>>,
}

/// A mail stream: mail of one kind, with its own list and its own authentication.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StreamSpec {
    /// Its name; may be left out where there is only one.
    pub name: Option<Spanned<String>>,
    /// When messages are to go out, and how many.
    pub arrivals: Spanned<ArrivalsSpec>,
    /// Recipients of one message: a number, or a range such as [1, 5]; 1 by default.
    pub recipients_per_message: Option<Spanned<CountRange>>,
    /// Sizes of messages; "75kB" by default.
    pub size: Option<Spanned<TextOrTable<Bytes, VaryingSizeSpec>>>,
    /// Who is on the list; everybody exists by default.
    #[serde(default)]
    pub list: ListSpec,
    /// What authentication its messages pass; all by default.
    #[serde(default)]
    pub authentication: AuthenticationSpec,
    /// The domain of MAIL FROM and From; "sender.example" by default.
    pub sender_domain: Option<Spanned<String>>,
    /// What the local part of MAIL FROM ends with, behind the number of the message and a plus sign, such as
    /// "bounces-7f3a-user=customer.example" for a VERP; nothing by default. With it a local part may be longer than the
    /// 64 octets that RFC 5321 asks servers to take.
    pub sender_local_part: Option<Spanned<String>>,
    /// The sources that carry it, in turn; all by default.
    pub sources: Option<Spanned<Vec<Spanned<String>>>>,
    /// What goes first; nothing by default.
    #[serde(default)]
    pub priority: Priority,
}

/// When messages are to go out, and how many.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ArrivalsSpec {
    /// A campaign: all at one moment.
    #[serde(rename_all = "kebab-case")]
    AtOnce {
        /// How many recipients.
        recipients: Spanned<Count>,
        /// When; "0s" by default.
        at: Option<Spanned<Span>>,
    },
    /// Independent messages at one rate.
    #[serde(rename_all = "kebab-case")]
    Poisson {
        /// Messages an hour, on average.
        per_hour: Spanned<f64>,
        /// From; "0s" by default.
        from: Option<Spanned<Span>>,
        /// Until; the end of the trial by default.
        until: Option<Spanned<Span>>,
    },
    /// Independent messages at rates that change.
    Stages(Spanned<Vec<PoissonStageSpec>>),
    /// A daily curve.
    #[serde(rename_all = "kebab-case")]
    Diurnal {
        /// How many recipients in all.
        recipients: Spanned<Count>,
        /// Over how long, from the start; the whole trial by default.
        over: Option<Spanned<Span>>,
        /// 24 weights, one for each hour of the day from midnight; a business day's curve by default.
        hours: Option<Spanned<Vec<Spanned<f64>>>>,
    },
    /// Mail as it really went: the path of a CSV file, relative to the scenario.
    Trace(Spanned<String>),
}

/// A stretch of time with one rate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PoissonStageSpec {
    /// How long it lasts.
    pub lasts: Spanned<Span>,
    /// Messages an hour, on average; 0 is a pause.
    pub per_hour: Spanned<f64>,
}

/// Sizes that vary.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum VaryingSizeSpec {
    /// From the first to the second.
    Uniform([Bytes; 2]),
    /// Half are smaller than `median`.
    #[serde(rename_all = "kebab-case")]
    LogNormal {
        /// Half are smaller.
        median: Bytes,
        /// Standard deviation of the natural logarithm; 0 to 5.
        sigma: f64,
    },
    /// None below `minimum`, and a heavy tail.
    #[serde(rename_all = "kebab-case")]
    Pareto {
        /// The smallest.
        minimum: Bytes,
        /// The tail index; the lower, the heavier the tail.
        shape: f64,
    },
}

/// Who is on the list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListSpec {
    /// How many different addresses there are; by default every recipient is another one.
    pub addresses: Option<Spanned<Count>>,
    /// Share of recipients that do not exist.
    pub unknown: Option<Spanned<Fraction>>,
    /// Share of recipients whose mailbox is full.
    pub full: Option<Spanned<Fraction>>,
    /// Share of recipients that are spam traps.
    pub traps: Option<Spanned<Fraction>>,
    /// Share of recipients that read what they get; they exist, and they never complain.
    pub engaged: Option<Spanned<Fraction>>,
    /// Share of the deliveries to the others that end in a complaint.
    #[serde(default)]
    pub complaints: Fraction,
    /// How long after the delivery they complain; exponential with a mean of "4h" by default.
    pub complaint_delay: Option<Spanned<DistSpec>>,
    /// Share of messages whose content looks like spam.
    #[serde(default)]
    pub spam: Fraction,
}

/// What checks of their sender messages pass; all by default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AuthenticationSpec {
    /// The sender domain has MX or address records.
    pub dns: Option<bool>,
    /// SPF passes.
    pub spf: Option<bool>,
    /// DKIM passes.
    pub dkim: Option<bool>,
    /// DMARC passes.
    pub dmarc: Option<bool>,
}

/// What lies between sender and providers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkSpec {
    /// Round-trip time, drawn once for each connection; "40ms" by default.
    pub rtt: Option<Spanned<DistSpec>>,
    /// Bytes a second of one connection, such as "10MB"; no limit by default.
    pub bandwidth: Option<Spanned<Bytes>>,
    /// Share of transactions during which the connection is lost.
    #[serde(default)]
    pub reset: Fraction,
    /// Share of a provider's MX hosts that are bad.
    #[serde(default)]
    pub bad_hosts: Fraction,
    /// How a bad host fails.
    #[serde(default)]
    pub bad_how: BadHost,
    /// How fast the sending host is; never busy by default.
    #[serde(default)]
    pub host: HostSpec,
}

/// What the sending host needs for its work, which it does one piece after the other.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HostSpec {
    /// For each message that arrives, such as "2ms"; nothing by default.
    #[serde(default)]
    pub arrival: Span,
    /// For each delivery that begins, such as "4ms"; nothing by default.
    #[serde(default)]
    pub delivery: Span,
}

/// A change while it runs: of a rule (`provider`, `rule`, and `limit` or `enabled`), or of a reputation (`source`,
/// `reputation`, and `provider` unless it is all of them).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChangeSpec {
    /// When, from the start of the trial.
    pub at: Spanned<Span>,
    /// Whose policy; may be left out where there is only one provider, or where a reputation changes at all of them.
    pub provider: Option<Spanned<String>>,
    /// Which rule, by its name in the profile.
    pub rule: Option<Spanned<String>>,
    /// The rule's new limit, as a profile writes limits.
    pub limit: Option<Spanned<LimitSpec>>,
    /// Whether the rule is asked from now on.
    pub enabled: Option<Spanned<bool>>,
    /// The source whose reputation changes.
    pub source: Option<Spanned<String>>,
    /// Its new reputation.
    pub reputation: Option<Spanned<Fraction>>,
}

/// What a result must be: the mean over the seeds lies in a range.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExpectSpec {
    /// Which figure, such as deferral-share or time-to-99.
    pub metric: Spanned<String>,
    /// The strategy it is about, by its name; "oracle" is always there.
    pub strategy: Spanned<String>,
    /// The provider it is about; all of them together by default.
    pub provider: Option<Spanned<String>>,
    /// At least.
    pub min: Option<Spanned<f64>>,
    /// At most.
    pub max: Option<Spanned<f64>>,
}

impl JsonSchema for SetSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Set".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "description": "Values of the profile, by their path." })
    }
}
