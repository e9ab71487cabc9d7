//! Failures of mxlab's own side: what a machine could not give is never booked as what a provider does.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What mxlab's own side was short of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwnFailure {
    /// File descriptors: of the process (`ulimit -n`) or of the machine.
    Descriptors,
    /// Memory, also the kernel's for sockets.
    Memory,
    /// Local addresses or ports, or a network that they lead to.
    Addresses,
    /// The permission to do it, by a firewall of this machine for instance.
    Permission,
    /// Room on a disk, or a disk that works.
    Disk,
    /// Time, or places: a host that mxlab serves itself did not take a connection before the client gave up.
    Untaken,
}

impl OwnFailure {
    /// What was missing, in words: "no file descriptor was free".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Descriptors => "no file descriptor was free",
            Self::Memory => "there was no memory",
            Self::Addresses => "a local address, port or network was not to be had",
            Self::Permission => "this machine did not permit it",
            Self::Disk => "a disk was full or failed",
            Self::Untaken => "a host that mxlab serves did not take a connection in time",
        }
    }

    /// What to do about it.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Descriptors => "raise `ulimit -n`, or open fewer connections",
            Self::Memory => "open fewer connections, or give the machine more memory",
            Self::Addresses => "send from more addresses, or open fewer connections a second",
            Self::Permission => "look at the firewall of this machine",
            Self::Disk => "make room, or keep fewer messages",
            Self::Untaken => "open fewer connections at once, or let the clocks run slower (--speed)",
        }
    }
}

/// How often mxlab's own side failed, by what it was short of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct OwnFailures(BTreeMap<OwnFailure, u64>);

impl OwnFailures {
    /// It failed once more.
    pub fn add(&mut self, what: OwnFailure) {
        *self.0.entry(what).or_default() += 1;
    }

    /// It failed as often as `others` did, besides.
    pub fn merge(&mut self, others: &Self) {
        for (what, times) in &others.0 {
            *self.0.entry(*what).or_default() += times;
        }
    }

    /// Whether it never failed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it was short of, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (OwnFailure, u64)> {
        self.0.iter().map(|(what, times)| (*what, *times))
    }
}

impl fmt::Display for OwnFailures {
    /// `no file descriptor was free (12 times); a disk was full or failed (once)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (what, times)) in self.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { "; " })?;
            match times {
                1 => write!(f, "{} (once)", what.words())?,
                times => write!(f, "{} ({times} times)", what.words())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_add_up_and_read_as_a_sentence() {
        let mut failures = OwnFailures::default();
        assert!(failures.is_empty());
        failures.add(OwnFailure::Disk);
        let mut others = OwnFailures::default();
        others.add(OwnFailure::Descriptors);
        others.add(OwnFailure::Descriptors);
        failures.merge(&others);
        assert_eq!(failures.to_string(), "no file descriptor was free (2 times); a disk was full or failed (once)");
        let json = serde_json::to_string(&failures).unwrap();
        assert_eq!(json, r#"{"descriptors":2,"disk":1}"#);
    }
}
