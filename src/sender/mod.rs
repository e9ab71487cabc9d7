//! The sending side: a queue manager that every strategy shares, and the strategies as choices on seven axes.
//!
//! Pure: no clock, no socket, no thread, no chance of its own. [`Sender`] is told events and yields actions; a world
//! does them. Knows nothing of providers but their replies.

mod event;
mod layout;
mod limiter;
mod manager;
mod meaning;
pub mod preset;
mod queue;
pub mod strategy;

pub use event::{Action, Delivery, Event, Foreseen, Foresight, Heard, Injection, Outcome, Replied, Settled, Timer};
pub use manager::{CONNECTIONS_MAX, Counts, Plan, Seen, Sender};
pub use strategy::Strategy;
