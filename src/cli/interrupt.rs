//! Ctrl-C: the first ends the trials in flight early and keeps what is finished; the second ends everything at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use super::{Exit, Failure, terminal};

/// Set once the user asks it to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// Cancels a token on Ctrl-C (or a polite request to end); the second ends everything at once. To be called once, from
/// within a runtime.
pub(super) fn cancel(token: &CancellationToken) -> Result<(), Failure> {
    let token = token.clone();
    ctrlc::set_handler(move || {
        if token.is_cancelled() {
            process::exit(i32::from(Exit::Interrupted as u8));
        }
        token.cancel();
    })
    .map_err(|error| Failure::unwritten(format_args!("cannot listen for Ctrl-C: {error}")))
}

/// Begins to listen for Ctrl-C (and a polite request to end); to be called once.
pub(super) fn listen() -> Result<&'static AtomicBool, Failure> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            process::exit(i32::from(Exit::Interrupted as u8));
        }
        terminal::note("stopping; finished trials are kept (Ctrl-C again: end at once)");
    })
    .map_err(|error| Failure::unwritten(format_args!("cannot listen for Ctrl-C: {error}")))?;
    Ok(&STOP)
}
