//! The oracle is the upper bound: it meets the closed form where there is one, and no strategy beats it.
//!
//! What is claimed, exactly: take a provider whose rules are not a matter of chance and ask no client to come back
//! (greylisting), and whose tiers nothing moves; mail of one kind (one sender domain, recipients that exist, one
//! recipient a message); limits that sources do not share; and connections that cost no time. Then at every moment the
//! oracle has delivered at least as much as any other strategy, and was never refused. Where a connection costs time
//! (three round trips, a tarpit at the door), it is at most one set-up late: it opens none for mail that is still to
//! come.
//!
//! Where reputation moves, sending fast may cost what sending slowly would have kept: there the oracle shows what the
//! rules allow from one moment to the next, and no bound.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "oracle/closed_forms.rs"]
mod closed_forms;
#[path = "oracle/duel.rs"]
mod duel;
#[path = "oracle/lab.rs"]
mod lab;
