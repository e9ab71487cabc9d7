//! Independent mail programs against `mxlab serve`, and `mxlab send` against independent servers: what both sides
//! report of the same sessions must agree, and messages must arrive as they were sent.
//!
//! A peer that is not installed is a skip that says so, and a failure where the environment has `CI`; `.ci/run peers`
//! installs them all. Everything happens on loopback, in processes that end with the test that started them.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::print_stderr, reason = "figures, and skips, for people who read along")]
#![allow(clippy::disallowed_methods, reason = "peers live in wall-clock time, in processes of their own")]

#[path = "driver/arrived.rs"]
mod arrived;
#[path = "driver/awkward_bodies.rs"]
mod awkward_bodies;
#[path = "peers/bodies.rs"]
mod bodies;
#[path = "peers/bounce_categories.rs"]
mod bounce_categories;
#[path = "peers/bounce_mail.rs"]
mod bounce_mail;
#[path = "peers/bounce_parsers.rs"]
mod bounce_parsers;
#[path = "peers/caller.rs"]
mod caller;
#[path = "peers/exim.rs"]
mod exim;
#[path = "peers/haraka.rs"]
mod haraka;
#[path = "peers/lettre.rs"]
mod lettre;
#[path = "peers/mail_log.rs"]
mod mail_log;
#[path = "peers/measured.rs"]
mod measured;
#[path = "peers/nodemailer.rs"]
mod nodemailer;
#[path = "peers/postfix.rs"]
mod postfix;
#[path = "peers/process.rs"]
mod process;
#[path = "peers/profiles.rs"]
mod profiles;
#[path = "peers/program.rs"]
mod program;
#[path = "peers/python.rs"]
mod python;
#[path = "peers/real_receivers.rs"]
mod real_receivers;
#[path = "peers/receivers.rs"]
mod receivers;
#[path = "peers/said_replies.rs"]
mod said_replies;
#[path = "support/scenario.rs"]
mod scenario_text;
#[path = "peers/serve_results.rs"]
mod serve_results;
#[path = "peers/served.rs"]
mod served;
#[path = "peers/servers.rs"]
mod servers;
#[path = "peers/smtp_source.rs"]
mod smtp_source;
#[path = "peers/swaks.rs"]
mod swaks;
