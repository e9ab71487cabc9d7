//! A progress bar with the time that is left, on a terminal; nothing in a pipe.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::harmless;
use crate::study;

/// How far a scenario's trials have come.
pub(super) struct ProgressDisplay(ProgressBar);

impl ProgressDisplay {
    /// A bar called `name`; none if `quiet` or if standard error is no terminal.
    pub(super) fn new(name: &str, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target).with_message(harmless::line(name));
        match ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} trials, {eta} left") {
            Ok(style) => Self(bar.with_style(style)),
            Err(_) => Self(bar),
        }
    }

    /// So many trials are done.
    pub(super) fn show(&self, progress: study::RunProgress) {
        self.0.set_length(progress.of as u64);
        self.0.set_position(progress.done as u64);
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
