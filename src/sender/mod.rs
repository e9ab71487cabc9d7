//! The sending side: a queue manager that every strategy shares, and the strategies as choices on seven axes.
//!
//! Pure: no clock, no socket, no thread, no chance of its own. [`Sender`] is told events and yields actions; a world
//! does them. Knows nothing of providers but their replies.

mod event;
mod layout;
mod limiter;
mod manager;
pub mod preset;
mod queue;
mod reply_class;
pub mod strategy;

pub use event::{
    Action, AttemptResult, Delivery, Event, Foreseen, Foresight, Injection, Outcome, RecipientResult, Timer,
    TransactionResult,
};
pub use manager::{CONNECTIONS_MAX, Sender, SenderTask, SiteCounts, WindowSamples};
pub use strategy::Strategy;
