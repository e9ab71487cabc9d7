//! The trial script: what a trial does over time besides moving bytes, the same in every world.
//!
//! [`TrialInput`] is what a trial runs: the sender, the providers and the mail of a scenario. [`TrialScript`] says what
//! is due when. [`RunningTrial`] plays the steps of the script (arrivals, policy changes, complaints, samples), does
//! what the sender wants, and closes the accounts. What worlds differ in is a [`World`].
//!
//! What the two machines say is written down in the record's own words; the translation stands here, once for all
//! worlds.

mod complaints;
mod event_queue;
mod input;
mod running_trial;
mod script;
mod translate;
mod world;

pub use complaints::Complaint;
pub use input::TrialInput;
pub use running_trial::RunningTrial;
pub use script::{Due, ScriptStep, TrialScript};
pub use translate::{
    closing_account, provider_facts, provider_info, provider_sample, record_refusal, response, strategy_info,
};
pub use world::World;
