//! mxlab: a laboratory for sending mail under other people's limits.
//!
//! On one side stand mailbox providers: fake receiving servers that enforce Charter-, Yahoo-, Microsoft- and
//! Gmail-style limits, where every deferral is *caused* by what the sender did. On the other side stands a sender
//! that replays a strategy. A run says what was delivered, when, and what it cost in deferrals, reputation and time.
//!
//! # The one idea
//!
//! **The provider and the sender are state machines without sockets, clocks or threads. A world owns time and moves
//! events between them.** Nothing below reads a clock or rolls a die of its own: a trial is a pure function of
//! scenario, strategy, seed and version.
//!
//! # The way of the data
//!
//! ```text
//!  scenario ──► workload ─────┐
//!    (TOML)     sender ───────┤►  trial ──► sim | live ──► record ──► report
//!               provider ─────┘                ▲                 (table, CSV, JSON, plots, HTML)
//!                                              │
//!                                            study (strategies × seeds × values, on all cores)
//! ```
//!
//! Data flows from left to right, and nothing imports what stands to its right; `record` has words of its own, and
//! what writes into it translates.
//!
//! # The rooms
//!
//! Words that everything is said in:
//! - [`time`], [`rng`], [`units`], [`dist`]: moments and spans, named streams of chance, quantities and ids,
//!   distributions
//! - [`diagnostic`], [`spanned`]: what is wrong with a file a person wrote, and values that know where they were
//!   written
//! - [`stats`]: means, differences, medians over seeds and how sure of them one can be
//! - [`metric`]: the figures that people name in `[[expect]]` and `[sweep]`, with their units
//! - [`parallel`]: many tasks side by side, for those above a world
//! - [`smtp`]: stages, commands, replies; both ends of a session as machines of bytes
//!
//! The two machines and what they work on:
//! - [`provider`]: policies as data, the engine that enforces them, the built-in profiles
//! - [`sender`]: the queue manager that every strategy shares, the seven axes of a strategy, the presets
//! - [`workload`]: mail streams, and the table of recipients they turn into under a seed
//!
//! From a file to results:
//! - [`scenario`]: what people write (`spec`), what it means (`model`), and the way from one to the other (`build`)
//! - [`trial`]: the script that both worlds follow: arrivals, policy changes, complaints, samples, closing checks
//! - [`sim`]: the world in virtual time, and what observes it
//! - [`live`]: the world on sockets: MX hosts, the driver, and what stands beside them (DNS, TLS, administrators)
//! - [`record`]: counters, time series and histograms: what happened
//! - [`report`]: what people read; sees only what was recorded
//! - [`study`]: many trials: runs, and sweeps over one value
//! - [`cli`]: the command line, one file a subcommand
//!
//! # Features
//!
//! Without default features there is all of the above but what these add, and nothing that needs a runtime or a socket:
//! - `live`: [`live`], [`study::run_live`]
//! - `report`: [`report`]; `plots`: the drawings in it
//! - `cli`: [`cli`] and the program, with `live` and `report`
//!
//! # Start here
//!
//! [`provider::Policy`] says what a limit can be, [`sender::Strategy`] what a throttle can be; [`sim::trial`] lets one
//! meet the other in virtual time, and [`live::trial`] on sockets.
//!
//! # Invariants
//!
//! - `provider`, `sender` and `workload` have no clock, socket, thread, randomness of the system or unordered map.
//!   `provider` and `sender` never import each other, nor any world.
//! - Recipients are conserved: injected = delivered + bounced + expired + queued, checked at the end of every trial in
//!   every build.
//! - Same scenario, seed and version: same bytes.
//!
//! `tests/tidy.rs` checks the arrows and the purity.

// What tests inside and outside share names the library as those outside do.
#[cfg(test)]
extern crate self as mxlab;

#[cfg(feature = "cli")]
pub mod cli;
pub mod diagnostic;
pub mod dist;
#[cfg(feature = "live")]
pub mod live;
pub mod metric;
pub mod parallel;
pub mod provider;
pub mod record;
#[cfg(feature = "plots")]
pub mod report;
pub mod rng;
pub mod scenario;
pub mod sender;
pub mod sim;
pub mod smtp;
pub mod spanned;
pub mod stats;
pub mod study;
pub mod time;
pub mod trial;
pub mod units;
pub mod workload;
