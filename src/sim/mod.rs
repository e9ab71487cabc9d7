//! The world in virtual time: one event queue, one thread, one seed. A day of mail in a second.
//!
//! [`trial`] runs one strategy under one seed and returns what was recorded. A trial is a pure function of scenario,
//! strategy and seed. [`witnessed`] runs the same trial under the eyes of a [`Witness`].

mod connection;
mod foresight;
mod network;
mod queue;
#[cfg(test)]
mod tests;
mod witness;
mod world;

pub use crate::scenario::Setting;
pub use witness::{Answer, Command, Witness};
pub use world::{Broken, trial, witnessed};
