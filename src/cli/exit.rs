//! How mxlab ends, as scripts see it.

use std::process::ExitCode;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; every expectation of the scenarios was met. Also when the reader of the output went away.
    Met = 0,
    /// Done, but an expectation was missed.
    Missed = 1,
    /// The command line, a scenario, a profile or a trace makes no sense, or the memory would not suffice. Nothing ran.
    BadInput = 2,
    /// An invariant is broken: a fault of mxlab. The message says how to replay it.
    Broken = 3,
    /// A result could not be written, or a failure of mxlab's own side (file descriptors, addresses, memory, a disk)
    /// touched the run. What was written stays; a run that was touched says so in its first line.
    Io = 4,
    /// Ctrl-C, as shells count it (128 + SIGINT). Finished trials were kept and their results marked partial.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scripts rely on these numbers.
    #[test]
    fn the_numbers_stay() {
        let all = [Exit::Met, Exit::Missed, Exit::BadInput, Exit::Broken, Exit::Io, Exit::Interrupted];
        assert_eq!(all.map(|exit| exit as u8), [0, 1, 2, 3, 4, 130]);
    }
}
