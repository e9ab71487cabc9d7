//! The wire's vocabulary as types and bytes: stages, commands, replies, and the two ends of a session as machines that
//! are given bytes and give bytes. No I/O, no clock, no policy: the owner of the socket moves the bytes, and the
//! owner of the policy answers the questions.
//!
//! Bytes and meaning are two layers. [`Command`] and [`Reply`] are what is meant; [`ServerSession`] turns a client's
//! bytes into questions and answers into bytes, [`ClientSession`] transactions into bytes and a server's bytes into
//! results.

mod address;
mod client;
mod command;
mod command_error;
mod data;
mod extension;
mod filler;
mod helo_name;
mod line;
mod parameter;
mod protocol_error;
mod reply;
mod sasl;
mod server;
mod stage;
mod xclient;

pub use address::{Address, AddressError, LOCAL_PART_MAX, Path};
pub use client::{
    Capabilities, ClientClose, ClientEvent, ClientSession, RecipientReply, SessionStep, Transaction, UseTls, Violation,
    printable_line,
};
pub use command::Command;
pub use command_error::CommandError;
pub use data::{DataPiece, DataReader, DotStuffer, dot_stuff};
pub use extension::{Extension, Extensions, SessionLimits};
pub use filler::Filler;
pub use helo_name::{HeloName, InvalidHeloName};
pub use line::{Line, LineEnds, LineReader};
pub use parameter::{BodyKind, DsnNotify, DsnReturn, MailCommand, RcptCommand};
pub use protocol_error::ProtocolError;
pub use reply::{
    Class, Code, EnhancedCode, InvalidCode, InvalidEnhancedCode, ReceivedReply, Reply, ReplyError, ReplyReader, gaps,
};
pub use sasl::Credentials;
pub use server::{PolicyAnswer, PolicyQuestion, ServerClose, ServerConfig, ServerEvent, ServerSession, SessionCounts};
pub use stage::Stage;
pub use xclient::{XclientAttribute, XclientAttributes};
