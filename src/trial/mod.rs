//! The trial script: what a trial does over time besides moving bytes, the same in every world.
//!
//! [`TrialInput`] is what a trial runs: the sender, the providers and the mail of a scenario. What the two machines say
//! is written down in the record's own words; the translation stands here, once for all worlds.

mod input;
mod translate;

pub use input::{TrialInput, mailbox};
pub use translate::{attempt, closing_account, provider_facts, provider_sample, record_refusal, sender_account};
