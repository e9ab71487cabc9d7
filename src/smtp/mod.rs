//! The wire's vocabulary as types and bytes: stages, commands, replies, and the two ends of a session as machines that
//! are given bytes and give bytes. No I/O, no clock, no policy: whoever owns the socket moves the bytes, and whoever
//! owns the policy answers the questions.
//!
//! Bytes and meaning are two layers. [`Command`] and [`Reply`] are what is meant; [`Server`] turns a client's bytes
//! into questions and answers into bytes, [`Client`] transactions into bytes and a server's bytes into results.

mod address;
mod body;
mod client;
mod command;
mod extension;
mod fault;
mod filler;
mod line;
mod parameter;
mod reply;
mod sasl;
mod server;
mod stage;
mod xclient;

pub use address::{Mailbox, Path, PathError};
pub use body::{Body, DotStuffer, Piece, dot_stuff};
pub use client::{Client, End, Event, Fate, Offers, Step, Transaction, UseTls};
pub use command::{Command, CommandError};
pub use extension::{Extension, Extensions, Limits};
pub use fault::Fault;
pub use filler::Filler;
pub use line::{Line, LineEnds, Lines};
pub use parameter::{BodyKind, Mail, Notify, Rcpt, Return};
pub use reply::{Class, Code, Enhanced, InvalidCode, InvalidEnhanced, Received, Reply, ReplyError, ReplyReader};
pub use sasl::Credentials;
pub use server::{Answer, Closing, Config, Counts, Question, Server, Turn};
pub use stage::Stage;
pub use xclient::{Attribute, Attributes};
