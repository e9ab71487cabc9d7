//! What people write.
mod model;
pub use model::*;
