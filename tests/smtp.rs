//! The wire, end to end and in memory: dialogs from files, any split of the bytes, smuggling, the client against the
//! server, and our parser against one nobody here wrote.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "smtp/dialog.rs"]
mod dialog;
#[path = "smtp/dialogs.rs"]
mod dialogs;
#[path = "smtp/world.rs"]
mod world;
