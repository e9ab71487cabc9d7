//! The sending side: a queue manager that every strategy shares, and the strategies as choices on seven axes.
//!
//! Pure: no clock, no socket, no thread, no chance of its own. [`Sender`] is told events and yields actions; a world
//! does them. Knows nothing of providers but their replies.

mod admission;
mod binding;
mod connection_demand;
mod connection_pool;
mod connection_reuse;
mod dispatcher;
mod event;
mod layout;
mod limiter;
mod manager;
mod message_rounds;
mod oracle;
pub mod preset;
mod process_gate;
mod queue;
mod reply_classes;
mod retry_law;
mod site_counts;
mod spool;
pub mod strategy;
mod task;
mod timers;
mod waiting_line;
mod wake_queue;

pub use connection_demand::ConnectionDemand;
pub use connection_pool::CONNECTIONS_MAX;
pub use event::{
    Action, AttemptResult, Delivery, Event, Foreseen, Foresight, Injection, Outcome, RecipientResult, Timer,
    TransactionResult,
};
pub use manager::Sender;
pub use site_counts::{SiteCounts, WindowSamples};
pub use strategy::Strategy;
pub use task::SenderTask;

#[cfg(test)]
mod tests;
