//! The trial script: what a trial does over time besides moving bytes, the same in every world.
//!
//! [`TrialInput`] is what a trial runs: the sender, the providers and the mail of a scenario. A world ([`World`]) owns
//! a [`TrialScript`], takes from it what is due, and has [`play`] play the steps: arrivals, policy changes, complaints,
//! samples. [`run_actions`] does what the sender wants, [`finish`] closes the accounts.
//!
//! What the two machines say is written down in the record's own words; the translation stands here, once for all
//! worlds.

mod complaints;
mod event_queue;
mod input;
mod script;
mod translate;
mod world;

pub use complaints::Complaint;
pub use input::TrialInput;
pub use script::{Due, ScriptStep, TrialScript};
pub use translate::{closing_account, provider_facts, provider_info, provider_sample, record_refusal, strategy_info};
pub use world::{World, finish, play, run_actions};
