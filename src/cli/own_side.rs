//! What a command says of failures of mxlab's own side, and how it ends because of them.

use super::{Exit, terminal};
use crate::record::{OwnFailures, Record};

/// How a run ends that would end so, had mxlab's own side not failed in it. Says what failed, and what to do about it.
pub(super) fn judged(exit: Exit, own_failures: &OwnFailures) -> Exit {
    if !own_failures.is_empty() {
        terminal::note(terminal::error(format_args!(
            "mxlab's own side failed during the run: {own_failures}. Attempts that it held up or broke off are booked as \
             nobody's, neither refused nor failed nor lost; times and rates are not what they would have been"
        )));
        for (what, _) in own_failures.iter() {
            terminal::note(format!("  {}", what.help()));
        }
    }
    if own_failures.is_empty() { exit } else { Exit::Io }
}

/// The same of a run over sockets, which mxlab may have halted itself.
pub(super) fn judged_run(exit: Exit, record: &Record) -> Exit {
    if let Some(why) = &record.halted {
        terminal::note(terminal::error(why));
    }
    let exit = judged(exit, &record.own_failures());
    if record.halted.is_some() { Exit::Io } else { exit }
}
