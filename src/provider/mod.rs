//! The receiving side: a mailbox provider's inbound policy as data, and the engine that enforces it.
//!
//! Pure: no clock, no socket, no thread, no chance of its own. [`Policy`] says what a profile means; [`Provider`] is
//! told the time and what a client does, and answers with a [`Verdict`]. Knows nothing of senders.

mod active_holds;
mod compiled_rules;
mod context;
mod early_talker;
mod engine;
mod forecast;
mod hold;
mod keyed_store;
mod limit_value;
mod listen_queue;
mod policy;
pub mod profile;
mod reputation;
mod reputation_effects;
mod reset;
mod rules;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;
mod weather;
mod window;

pub use engine::{Provider, RuleStats};
pub use forecast::{Forecast, ProposedMessage};
pub use limit_value::{LimitValue, LoadStep, TierValue};
pub use listen_queue::{Arrival, ListenQueue};
pub use policy::*;
pub use reputation::Reputation;
pub use verdict::{Client, Decision, Envelope, Recipient, Refusal, Verdict};
pub use window::Counter;
