//! Reputation: what a provider thinks of a client IP or a sender domain, and how much mail it grants it.
//!
//! No provider publishes its formula. What is known of real ones has one shape (rates, not counts; a minimum of
//! evidence; two time scales; a limit from the sender's own accepted history), and this is the smallest model of that
//! shape: every constant is in the profile, with its source and how far to trust it.
//!
//! - [`Evidence`](evidence): decayed sums of what an identity did in the last hours and days.
//! - Quality: what the evidence's *rates* come to, whatever the volume.
//! - [`Standing`](standing): the score follows quality in time, fast down and slowly up, and a stranger becomes known.
//! - [`AllowanceModel`](allowance): the volume that an identity's own accepted history entitles it to.
//!
//! Above the allowance mail is deferred, by limits that a profile writes as shares of it. That costs no reputation.
//! What ignoring those deferrals costs is a matter of holds on refusals.

pub(super) mod allowance;
mod evidence;
mod model;
mod standing;
#[cfg(test)]
pub(super) mod tests;

pub use allowance::{AllowanceModel, DailyVolume, FORGOTTEN_AFTER};
pub(super) use model::Scoring;
pub use model::{Engagement, History, Placement, ReputationModel, ReputationOf, Tier, ToleratedRates};
pub(super) use standing::{AcceptedMail, Standing};
