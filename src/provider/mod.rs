//! The receiving side: a mailbox provider's inbound policy as data, and the engine that enforces it.
//!
//! Pure: no clock, no socket, no thread, no chance of its own. [`Policy`] says what a profile means; [`Provider`] is
//! told the time and what a client does, and answers with a [`Verdict`]. Knows nothing of senders.

mod anew;
mod case;
mod ceiling;
mod engine;
mod forecast;
mod held;
mod hold;
mod keyed;
mod listener;
mod policy;
pub mod profile;
mod reputation;
mod rules;
mod standing;
mod steps;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;
mod weather;
mod window;

pub use ceiling::{Amount, Ceiling, LoadStep};
pub use engine::{Activity, Provider};
pub use forecast::{Asked, Forecast};
pub use listener::{Arrival, Places};
pub use policy::*;
pub use reputation::Reputation;
pub use verdict::{Addressee, Client, Decision, Envelope, Refusal, Verdict};
pub use window::Counter;
