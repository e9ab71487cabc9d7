//! The receiving side.
mod policy;
pub use policy::*;
