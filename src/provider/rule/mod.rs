//! What a rule can be: one file a kind, with what it is, what it remembers, how it is evaluated and how it is foreseen.
//!
//! To add a check is to write its file, with its answers to what `check_kind` asks, and to add it to the lists:
//! [`check`] (what it is, what it remembers, what it lets pass), [`check_spec`] (how a profile writes it), and `state`
//! where it remembers something. No list has a wildcard: the compiler names every place that misses a new kind.

mod always;
mod authentication;
mod bernoulli;
mod block_list;
mod busy;
mod check;
mod check_kind;
pub(super) mod check_spec;
mod early_talker;
mod greylist;
mod idle;
mod kind;
pub(super) mod limit;
mod long_local_part;
mod low_reputation;
mod mailbox;
mod meter;
mod no_ptr;
mod no_sender_dns;
mod outage;
mod population;
mod relaying;
mod session_age;
mod size;
mod spam;
mod state;

pub use busy::BusySpells;
pub use check::Check;
pub(super) use check_kind::CheckTiming;
pub use early_talker::EarlyTalker;
pub use greylist::{Greylist, GreylistOf};
pub use idle::IdleLimit;
pub use kind::RuleKind;
pub use limit::Limit;
pub use long_local_part::LongLocalPart;
pub use low_reputation::LowReputation;
pub use meter::Meter;
pub use outage::Outage;
pub use population::Population;
pub use session_age::SessionAge;
pub use size::SizeLimit;
pub(super) use state::RuleState;
