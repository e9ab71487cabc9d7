//! The world on sockets and the world in virtual time: the same machines, so the same results.
//!
//! Where timing cannot matter, every decision is the same, one after the other. Where it can, what was accepted,
//! deferred and when all of it was there agree within 2 %, once the simulated network has the round trip that was
//! measured on the real one. `cargo test --test parity -- --nocapture` prints both.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "parity/decisions.rs"]
mod decisions;
#[path = "parity/figures.rs"]
mod figures;
#[path = "support/scenario.rs"]
mod scenario_text;
