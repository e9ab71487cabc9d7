//! Clients that talk before they are greeted (RFC 5321, section 4.3.1), as programs do that send to all and listen to
//! none.
//!
//! A provider that looks for them lets every client wait. That is all a simulated sender feels of it: it never talks
//! early. Who talks is known to a world that sees bytes, and it says so while the client waits.

use super::check_kind::{CheckKind, CheckTiming};
use super::population::Population;
use crate::smtp::Stage;
use crate::spanned::{Checker, Spanned};
use crate::time::{Span, Time};

/// Refuses clients that talk before the greeting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyTalker {
    /// How long the greeting is held back for every client.
    pub pause: Span,
}

impl EarlyTalker {
    /// What a profile means that lets every client wait so long.
    pub(super) fn build(pause: &Spanned<Span>, check: &mut Checker<'_>) -> Self {
        if pause.is_zero() {
            let message = "no client can talk early where the greeting comes at once";
            check.wrong_do(&pause.span, message, "write a length such as \"6s\"");
        }
        Self { pause: pause.value }
    }
}

impl CheckKind for EarlyTalker {
    fn words(&self) -> String {
        format!("to a client that talks before the greeting, which comes {} later", self.pause)
    }

    fn reason(&self) -> Option<&'static str> {
        None
    }

    fn in_short(&self) -> Option<String> {
        Some(format!("every greeting comes {} later; who talks before it is refused", self.pause))
    }

    fn too_late_at(&self, stage: Stage) -> Option<(String, &'static str)> {
        let message = || (format!("at `{stage}` every client has been greeted"), "ask this rule at `connect`");
        (stage > Stage::Connect).then(message)
    }

    fn timing(&self, _stage: Stage) -> CheckTiming {
        CheckTiming::BeforeGreeting(self.pause)
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
