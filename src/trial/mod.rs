//! The trial script: what a trial does over time besides moving bytes, the same in every world.
//!
//! [`TrialInput`] is what a trial runs: the sender, the providers and the mail of a scenario.

mod input;

pub use input::{TrialInput, mailbox};
