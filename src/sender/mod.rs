//! The sending side.
pub mod strategy;
pub use strategy::Strategy;
