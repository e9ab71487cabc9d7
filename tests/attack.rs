//! Clients that are hostile or broken: no panic, no unbounded memory, and no effect on other clients.
//!
//! Every test plays one of them against a cluster of its own, next to a client that behaves; at the end recipients must
//! be conserved and no session may be open.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "attack/buffers.rs"]
mod buffers;
#[path = "attack/bytes.rs"]
mod bytes;
#[path = "attack/disk.rs"]
mod disk;
#[path = "attack/early.rs"]
mod early;
#[path = "attack/kills.rs"]
mod kills;
#[path = "attack/process.rs"]
mod process;
#[path = "attack/sockets.rs"]
mod sockets;
#[path = "attack/target.rs"]
mod target;
