//! What real providers were seen to do with senders over days and weeks, held against the built-in profiles.
//!
//! The facts are numbered as in the collection that they come from (sources in each test). Those marked "calibrated"
//! chose the profiles' constants, and so prove nothing but that they still hold; the others follow from the shape of
//! the model.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "dynamics/facts.rs"]
mod facts;
#[path = "dynamics/patience.rs"]
mod patience;
#[path = "dynamics/property.rs"]
mod property;
#[path = "support/scenario.rs"]
mod scenario_text;
#[path = "dynamics/sender.rs"]
mod sender;
#[path = "dynamics/warm_ups.rs"]
mod warm_ups;
