//! The receiving side.
mod policy;
pub mod profile;
pub use policy::*;
