//! The world in virtual time: one event queue, one thread, one seed. A day of mail in a second.
//!
//! [`trial`] runs one strategy under one seed and returns what was recorded. A trial is a pure function of scenario,
//! strategy and seed. [`observed_trial`] runs the same trial and shows an [`Observer`] every event, action and call.

mod connection;
mod foresight;
mod host;
mod network;
mod observer;
mod simulation;
#[cfg(test)]
mod tests;
mod transport;

pub use observer::{CallResult, Observer, ProviderCall};
pub use simulation::{BrokenInvariant, observed_trial, trial};
