//! Clients that mean harm, or are broken: no panic, no memory without limit, and nobody else notices.
//!
//! Every test plays one of them against a cluster of its own, with a client beside it that behaves; at the end the books
//! must balance and nobody may be connected any more.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "attack/bytes.rs"]
mod bytes;
#[path = "attack/early.rs"]
mod early;
#[path = "attack/process.rs"]
mod process;
#[path = "attack/sockets.rs"]
mod sockets;
#[path = "attack/target.rs"]
mod target;
