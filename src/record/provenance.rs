//! Where a result comes from: what one has to know to get it again.

use serde::{Deserialize, Serialize};

/// Where a result comes from; saved as `run.json`. Says nothing about when, so that equal runs give equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProvenance {
    /// Version of the record's format.
    pub format: u32,
    /// mxlab's version.
    pub version: String,
    /// The scenario's name.
    pub scenario: String,
    /// Hash of the scenario's text and of every file it draws on, 16 hexadecimal digits.
    pub scenario_hash: String,
    /// The command line that made it.
    pub command: String,
    /// The first seed.
    pub seed: u64,
    /// How many seeds, counted up from the first.
    pub seeds: u32,
    /// What the run was made on.
    pub machine: Machine,
}

/// A machine, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system, such as `linux`.
    pub os: String,
    /// Processor architecture, such as `x86_64`.
    pub arch: String,
    /// Cores the run could use.
    pub cores: usize,
}
