//! The world in virtual time: one event queue, one thread, one seed. A day of mail in a second.
//!
//! [`trial`] runs one strategy under one seed and returns what was recorded. A trial is a pure function of scenario,
//! strategy and seed.

mod connection;
mod foresight;
mod network;
mod queue;
#[cfg(test)]
mod tests;
mod world;

pub use world::{Broken, Setting, trial};
