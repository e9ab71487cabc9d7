//! The wire's vocabulary as types and bytes: stages, commands, replies, and the two ends of a session as machines that
//! are given bytes and give bytes. No I/O, no clock, no policy: whoever owns the socket moves the bytes, and whoever
//! owns the policy answers the questions.
//!
//! Bytes and meaning are two layers. [`Command`] and [`Reply`] are what is meant; [`Server`] turns a client's bytes
//! into questions and answers into bytes.

mod address;
mod body;
mod command;
mod extension;
mod fault;
mod line;
mod parameter;
mod reply;
mod sasl;
mod server;
mod stage;
mod xclient;

pub use address::{Mailbox, Path, PathError};
pub use body::{Body, Piece};
pub use command::{Command, CommandError};
pub use extension::{Extension, Extensions, Limits};
pub use fault::Fault;
pub use line::{Line, LineEnds, Lines};
pub use parameter::{BodyKind, Mail, Notify, Rcpt, Return};
pub use reply::{Class, Code, Enhanced, InvalidCode, InvalidEnhanced, Reply};
pub use sasl::Credentials;
pub use server::{Answer, Closing, Config, Counts, Question, Server, Turn};
pub use stage::Stage;
pub use xclient::{Attribute, Attributes};
