//! The receiving side: a mailbox provider's inbound policy as data, and the engine that enforces it.
//!
//! Pure: no clock, no socket, no thread, no chance of its own. [`Policy`] says what a profile means; [`Provider`] is
//! told the time and what a client does, and answers with a [`Verdict`]. Knows nothing of senders.

mod clock;
mod compiled_rules;
mod context;
mod enforcement;
mod engine;
mod forecast;
mod forecast_subject;
mod hold;
mod identities;
mod keyed_store;
mod limit_value;
mod listen_queue;
mod meaning;
mod message;
mod placeholder;
mod policy;
pub mod profile;
mod reputation;
mod rule;
mod rule_runtime;
mod scope;
mod served_domains;
mod session;
#[cfg(test)]
pub(crate) mod tests;
mod unknown;
mod unknown_seeds;
mod verdict;
mod window;
mod wobble;

pub use engine::Provider;
pub use forecast::Forecast;
pub use forecast_subject::{ProposedConnection, ProposedMessage};
pub use hold::{Hold, HoldStep};
pub use identities::Client;
pub use limit_value::{AllowanceShare, CurvePoint, LimitAmount, LimitValue, LoadStep, TierValue};
pub use listen_queue::{ConnectOutcome, ListenQueue};
pub use meaning::{Meaning, ReplyNote, Waiting};
pub use message::{Auth, Envelope, LocalPartLength, Mailbox, Recipient};
pub use placeholder::{Placeholder, UnknownPlaceholder};
pub use policy::{Attribution, Confidence, ListenerCapacity, Policy, PolicyChange, Rule, ServiceTimes};
pub use reputation::{
    AllowanceModel, DailyVolume, Engagement, FORGOTTEN_AFTER, History, Placement, ReputationModel, ReputationOf, Tier,
    ToleratedRates,
};
pub use rule::{
    BusySpells, Check, EarlyTalker, Greylist, GreylistOf, IdleLimit, Limit, LongLocalPart, LowReputation, Meter,
    Outage, Population, RuleKind, SessionAge, SizeLimit,
};
pub use rule_runtime::RuleStats;
pub use scope::Scope;
pub use served_domains::ServedDomains;
pub use unknown::Unknown;
pub use verdict::{Decision, Refusal, RuleAction, Verdict};
pub use window::{Aligned, Counted, Window};
pub use wobble::Wobble;
