//! What real providers were seen to do with senders over days and weeks, held against the built-in profiles.
//!
//! The facts are numbered as in the collection that they come from (sources in each test). Those marked "calibrated"
//! chose the profiles' constants, and so prove nothing but that they still hold; the others follow from the shape of
//! the model.

#[path = "dynamics/facts.rs"]
mod facts;
#[path = "dynamics/patience.rs"]
mod patience;
#[path = "dynamics/sender.rs"]
mod sender;
