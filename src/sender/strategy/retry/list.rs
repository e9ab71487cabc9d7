//! A list of waits, as PowerMTA, Stalwart and many others are given one.

use std::fmt;

use crate::time::Span;

/// These waits in turn; the last repeats. At least one, none of them zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitList(pub Vec<Span>);

impl WaitList {
    /// The wait after failure number `failures`, 1 for the first.
    pub fn wait(&self, failures: u8) -> Span {
        self.0[usize::from(failures - 1).min(self.0.len() - 1)]
    }
}

impl fmt::Display for WaitList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "retries after {}", waits.join(", "))
    }
}
