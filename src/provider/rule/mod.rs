//! What a rule can be: one file a kind, with what it is, what it remembers, how it is evaluated and how it is foreseen.
//!
//! To add a kind is to write its file and to add it to the lists: [`check`] (what it is, and the questions that every
//! kind answers), [`check_spec`] (how a profile writes it), and `state` where it remembers something. No list has a
//! wildcard: the compiler names every question that a new kind has to answer.

mod authentication;
mod bernoulli;
mod block_list;
mod busy;
mod check;
pub(super) mod check_spec;
mod early_talker;
mod greylist;
mod kind;
pub(super) mod limit;
mod low_reputation;
mod mailbox;
mod meter;
mod no_ptr;
mod outage;
mod population;
mod size;
mod spam;
mod state;

pub use busy::BusySpells;
pub use check::Check;
pub(super) use check::CheckTiming;
pub use greylist::Greylist;
pub use kind::RuleKind;
pub use limit::Limit;
pub use low_reputation::LowReputation;
pub use meter::Meter;
pub use outage::Outage;
pub use population::Population;
pub(super) use state::RuleState;
