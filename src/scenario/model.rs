//! What a scenario means: values that cannot be wrong. Everything to the right of `scenario` sees only these.

use std::net::IpAddr;

use super::sweep::Sweep;
use crate::dist::Dist;
use crate::provider::{History, Policy, PolicyChange};
use crate::sender::Strategy;
use crate::time::{Span, Time};
use crate::units::{AccountId, Fraction, NetworkId, ProviderId};
use crate::workload::Workload;

/// An experiment: who sends what to whom, by which strategies.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name: the file's stem.
    pub name: String,
    /// The question it answers.
    pub question: String,
    /// The first seed.
    pub seed: u64,
    /// How many seeds are run unless the command line says otherwise; at least 1.
    pub seeds: u32,
    /// How long a trial lasts at most.
    pub duration: Span,
    /// Time of day at which a trial starts.
    pub day_starts: Span,
    /// The providers; at least one. A provider's [`ProviderId`] is its place.
    pub providers: Vec<Policy>,
    /// All recipient domains of all providers.
    pub domains: Vec<Domain>,
    /// The egress IPs; at least one.
    pub sources: Vec<Source>,
    /// The names of the accounts that sources log in to: `news@tenant.example`.
    pub accounts: Vec<String>,
    /// What lies behind each sender domain of the workload; `None` is what lies behind all sources together.
    pub sender_histories: Vec<Option<History>>,
    /// The streams of mail, and the sender domains they write as.
    pub workload: Workload,
    /// The network between the sender and the providers.
    pub network: Network,
    /// The strategies that are compared; at least one, with different names.
    pub strategies: Vec<Strategy>,
    /// What changes while it runs; sorted by time.
    pub timeline: Vec<Change>,
    /// What the results must be.
    pub expectations: Vec<Expectation>,
    /// What `mxlab sweep` goes through unless the command line says otherwise.
    pub sweep: Option<Sweep>,
    /// FNV-1a hash of the scenario's text and of every file it draws on.
    pub hash: u64,
}

/// A recipient domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name, in lower case: `charter.net`.
    pub name: String,
    /// The provider that serves it.
    pub provider: ProviderId,
}

/// An egress IP.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The address providers see.
    pub ip: IpAddr,
    /// Its network, as providers count networks.
    pub network: NetworkId,
    /// Whether it is on a block list.
    pub listed: bool,
    /// Whether it has a PTR record that resolves back.
    pub ptr: bool,
    /// What lies behind it, at every provider.
    pub history: History,
    /// The account that it logs in to, at every provider.
    pub account: Option<AccountId>,
}

/// The network between sender and providers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Round-trip time of a connection, drawn once for each connection.
    pub rtt: Dist,
    /// Bytes per second of one connection; `None` is instant.
    pub bytes_per_second: Option<u64>,
    /// Share of transactions during which the connection is lost.
    pub reset: Fraction,
    /// Share of a provider's MX hosts that are bad, behind a balancer: a connection that meets one fails.
    pub bad_hosts: Fraction,
    /// How a bad host fails.
    pub bad_how: BadHost,
    /// How fast the sending host is.
    pub host: Host,
}

/// What the sending host needs for its work, which it does one piece after the other: deliveries wait where there is
/// more than it can do. Zero is a host that is never busy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// For each message that arrives.
    pub arrival: Span,
    /// For each delivery that begins.
    pub delivery: Span,
}

/// How a bad host fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BadHost {
    /// The connection is refused at once.
    #[default]
    Refuses,
    /// Nothing answers until the connect time-out.
    Silent,
    /// The connection is taken but never greeted.
    NeverGreets,
}

/// A change while it runs.
#[derive(Clone, Debug)]
pub struct Change {
    /// The moment of it, from the start of the trial.
    pub at: Time,
    /// The provider whose policy changes.
    pub provider: ProviderId,
    /// What becomes of a limit, a rule or a reputation.
    pub policy_change: PolicyChange,
}

/// What a result must be: the mean over the seeds must lie in a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The metric's name: one of [`crate::metric::METRICS`].
    pub metric: String,
    /// The strategy it is about.
    pub strategy: String,
    /// The provider it is about; `None` is all of them together.
    pub provider: Option<String>,
    /// The metric is at least this; minus infinity where there is no lower end.
    pub min: f64,
    /// The metric is at most this; infinity where there is no upper end.
    pub max: f64,
}
