//! The wire, end to end and in memory: dialogs from files, any split of the bytes, smuggling, the client against the
//! server, our parser against an independent one, and no allocation for a command.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "smtp/allocations.rs"]
mod allocations;
#[path = "smtp/dialog.rs"]
mod dialog;
#[path = "smtp/dialogs.rs"]
mod dialogs;
#[path = "smtp/differential.rs"]
mod differential;
#[path = "smtp/round_trip.rs"]
mod round_trip;
#[path = "smtp/smuggling.rs"]
mod smuggling;
#[path = "smtp/splits.rs"]
mod splits;
#[path = "smtp/world.rs"]
mod world;
