//! What standard output says to programs: every line is a JSON object with a `type`. `mxlab schema events` prints the
//! JSON Schema of these types, and its comments are theirs.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::provider::profile::{Audit, ProfileComparison, ProfileNumber};
use crate::record::OwnFailure;
use crate::report::{ResultsSummary, SchemaVersion};

/// A line of standard output of `mxlab serve`, `send`, `run`, `sweep`, `report` and `profiles` where it is JSON.
///
/// `serve` writes `started` first, then an event a line as they happen, and `summary` last; without events (`--quiet`)
/// the first and the last. `send` writes one `summary`, `run` one for each scenario, `sweep` one line of type `sweep`,
/// `report` what the folder has, `profiles audit` one line of type `audit` for each profile, and `profiles compare` one
/// of type `comparison`. A run that is stopped, by Ctrl-C or by mxlab itself, ends with its `summary` too.
///
/// Every event and every `summary` has `type` and `at`; those of a connection `provider`, `client` and `connection`;
/// those of a message `message`, `from`, `recipients`, `verdict`, `rule` and `reply`.
///
/// The version of this schema is in `started`, `summary` and `sweep`. It grows when something is renamed, removed or
/// means something else; new types and new fields may come without that, so readers should skip what they do not know.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "mxlab output")]
pub(super) enum OutputLine<'a> {
    Event(EventLine<'a>),
    Results(ResultsSummary<'a>),
    Profiles(ProfileLine<'a>),
}

/// What happens while `serve` serves.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum EventLine<'a> {
    Started(Started<'a>),
    Opened(Opened<'a>),
    Refused(Refused<'a>),
    Accepted(Accepted<'a>),
    Lost(Lost<'a>),
    Closed(Closed<'a>),
}

/// What `profiles` says of profiles.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum ProfileLine<'a> {
    Audit(AuditLine<'a>),
    Comparison(&'a ProfileComparison),
}

/// The numbers of a profile that its provider did not publish.
#[derive(Serialize, JsonSchema)]
pub(super) struct AuditLine<'a> {
    /// The profile's name.
    profile: &'a str,
    /// How many numbers it has in all.
    numbers: usize,
    /// Those that are not published, those with a report behind them first.
    unpublished: Vec<&'a ProfileNumber>,
}

impl<'a> From<&'a Audit> for AuditLine<'a> {
    fn from(audit: &'a Audit) -> Self {
        Self { profile: &audit.profile, numbers: audit.numbers.len(), unpublished: audit.unpublished().collect() }
    }
}

impl OutputLine<'_> {
    /// The JSON Schema of all lines.
    pub(super) fn json_schema_document() -> Value {
        SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<Self>().to_value()
    }
}

/// The servers listen: the first line of `serve`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Started<'a> {
    pub(super) schema: SchemaVersion,
    /// Seconds since the start by the providers' clock, as in every event.
    pub(super) at: f64,
    /// The version of mxlab.
    pub(super) mxlab: &'a str,
    /// What chance and unknown limits are drawn from.
    pub(super) seed: u64,
    /// How much faster than the wall the providers' clock goes.
    pub(super) speed: f64,
    /// The providers that are served.
    pub(super) providers: Vec<StartedProvider<'a>>,
    /// Where DNS is answered, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dns: Option<SocketAddr>,
    /// Where administrators are heard, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admin: Option<SocketAddr>,
}

/// A provider that is served.
#[derive(Serialize, JsonSchema)]
pub(super) struct StartedProvider<'a> {
    /// Its name, as events have it.
    pub(super) name: &'a str,
    /// Its MX hosts.
    pub(super) hosts: Vec<StartedHost<'a>>,
}

/// An MX host that listens.
#[derive(Serialize, JsonSchema)]
pub(super) struct StartedHost<'a> {
    /// Its name in the DNS and in its greeting.
    pub(super) name: &'a str,
    /// The address and port at which it listens.
    pub(super) address: SocketAddr,
}

/// A session began.
#[derive(Serialize, JsonSchema)]
pub(super) struct Opened<'a> {
    #[serde(flatten)]
    pub(super) connection: ConnectionFields<'a>,
}

/// A session ended. A connection that was refused before its greeting was no session: its `refused` is all there is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Closed<'a> {
    #[serde(flatten)]
    pub(super) connection: ConnectionFields<'a>,
}

/// A connection, a command or a message was refused: by a rule, by an order, or by the SMTP session itself, which
/// refuses what is no SMTP.
#[derive(Serialize, JsonSchema)]
pub(super) struct Refused<'a> {
    #[serde(flatten)]
    pub(super) connection: ConnectionFields<'a>,
    /// The message, where the refusal is about one.
    #[serde(flatten)]
    pub(super) message: Option<MessageFields<'a>>,
    /// Where in the session: `connect`, `ehlo`, `mail`, `rcpt`, `data` or `end-of-data`.
    ///
    /// Of a line that is no command, or one out of sequence: what was due, `ehlo`, `mail` or `rcpt`.
    pub(super) stage: &'static str,
    #[serde(flatten)]
    pub(super) decision: DecisionFields<'a>,
}

/// A message was accepted, with a reply of class 2.
#[derive(Serialize, JsonSchema)]
pub(super) struct Accepted<'a> {
    #[serde(flatten)]
    pub(super) connection: ConnectionFields<'a>,
    /// The message. Recipients whom it does not reach after all are not among its recipients.
    #[serde(flatten)]
    pub(super) message: MessageFields<'a>,
    #[serde(flatten)]
    pub(super) decision: DecisionFields<'a>,
    /// Its size in bytes.
    pub(super) size: u64,
}

/// A connection was lost while a message was received, or mxlab's own side broke it off in a transaction: nobody has
/// decided about it. `closed` follows.
#[derive(Serialize, JsonSchema)]
pub(super) struct Lost<'a> {
    #[serde(flatten)]
    pub(super) connection: ConnectionFields<'a>,
    #[serde(flatten)]
    pub(super) message: MessageFields<'a>,
    #[serde(flatten)]
    pub(super) decision: DecisionFields<'a>,
    /// What mxlab's own side was short of, if that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) own_failure: Option<OwnFailure>,
}

/// What every event of a connection has.
#[derive(Serialize, JsonSchema)]
pub(super) struct ConnectionFields<'a> {
    /// Seconds since the start by the providers' clock.
    pub(super) at: f64,
    /// The provider's name.
    pub(super) provider: &'a str,
    /// The client's address.
    pub(super) client: IpAddr,
    /// The connection's number, from 1, over all hosts, in the order in which connections were greeted or refused.
    pub(super) connection: u64,
}

/// What every event of a message has.
#[derive(Serialize, JsonSchema)]
pub(super) struct MessageFields<'a> {
    /// The message's number, from 1, over all connections, in the order of their MAIL commands.
    pub(super) message: u64,
    /// MAIL FROM; empty for the null path.
    pub(super) from: &'a str,
    /// The recipients that the event is about: of a refused RCPT the one, of a message those that RCPT accepted. At
    /// most 100; none where the SMTP session itself refused RCPT.
    pub(super) recipients: &'a [&'a str],
    /// How many recipients the event is about, where that are more than `recipients` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipients_count: Option<usize>,
}

/// What was decided, by whom, and in which words: what every event of a message has, and every refusal.
#[derive(Serialize, JsonSchema)]
pub(super) struct DecisionFields<'a> {
    pub(super) verdict: EventVerdict,
    /// The rule that decided; null where none did: of a message that was accepted or lost, an outcome that was asked
    /// for, or a refusal of the SMTP session itself.
    pub(super) rule: Option<&'a str>,
    /// The reply as it was sent, its lines separated by line feeds; null if there was none.
    pub(super) reply: Option<&'a str>,
}

/// What became of a connection, a command or a message.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EventVerdict {
    /// A reply of class 2.
    Accepted,
    /// A reply of class 4: it may be tried again.
    Deferred,
    /// A reply of class 5.
    Rejected,
    /// The connection was closed without a reply.
    Dropped,
    /// Nobody has decided: the connection was lost before.
    Undecided,
}
