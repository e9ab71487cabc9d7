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
//! Imports have an order of their own: each of these knows only those before it, and not always all of them
//! (`tests/tidy/arrows.rs` says which).
//!
//! ```text
//!  words · smtp, parallel · provider, sender, workload · scenario · record · trial · sim, live · report · study · cli
//! ```
//!
//! `record` and `report` know neither scenario nor machines: `record` has words of its own, and what writes into it
//! translates.
//!
//! # The rooms
//!
//! Words that everything is said in:
//! - [`time`], [`rng`], [`units`], [`dist`]: moments and spans, named streams of chance, quantities and ids,
//!   distributions
//! - [`diagnostic`], [`spanned`]: what is wrong with a file a person wrote, and values that know where they were
//!   written
//! - [`harmless`]: text of others on its way out
//! - [`stats`]: means, differences, medians over seeds and how sure of them one can be
//! - [`metric`]: the figures that people name in `[[expect]]` and `[sweep]`, with their units
//!
//! Tools without words of a scenario:
//! - [`smtp`]: stages, commands, replies; both ends of a session as machines of bytes
//! - [`parallel`]: many tasks side by side, for those above a world
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
//! Without default features there is the core: all of the above but what these add, and nothing that needs a runtime or
//! a socket.
//! - `live`: [`live`], [`study::run_live`]
//! - `plots`: [`report`] with its drawings
//! - `cli`: [`cli`] and the program, with `live` and `plots`
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
//! `tests/tidy.rs` checks the imports, the purity of the core, that no two files import each other, that no two types
//! share a name, and a list of words that comments do without.

// The map above names all rooms, also those that a feature adds.
#![cfg_attr(
    not(feature = "cli"),
    allow(rustdoc::broken_intra_doc_links, reason = "rooms that are not built have no page to link to")
)]

// What tests inside and outside share names the library as those outside do.
#[cfg(test)]
extern crate self as mxlab;

#[cfg(feature = "cli")]
pub mod cli;
pub mod diagnostic;
pub mod dist;
pub mod harmless;
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
