//! The sending side.
pub mod preset;
pub mod strategy;
pub use strategy::Strategy;
