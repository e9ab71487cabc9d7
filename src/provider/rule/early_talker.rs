//! Clients that talk before they are greeted (RFC 5321, section 4.3.1), as programs do that send to all and listen to
//! none.
//!
//! A provider that looks for them lets every client wait. That is all a simulated sender feels of it: it never talks
//! early. Who talks is known to a world that sees bytes, and it says so while the client waits.

use crate::spanned::{Checker, Spanned};
use crate::time::Span;

/// How long a profile lets every client wait.
pub(super) fn build(pause: &Spanned<Span>, check: &mut Checker<'_>) -> Span {
    if pause.is_zero() {
        let message = "no client can talk early where the greeting comes at once";
        check.wrong_do(&pause.span, message, "write a length such as \"6s\"");
    }
    pause.value
}

/// What is refused, in words.
pub(super) fn words(pause: Span) -> String {
    format!("to a client that talks before the greeting, which comes {pause} later")
}

/// What every client sees of it, in short.
pub(super) fn in_short(pause: Span) -> String {
    format!("every greeting comes {pause} later; who talks before it is refused")
}
