//! Many trials: every strategy of a scenario under every seed, side by side on all cores.
//!
//! A world never runs in parallel inside; trials do. The result does not depend on how many threads ran it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::record::{Expected, METRICS_FORMAT, Provider, Record, Trial, mean};
use crate::rng::Seed;
use crate::scenario::Scenario;
use crate::sender::{Strategy, preset};
use crate::sim;
use crate::workload::generate;

pub use crate::sim::Broken;

/// What is run of a scenario, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds, counted up from the first; at least 1.
    pub seeds: u32,
    /// How many trials at a time; at least 1.
    pub threads: usize,
    /// Whether the oracle is run as the bound of all others.
    pub bound: bool,
    /// Only strategies with these names; empty is all.
    pub strategies: Vec<String>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Trials done.
    pub done: usize,
    /// Trials in all.
    pub of: usize,
}
